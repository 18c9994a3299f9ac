//! Functions: their records and their code.

mod index;
mod record;
mod retired;
mod visitors;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use faasm_model::{ContentHash, FunctionName, LimitOverrides, Name, now_ms};
use futures::{StreamExt, stream};
use tokio::task::spawn_blocking;

pub use record::{FunctionRecord, Initialised};

use crate::announce::{Announcer, Changed};
use crate::objects::Objects;
use crate::page::MAX_PAGE;
use crate::records::{
    self, Blobs, ByteStream, CONCURRENT_READS, Committer, Index, Layout, Named, Turn,
};
use crate::{Artifacts, DataDirLock, Error, Page, Result, SpooledFile};
use index::ByName;
use retired::Retired;

/// Where functions of a kind are stored.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    records: &'static str,
    code: Layout,
    changed: fn(FunctionName) -> Changed,
}

impl Place {
    /// WebAssembly modules.
    pub(crate) const WASM: Self = Self {
        records: "functions",
        code: Layout {
            folder: "code",
            suffix: ".wasm",
        },
        changed: Changed::Function,
    };

    /// Python files, and archives of them.
    pub(crate) const PYTHON: Self = Self {
        records: "python",
        code: Layout {
            folder: "sources",
            suffix: "",
        },
        changed: Changed::Python,
    };
}

/// The functions of a kind that a deployment has. Cheap to clone.
///
/// Records are held in memory and looked up there. **As long as somebody holds a record,
/// the code that it names stays readable**, also when the function has been replaced or
/// deleted: calls in flight finish on the code that they started with.
///
/// A change goes on to its end even if the future that asked for it is dropped.
#[derive(Clone)]
pub struct Functions {
    committer: Arc<Committer<ByName>>,
    retired: Arc<Retired>,
    artifacts: Artifacts,
    place: Place,
    announcer: Announcer,
}

impl Functions {
    /// Most items of one [`Page`]; a greater `limit` counts as this, and 0 as 1.
    pub const MAX_PAGE: usize = MAX_PAGE;

    /// Loads all records, and deletes code that no function refers to.
    pub(crate) async fn load(
        place: Place,
        objects: Objects,
        artifacts: Artifacts,
        announcer: Announcer,
        lock: Arc<DataDirLock>,
    ) -> Result<Self> {
        let blobs = Blobs::open(&objects, place.code).await?;
        let blobs = blobs.with_compiled(artifacts.clone());
        let committer = records::load(objects, ByName::new(place.records), blobs, lock).await?;
        Ok(Self {
            committer: Arc::new(committer),
            retired: Arc::default(),
            artifacts,
            place,
            announcer,
        })
    }

    /// The function of that name. Touches nothing but memory.
    pub fn get(&self, name: &FunctionName) -> Option<Arc<FunctionRecord>> {
        self.committer.index.get(name)
    }

    /// Stores `code`, whose initialiser left `initialised`, as the function `name`, keeping
    /// the limits of the one it replaces.
    /// It is durable, and what [`get`](Self::get) returns, when this returns. Of two
    /// concurrent puts of one name, one is in force in the end, whole.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Store`], [`Error::Io`] or, of a storage elsewhere,
    /// [`Error::Unavailable`]. The function is then as it was before. But if that came at the
    /// very end, the next start, or another server, may find what was to be put; putting or
    /// deleting the function again decides it. After [`Error::Unannounced`] it is stored, and
    /// putting it again announces it again. [`Error::Interrupted`] if its code was collected in
    /// the same moment: put it again.
    pub async fn put(
        &self,
        name: FunctionName,
        code: SpooledFile,
        initialised: Option<Initialised>,
    ) -> Result<Arc<FunctionRecord>> {
        let this = self.clone();
        tokio::spawn(async move {
            // Before the turn: a small upload need not wait for a large one's bytes.
            let (hash, size) = (code.hash(), code.size());
            this.committer.blobs.acquire(code).await?;
            let turn = match this.turn(&name).await {
                Ok(turn) => turn,
                Err(error) => {
                    this.committer.blobs.release(hash).await;
                    return Err(error);
                }
            };
            let replaced = this.get(&name);
            let record = FunctionRecord {
                hash,
                size,
                uploaded_at_ms: now_ms(),
                limits: replaced.map(|record| record.limits).unwrap_or_default(),
                initialised,
                name,
            };
            let record = this.commit(turn, record).await?;
            this.committer.blobs.confirm(hash).await?;
            Ok(record)
        })
        .await?
    }

