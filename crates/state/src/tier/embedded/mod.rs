//! The global tier in one database file of this machine.

mod chunks;
mod elements;
mod garbage;
mod leases;
mod lists;
mod pins;
mod quota;
mod seal;
mod tables;
mod values;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faasm_database::Store;
use faasm_model::{Key, Name, PerUser, StateKey};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::patches::{Patches, at_most};
use super::{
    Error, Expect, Fence, Generation, GlobalTier, ListedKey, MAX_PATCH_BYTES, MAX_VALUE_BYTES,
    Meta, Patch, Pin, Result, Usage,
};
use leases::Leases;
use lists::Page;
use pins::Pins;
use tables::{CHUNKS, LIVE, LOOSE, Loose, State, USAGE, VALUES, row_key};
use values::Set;

type Fault = faasm_database::Fault<Error>;

/// What users may have in an [`EmbeddedTier`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// Most bytes of state of a user, as [`Usage`] counts them.
    pub max_user_bytes: PerUser<u64>,
    /// Most keys of a user.
    pub max_user_keys: u64,
}

impl Default for EmbeddedOptions {
    /// 16 GiB and 1,000,000 keys.
    fn default() -> Self {
        Self {
            max_user_bytes: (16 << 30).into(),
            max_user_keys: 1_000_000,
        }
    }
}

/// A [`GlobalTier`] in the file `state.redb` of a directory.
///
/// Many writes share one flush of the disk, and readers never wait for it. What was
/// superseded is dropped bit by bit, along with other writes or when there are none.
/// Global locks are in memory, since their holders are in this process.
///
/// Dropping the tier finishes what is queued and closes the file, which blocks shortly;
/// [`GlobalTier::close`] does the same without blocking.
pub struct EmbeddedTier {
    store: Store<State>,
    shared: Arc<Shared>,
}

/// What the writing thread needs beside the tables.
struct Shared {
    options: EmbeddedOptions,
    pins: Arc<Pins>,
    leases: Leases,
}

impl EmbeddedTier {
    /// Opens the tier in the directory `dir`; makes both where they do not exist.
    ///
    /// After a crash this checks the whole file, which takes as long as reading it.
    ///
    /// # Errors
    /// [`Error::InUse`] when another tier has the file open; [`Error::NoSpace`];
    /// [`Error::Storage`].
    pub fn open(dir: &Path, options: EmbeddedOptions) -> Result<Self> {
        let shared = Arc::new(Shared {
            options,
            pins: Arc::new(Pins::new()),
            leases: Leases::default(),
        });
        let store = Store::open(dir, State(Arc::clone(&shared)))?;
        shared.pins.wake_with(store.waker());
        Ok(Self { store, shared })
    }

    /// Has a change made and committed that writes about `bytes`.
    async fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        mut change: impl FnMut(&mut tables::Tables<'_>, &Shared) -> std::result::Result<T, Fault>
        + Send
        + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let change = move |tables: &mut tables::Tables<'_>| change(tables, &shared);
        self.store.write(bytes, change).await
    }

    /// Refuses new data for which there is no room on the disk. Free pages in the file do
    /// not count: it is sparse, and those may be holes. They are left to deletions.
    fn check_room(&self, bytes: usize) -> Result<()> {
        match self.store.has_room_for(bytes) {
            true => Ok(()),
            false => Err(Error::NoSpace),
        }
    }
}

impl GlobalTier for EmbeddedTier {
    fn open<'a>(&'a self, key: &'a StateKey) -> BoxFuture<'a, Result<Option<(Meta, Pin)>>> {
        let wanted = key.clone();
        let open = async move {
            let opening = self.shared.pins.open();
            let find = self
                .store
                .read(move |txn| -> std::result::Result<_, Fault> {
                    let row = txn.open_table(VALUES)?.get(row_key(&wanted))?;
                    row.map(|row| tables::meta(row.value())).transpose()
                });
            let found = find.await?;
            Ok(found.map(|meta| (meta, Box::new(opening.pin(meta.generation.0)) as Pin)))
        };
        open.boxed()
    }

    fn read(
        &self,
        generation: Generation,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'_, Result<Bytes>> {
        let Generation(generation) = generation;
        let read = async move {
            at_most("the bytes of a read", length, MAX_PATCH_BYTES)?;
            let look = self.store.read(move |txn| {
                if txn.open_table(LIVE)?.get(generation)?.is_none() {
                    let loose = txn.open_table(LOOSE)?.get(generation)?;
                    match loose.map(|row| Loose::from_row(row.value())) {
                        Some(Loose::Staged | Loose::Superseded) => {}
                        Some(Loose::Dropping) | None => return Err(Error::Superseded.into()),
                    }
                }
                chunks::read(&txn.open_table(CHUNKS)?, generation, offset, length)
            });
            look.await
        };
        read.boxed()
    }

