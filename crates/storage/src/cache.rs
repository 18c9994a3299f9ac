//! What is kept on this machine of content that is elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use faasm_model::ContentHash;

use crate::keyed_locks::locked;
use crate::nofollow::{self, Dir};
use crate::{Error, Result, Spool, SpooledFile, dirs};

/// Content by folder and hash. What was used last stays, up to a number of bytes; what is
/// removed can be read on by those who have it open.
pub(crate) struct Cache {
    dir: PathBuf,
    max_bytes: u64,
    state: Mutex<State>,
    /// Where content is received. On the same file system, for it is moved here.
    incoming: Spool,
    /// Those who keep files open, and are to close what is removed.
    keepers: RwLock<Vec<Keeper>>,
}

/// Told what is removed.
pub(crate) type Keeper = Box<dyn Fn(&ContentHash) + Send + Sync>;

/// What tells one from another.
pub(crate) type Id = (&'static str, ContentHash);

#[derive(Default)]
struct State {
    entries: HashMap<Id, Entry>,
    /// By last use.
    order: BTreeMap<u64, Id>,
    bytes: u64,
    /// Counts uses.
    clock: u64,
}

struct Entry {
    size: u64,
    used: u64,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// Opens the cache in `dir`, with what an earlier process has left in `folders`.
    pub(crate) fn open(dir: PathBuf, folders: &[&'static str], max_bytes: u64) -> Result<Self> {
        let incoming = dir.join("incoming");
        dirs::create_durably(&incoming)?;
        let mut found = Vec::new();
        for folder in folders {
            let path = dir.join(folder);
            dirs::create_durably(&path)?;
            dirs::clean(&path, |name| ContentHash::from_str(name).is_err())?;
            found.extend(contents(&path, folder).map_err(Error::io("list", &path))?);
        }
        found.sort_unstable_by_key(|(modified, ..)| *modified);
        let mut state = State::default();
        for (_, id, size) in found {
            state.insert(id, size);
        }
        let this = Self {
            dir,
            max_bytes,
            state: Mutex::new(state),
            incoming: Spool::open(incoming)?,
            keepers: RwLock::default(),
        };
        this.evict();
        Ok(this)
    }

    /// Has `keeper` told what is removed.
    pub(crate) fn tell(&self, keeper: Keeper) {
        let mut keepers = self.keepers.write().unwrap_or_else(PoisonError::into_inner);
        keepers.push(keeper);
    }

    /// Where content is received that is then [kept](Self::keep).
    pub(crate) fn incoming(&self) -> &Spool {
        &self.incoming
    }

    /// The file that has the content, if it is here.
    pub(crate) fn open_file(&self, id: Id) -> Result<Option<File>> {
        if !locked(&self.state).touch(id) {
            return Ok(None);
        }
        let path = self.dir.join(id.0);
        let open = || nofollow::found(Dir::open(&path)?.open_file(&id.1.to_string()));
        let opened = open().map_err(Error::io("open cached content in", &path))?;
        if opened.is_none() {
            locked(&self.state).remove(id);
        }
        Ok(opened)
    }

    /// Keeps `file` as the content that it is, and returns it open. Perhaps not for long: other
    /// content may need the room.
    pub(crate) fn keep(&self, folder: &'static str, file: SpooledFile) -> Result<File> {
        let (id, size) = ((folder, file.hash()), file.size());
        let path = self.path_of(id);
        let opened = File::open(file.path()).map_err(Error::io("open", file.path()))?;
        // In this order: what is on the disk is always counted.
        locked(&self.state).insert(id, size);
        // Synced, so that no crash leaves something of the right size with other bytes.
        if let Err(error) = file.move_to(&path) {
            locked(&self.state).remove(id);
            return Err(error);
        }
        self.evict();
        Ok(opened)
    }

    /// Removes content that is not what it should be.
    pub(crate) fn remove(&self, id: Id) {
        locked(&self.state).remove(id);
        self.delete(id);
    }

    /// What is here, in bytes.
    #[cfg(test)]
    fn bytes(&self) -> u64 {
        locked(&self.state).bytes
    }

    fn path_of(&self, (folder, hash): Id) -> PathBuf {
        self.dir.join(folder).join(hash.to_string())
    }

    /// Removes what was not used for longest while there is too much.
    fn evict(&self) {
        loop {
            let oldest = locked(&self.state).pop_above(self.max_bytes);
            match oldest {
                Some(id) => self.delete(id),
                None => return,
            }
        }
    }

    fn delete(&self, id: Id) {
        let path = self.path_of(id);
        if let Err(error) = nofollow::found(fs::remove_file(&path)) {
            tracing::warn!(path = %path.display(), %error, "cached content stays on disk until the next start");
        }
        let keepers = self.keepers.read().unwrap_or_else(PoisonError::into_inner);
        keepers.iter().for_each(|keeper| keeper(&id.1));
    }
}

impl State {
    fn insert(&mut self, id: Id, size: u64) {
        self.remove(id);
        self.clock += 1;
        let used = self.clock;
        self.entries.insert(id, Entry { size, used });
        self.order.insert(used, id);
        self.bytes += size;
    }

    fn remove(&mut self, id: Id) {
        if let Some(entry) = self.entries.remove(&id) {
            self.order.remove(&entry.used);
            self.bytes -= entry.size;
        }
    }

    /// Notes a use; whether it is there.
    fn touch(&mut self, id: Id) -> bool {
        self.clock += 1;
        let Some(entry) = self.entries.get_mut(&id) else {
            return false;
        };
        self.order.remove(&entry.used);
        entry.used = self.clock;
        self.order.insert(entry.used, id);
        true
    }

    /// Takes out what was not used for longest if there is more than so much.
    fn pop_above(&mut self, max_bytes: u64) -> Option<Id> {
        if self.bytes <= max_bytes {
            return None;
        }
        let (_, id) = self.order.first_key_value()?;
        let id = *id;
        self.remove(id);
        Some(id)
    }
}

/// What is in a folder, with sizes and when they came.
fn contents(dir: &Path, folder: &'static str) -> io::Result<Vec<(SystemTime, Id, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let name = entry.file_name();
        if let Ok(hash) = ContentHash::from_str(&name.to_string_lossy())
            && metadata.is_file()
        {
            found.push((metadata.modified()?, (folder, hash), metadata.len()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::io::Read;

    const FOLDER: &str = "content";

    fn open(dir: &Path, max_bytes: u64) -> Cache {
        Cache::open(dir.to_owned(), &[FOLDER], max_bytes).unwrap()
    }

    async fn keep(cache: &Cache, body: &'static str) -> (Id, File) {
        let mut writer = cache.incoming().create(1 << 20);
        writer.write(Bytes::from(body)).await.unwrap();
        let file = writer.finish().await.unwrap();
        let id = (FOLDER, file.hash());
        (id, cache.keep(FOLDER, file).unwrap())
    }

    fn is_there(cache: &Cache, id: Id) -> bool {
        cache.open_file(id).unwrap().is_some()
    }

    #[tokio::test]
    async fn what_was_used_last_stays_and_the_limit_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path(), 9);
        let (first, _) = keep(&cache, "one").await;
        let (second, _) = keep(&cache, "two").await;
        let (third, _) = keep(&cache, "333").await;
        assert!(is_there(&cache, first));
        let (fourth, _) = keep(&cache, "4").await;
        assert_eq!(
            [first, second, third, fourth].map(|id| is_there(&cache, id)),
            [true, false, true, true]
        );
        assert_eq!(cache.bytes(), 7);
        assert!(!dir.path().join(FOLDER).join(second.1.to_string()).exists());
    }

    #[tokio::test]
    async fn what_is_too_large_to_be_kept_can_be_read_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path(), 2);
        let (id, mut file) = keep(&cache, "large").await;
        assert!(!is_there(&cache, id));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "large");
        assert_eq!(cache.bytes(), 0);
    }

    #[tokio::test]
    async fn what_is_there_is_found_again_and_what_does_not_belong_there_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (id, _) = keep(&open(dir.path(), 9), "kept").await;
        let stray = dir.path().join(FOLDER).join("stray");
        fs::write(&stray, "?").unwrap();
        let cache = open(dir.path(), 9);
        assert!(is_there(&cache, id) && !stray.exists());
        assert_eq!(cache.bytes(), 4);
        assert!(!is_there(&open(dir.path(), 3), id));
    }

    #[tokio::test]
    async fn those_who_keep_files_open_are_told_what_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path(), 9);
        let told = std::sync::Arc::new(Mutex::new(Vec::new()));
        let note = std::sync::Arc::clone(&told);
        cache.tell(Box::new(move |hash| note.lock().unwrap().push(*hash)));
        let (id, _) = keep(&cache, "kept").await;
        cache.remove(id);
        assert_eq!(*told.lock().unwrap(), [id.1]);
    }
}