    /// Replaces the function's own limits, durably. `None` if there is no such function.
    ///
    /// # Errors
    /// [`Error::InvalidLimit`](crate::Error::InvalidLimit), or as [`put`](Self::put).
    pub async fn set_limits(
        &self,
        name: &FunctionName,
        limits: LimitOverrides,
    ) -> Result<Option<Arc<FunctionRecord>>> {
        limits.check()?;
        let (this, name) = (self.clone(), name.clone());
        tokio::spawn(async move {
            let turn = this.turn(&name).await?;
            let Some(mut record) = this.get(&name).map(|current| (*current).clone()) else {
                return Ok(None);
            };
            record.limits = limits;
            this.committer.blobs.share(record.hash);
            this.commit(turn, record).await.map(Some)
        })
        .await?
    }

    /// Deletes the function, durably; `false` if there is none.
    ///
    /// # Errors
    /// As [`put`](Self::put). The function may then still be there; deleting it again is
    /// safe.
    pub async fn delete(&self, name: &FunctionName) -> Result<bool> {
        let (this, name) = (self.clone(), name.clone());
        tokio::spawn(async move {
            let found = this.delete_here(&name).await?;
            let changed = (this.place.changed)(name);
            match found {
                true => this.announcer.announce(changed).await?,
                false => this.announcer.announce_owed(changed).await?,
            }
            Ok(found)
        })
        .await?
    }

    /// Deletes the function and announces nothing.
    async fn delete_here(&self, name: &FunctionName) -> Result<bool> {
        let turn = self.committer.turn(name).await;
        let found = self.committer.catch_up(&turn).await;
        self.retire(found.replaced).await;
        let turns = [turn];
        let deleted = self.committer.delete(&turns).await?;
        drop(turns);
        // What cannot be used is deleted, too.
        let found = found.outcome.is_err() || !deleted.is_empty();
        self.retire(deleted).await;
        Ok(found)
    }

    /// The function's code, as a stream that ends with an error if it is not what was put.
    ///
    /// # Errors
    /// [`Error::DamagedCode`](crate::Error::DamagedCode) if it is not there,
    /// [`Error::Store`](crate::Error::Store) if it cannot be read.
    pub async fn read(&self, record: &Arc<FunctionRecord>) -> Result<ByteStream> {
        self.committer.read(record).await
    }