    fn patch<'a>(
        &'a self,
        key: &'a StateKey,
        generation: Generation,
        size: u64,
        patches: Vec<Patch>,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>> {
        let key = key.clone();
        let patch = async move {
            at_most("the value", size, MAX_VALUE_BYTES)?;
            let patches = Patches::new(patches)?;
            let bytes = patches.cost(size);
            self.check_room(bytes)?;
            let change = move |tables: &mut tables::Tables<'_>, shared: &Shared| {
                values::patch(tables, shared, &key, (generation, size), &patches, fence)
            };
            self.write(bytes, change).await
        };
        patch.boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a StateKey,
        size: u64,
        patches: Vec<Patch>,
        expect: Expect,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>> {
        let set = Set::new(key, size, expect, fence);
        let put = async move {
            let set = set?;
            let patches = Patches::new(patches)?;
            patches.within(size)?;
            let bytes = patches.cost(size);
            self.check_room(bytes)?;
            let change = move |tables: &mut tables::Tables<'_>, shared: &Shared| {
                values::put(tables, shared, &set, &patches)
            };
            self.write(bytes, change).await
        };
        put.boxed()
    }

    fn stage<'a>(&'a self, _user: &'a Name) -> BoxFuture<'a, Result<(Generation, Pin)>> {
        let stage = async move {
            self.check_room(0)?;
            let change = |tables: &mut tables::Tables<'_>, shared: &Shared| {
                let generation = values::stage(tables)?;
                // Here, where it cannot be lost with a future that nobody polls.
                let pin = Box::new(shared.pins.pin_staged(generation)) as Pin;
                Ok((Generation(generation), pin))
            };
            self.write(0, change).await
        };
        stage.boxed()
    }

    fn write_staged(
        &self,
        generation: Generation,
        patches: Vec<Patch>,
    ) -> BoxFuture<'_, Result<()>> {
        let write = async move {
            let patches = Patches::new(patches)?;
            let bytes = patches.cost(MAX_VALUE_BYTES);
            self.check_room(bytes)?;
            let change = move |tables: &mut tables::Tables<'_>, _: &Shared| {
                values::write_staged(tables, generation, &patches)
            };
            self.write(bytes, change).await
        };
        write.boxed()
    }

    fn publish<'a>(
        &'a self,
        key: &'a StateKey,
        generation: Generation,
        size: u64,
        expect: Expect,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>> {
        let set = Set::new(key, size, expect, fence);
        let publish = async move {
            let set = set?;
            let change = move |tables: &mut tables::Tables<'_>, shared: &Shared| {
                values::publish(tables, shared, &set, generation)
            };
            self.write(0, change).await
        };
        publish.boxed()
    }

    fn delete<'a>(&'a self, key: &'a StateKey, expect: Expect) -> BoxFuture<'a, Result<bool>> {
        let key = key.clone();
        self.write(0, move |tables, shared| {
            values::delete(tables, shared, &key, expect)
        })
        .boxed()
    }

    fn list<'a>(
        &'a self,
        user: &'a Name,
        prefix: &'a str,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<ListedKey>>> {
        let page = Page {
            user: user.clone(),
            prefix: prefix.to_owned(),
            after: after.cloned(),
            limit,
        };
        self.store.read(move |txn| lists::keys(txn, &page)).boxed()
    }

    fn users<'a>(
        &'a self,
        after: Option<&'a Name>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Name>>> {
        let after = after.cloned();
        self.store
            .read(move |txn| lists::users(txn, after.as_ref(), limit))
            .boxed()
    }

    fn usage<'a>(&'a self, user: &'a Name) -> BoxFuture<'a, Result<Usage>> {
        let user = user.clone();
        self.store
            .read(move |txn| tables::usage_of(&txn.open_table(USAGE)?, &user))
            .boxed()
    }

    fn append<'a>(&'a self, key: &'a StateKey, element: Bytes) -> BoxFuture<'a, Result<u64>> {
        let key = key.clone();
        let append = async move {
            at_most("the element", element.len() as u64, MAX_PATCH_BYTES)?;
            self.check_room(element.len())?;
            let bytes = element.len();
            let change = move |tables: &mut tables::Tables<'_>, shared: &Shared| {
                elements::append(tables, shared, &key, &element)
            };
            self.write(bytes, change).await
        };
        append.boxed()
    }

    fn appended<'a>(
        &'a self,
        key: &'a StateKey,
        first: u64,
        count: u64,
    ) -> BoxFuture<'a, Result<Vec<Bytes>>> {
        let key = key.clone();
        self.store
            .read(move |txn| elements::read(txn, &key, first, count))
            .boxed()
    }

    fn clear_appended<'a>(&'a self, key: &'a StateKey) -> BoxFuture<'a, Result<()>> {
        let key = key.clone();
        self.write(0, move |tables, shared| {
            elements::clear(tables, shared, &key)
        })
        .boxed()
    }

    fn lock<'a>(
        &'a self,
        key: &'a StateKey,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>>> {
        let lock = async move {
            let Some(fence) = self.shared.leases.take(key, lease)? else {
                return Ok(None);
            };
            // What an earlier holder still has on its way is refused from now on, unless
            // it was let through before: that has to be visible to the new holder.
            self.store.settled().await?;
            let held = self.shared.leases.renew(key, fence, lease)?;
            Ok(held.then_some(fence))
        };
        lock.boxed()
    }

    fn renew<'a>(
        &'a self,
        key: &'a StateKey,
        fence: Fence,
        lease: Duration,
    ) -> BoxFuture<'a, Result<bool>> {
        async move { self.shared.leases.renew(key, fence, lease) }.boxed()
    }

    fn unlock<'a>(&'a self, key: &'a StateKey, fence: Fence) -> BoxFuture<'a, Result<()>> {
        async move { self.shared.leases.give_back(key, fence) }.boxed()
    }

    fn commits(&self) -> u64 {
        self.store.commits()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let close = async move {
            self.shared.leases.close();
            self.store.close().await;
        };
        close.boxed()
    }
}