    /// The function's code, whole and checked.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn code(&self, record: &Arc<FunctionRecord>) -> Result<Bytes> {
        records::collect(self.read(record).await?, record.size).await
    }

    /// The users who have functions, sorted; those behind `after`, `limit` at most.
    pub fn users(&self, after: Option<&Name>, limit: usize) -> Page<Name> {
        self.committer.index.users(after, limit)
    }

    /// The functions of `user` by name; those behind `after`, `limit` at most.
    pub fn list(
        &self,
        user: &Name,
        after: Option<&Name>,
        limit: usize,
    ) -> Page<Arc<FunctionRecord>> {
        self.committer.index.list(user, after, limit)
    }

    /// The images that functions start from.
    pub(crate) fn images(&self) -> HashSet<ContentHash> {
        let image = |record: &FunctionRecord| match record.initialised {
            Some(Initialised::Image(id)) => Some(id),
            Some(Initialised::Nothing) | None => None,
        };
        self.committer.index.filter_map(image)
    }

    /// The code of all functions.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.committer.blobs
    }

    /// Whether any function has, or had for someone who still holds it, this code.
    pub(crate) fn uses(&self, hash: &ContentHash) -> bool {
        self.committer.blobs.is_held(hash)
    }

    /// Waits for the right to change `name`, with what is in force now.
    async fn turn(&self, name: &FunctionName) -> Result<Turn<'_, ByName>> {
        let turn = self.committer.turn(name).await;
        let found = self.committer.catch_up(&turn).await;
        self.retire(found.replaced).await;
        match found.outcome {
            // What is put replaces it.
            Ok(()) | Err(Error::UnusableRecord { .. }) => Ok(turn),
            Err(error) => Err(error),
        }
    }

    async fn commit(
        &self,
        turn: Turn<'_, ByName>,
        record: FunctionRecord,
    ) -> Result<Arc<FunctionRecord>> {
        let record = Arc::new(record);
        self.commit_here(turn, Arc::clone(&record)).await?;
        let changed = (self.place.changed)(record.name.clone());
        self.announcer.announce(changed).await?;
        Ok(record)
    }

    /// Puts `record` in force and announces nothing.
    async fn commit_here(&self, turn: Turn<'_, ByName>, record: Arc<FunctionRecord>) -> Result<()> {
        let replaced = self.committer.commit(&turn, record).await?;
        // Others who hear of it and change it, too, must not wait for this one.
        drop(turn);
        self.retire(replaced).await;
        Ok(())
    }

    /// Reads the function again: another server may have changed it.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or another that says why its record cannot be read. There is no
    /// such function then until it is refreshed again, for it must not be run as it was.
    pub async fn refresh(&self, name: &FunctionName) -> Result<()> {
        let (this, name) = (self.clone(), name.clone());
        tokio::spawn(async move {
            let turn = this.committer.turn(&name).await;
            let refreshed = this.committer.refresh(&turn).await;
            drop(turn);
            this.retire(refreshed.replaced).await;
            refreshed.outcome
        })
        .await?
    }

    /// Reads all functions again. Damaged records are logged and left out.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: some functions are then as they were, some are not there, and
    /// some were read.
    pub async fn refresh_all(&self) -> Result<()> {
        let names = self.committer.all_names().await?;
        let each = stream::iter(names).map(|name| async move { self.refresh(&name).await });
        let mut each = each.buffer_unordered(CONCURRENT_READS);
        let mut all = Ok(());
        while let Some(refreshed) = each.next().await {
            match refreshed {
                Err(error @ Error::UnusableRecord { .. }) => {
                    tracing::error!(%error, "a stored record was left out");
                }
                // The others go on: none of them may stay out of date.
                refreshed => all = all.and(refreshed),
            }
        }
        all
    }

    /// The content that stored records name.
    pub(crate) async fn named(&self) -> Result<Named> {
        self.committer.named().await
    }

    /// Removes the image of a function that is out of force, unless the present one, which
    /// may differ in its limits alone, starts from it, too.
    async fn forget_image(&self, old: &FunctionRecord) {
        let Some(Initialised::Image(id)) = old.initialised else {
            return;
        };
        let present = self.get(&old.name).map(|present| present.initialised);
        if present == Some(old.initialised) {
            return;
        }
        let (artifacts, hash) = (self.artifacts.clone(), old.hash);
        let removed = spawn_blocking(move || artifacts.remove_image(hash, id)).await;
        if let Err(error) = removed.unwrap_or_else(|error| Err(error.into())) {
            tracing::warn!(%hash, %error, "an unused image stays on disk until the next start");
        }
    }

    async fn retire(&self, old: impl IntoIterator<Item = Arc<FunctionRecord>>) {
        for record in self.retired.add(old) {
            self.forget_image(&record).await;
            self.committer.blobs.release(record.hash).await;
        }
    }
}
