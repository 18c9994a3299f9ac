//! The object store, with the promises that the rest of this crate builds on.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use tokio::task::spawn_blocking;

use crate::keyed_locks::locked;
use crate::nofollow::{self, Dir};
use crate::{Error, Result, SpooledFile, dirs};

/// Bytes that are read from a local file at once.
pub(crate) const READ_BYTES: u64 = 256 << 10;

/// Objects by key. A put is atomic; it and a delete are durable when they return.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    local: Arc<LocalTree>,
}

/// What the local backend leaves to be done for durability.
#[derive(Debug)]
struct LocalTree {
    root: PathBuf,
    /// Directories whose own entry is known to be on disk.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Objects {
    /// Opens the directory `root`, which exists and which no other process uses.
    pub(crate) fn open_local(root: PathBuf) -> Result<Self> {
        let mut durable = HashSet::new();
        settle(&root, &mut durable)?;
        let store = LocalFileSystem::new_with_prefix(&root)
            .map_err(Error::store("open"))?
            .with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
            local: Arc::new(LocalTree {
                root,
                durable: Mutex::new(durable),
            }),
        })
    }

    /// Stores a small object, in the place of one that is there.
    pub(crate) async fn put(&self, key: &Key, bytes: Bytes) -> Result<()> {
        self.store
            .put(key, bytes.into())
            .await
            .map_err(Error::store("write"))?;
        self.make_parents_durable(key).await
    }

    /// Makes `file` the object, in the place of one that is there. No byte is copied.
    pub(crate) async fn put_file(&self, key: &Key, file: SpooledFile) -> Result<()> {
        let (path, dir) = (self.local.path_of(key), self.local.dir_of(key));
        spawn_blocking(move || {
            file.move_to(&path)?;
            dirs::sync(&dir)
        })
        .await??;
        self.make_parents_durable(key).await
    }

    /// An object's size and bytes, or `None` if it does not exist. Once this returns,
    /// the local backend delivers the whole object even if it is replaced or deleted.
    pub(crate) async fn get(
        &self,
        key: &Key,
    ) -> Result<Option<(u64, BoxStream<'static, Result<Bytes>>)>> {
        let got = match self.store.get(key).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(Error::store("read")(error)),
        };
        let size = got.meta.size;
        let bytes = match got.payload {
            GetResultPayload::File(file, path) => read_file(file, path),
            GetResultPayload::Stream(stream) => stream.map_err(Error::store("read")).boxed(),
        };
        Ok(Some((size, bytes)))
    }

    /// The bytes of an object that is at most `max_bytes` large; `None` if there is
    /// no such object.
    pub(crate) async fn get_small(&self, key: &Key, max_bytes: u64) -> Result<Option<Bytes>> {
        let path = self.local.path_of(key);
        spawn_blocking(move || read_small(&path, max_bytes)).await?
    }

    /// [`get_small`](Self::get_small) of each of `keys`, at far less than their sum's cost.
    pub(crate) async fn get_all_small(
        &self,
        keys: Vec<Key>,
        max_bytes: u64,
    ) -> Result<Vec<(Key, Result<Option<Bytes>>)>> {
        let local = Arc::clone(&self.local);
        let read = move |key| {
            let bytes = read_small(&local.path_of(&key), max_bytes);
            (key, bytes)
        };
        Ok(spawn_blocking(move || keys.into_iter().map(read).collect()).await?)
    }

    /// Removes objects; it is no error if there are none.
    pub(crate) async fn delete_all(&self, keys: &[Key]) -> Result<()> {
        for key in keys {
            self.discard(key).await?;
        }
        // The local backend does not sync deletes. Also done when nothing was there: an
        // earlier delete may have failed half way.
        let dirs: BTreeSet<PathBuf> = keys.iter().map(|key| self.local.dir_of(key)).collect();
        let sync = |dir: PathBuf| match dir.exists() {
            true => dirs::sync(&dir),
            false => Ok(()),
        };
        spawn_blocking(move || dirs.into_iter().try_for_each(sync)).await?
    }

    /// Removes an object in a way that may come undone if the machine fails; it is no error
    /// if there is none.
    pub(crate) async fn discard(&self, key: &Key) -> Result<()> {
        match self.store.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::store("delete")(error)),
        }
    }

    /// Opens the directory of a folder's objects, creating it if it is missing.
    pub(crate) async fn folder(&self, name: &str) -> Result<Dir> {
        let path = self.local.root.join(name);
        spawn_blocking(move || {
            dirs::create_durably(&path)?;
            Dir::open(&path).map_err(Error::io("open directory", &path))
        })
        .await?
    }

    /// The keys and sizes of all objects in a folder.
    pub(crate) async fn list(&self, folder: &'static str) -> Result<Vec<(Key, u64)>> {
        let dir = self.local.root.join(folder);
        spawn_blocking(move || {
            let mut objects = Vec::new();
            list_into(&mut objects, &dir, &Key::from(folder))?;
            Ok(objects)
        })
        .await?
    }

    /// The local backend syncs the directories that it creates, but not those which a
    /// concurrent put has created and not synced yet.
    async fn make_parents_durable(&self, key: &Key) -> Result<()> {
        let dir = self.local.dir_of(key);
        if locked(&self.local.durable).contains(&dir) {
            return Ok(());
        }
        let local = Arc::clone(&self.local);
        spawn_blocking(move || {
            let above = dir.ancestors().skip(1);
            for parent in above.take_while(|parent| parent.starts_with(&local.root)) {
                dirs::sync(parent)?;
            }
            locked(&local.durable).insert(dir);
            Ok(())
        })
        .await?
    }
}

impl LocalTree {
    fn path_of(&self, key: &Key) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(key.parts().map(|part| part.as_ref().to_owned()));
        path
    }

    fn dir_of(&self, key: &Key) -> PathBuf {
        let mut path = self.path_of(key);
        path.pop();
        path
    }
}

/// The bytes of a file that is at most `max_bytes` large; `None` if there is no such file.
fn read_small(path: &Path, max_bytes: u64) -> Result<Option<Bytes>> {
    let failed = |e| Error::io("read", path)(e);
    let Some(file) = nofollow::found(File::open(path)).map_err(failed)? else {
        return Ok(None);
    };
    // Room for most records, so that one read finds all and a second one the end.
    let mut bytes = Vec::with_capacity(1024);
    let most = max_bytes.saturating_add(1);
    let size = file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    match size as u64 > max_bytes {
        true => Err(Error::TooLarge { limit: max_bytes }),
        false => Ok(Some(bytes.into())),
    }
}

/// Adds the files below `dir`, whose key is `prefix`. The store could list them as well,
/// at three times the system calls: that is seconds at a start with many files.
fn list_into(objects: &mut Vec<(Key, u64)>, dir: &Path, prefix: &Key) -> Result<()> {
    let failed = || Error::io("list", dir);
    let Some(entries) = nofollow::found(fs::read_dir(dir)).map_err(failed())? else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry.map_err(failed())?;
        let key = prefix
            .clone()
            .join(entry.file_name().to_string_lossy().as_ref());
        let kind = entry.file_type().map_err(failed())?;
        if kind.is_dir() {
            list_into(objects, &entry.path(), &key)?;
        } else if kind.is_file() {
            objects.push((key, entry.metadata().map_err(failed())?.len()));
        }
    }
    Ok(())
}

fn read_file(file: File, path: PathBuf) -> BoxStream<'static, Result<Bytes>> {
    stream::try_unfold((file, path), |(file, path)| async {
        spawn_blocking(move || {
            let mut chunk = Vec::new();
            let read = (&file).take(READ_BYTES).read_to_end(&mut chunk);
            match read.map_err(Error::io("read", &path))? {
                0 => Ok(None),
                _ => Ok(Some((Bytes::from(chunk), (file, path)))),
            }
        })
        .await?
    })
    .boxed()
}

/// Makes `dir` and all below it durable, and removes the half-written files
/// (`{name}#{number}`) that the local backend leaves behind when the process is killed.
/// No key of ours contains `#`.
///
/// A killed process may have renamed a file without syncing the directory. We see the new
/// file and act on it, so it must not turn back into the old one.
fn settle(dir: &Path, durable: &mut HashSet<PathBuf>) -> Result<()> {
    let is_staged = |name: &str| {
        let number = name.rsplit_once('#').map(|(_, number)| number);
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    dirs::clean(dir, is_staged)?;
    dirs::sync(dir)?;
    durable.insert(dir.to_owned());
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            settle(&entry.path(), durable)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_a_killed_process_was_writing_are_removed() {
        let temp = tempfile::tempdir().unwrap();
        let user = temp.path().join("functions/u");
        dirs::create_durably(&user).unwrap();
        for name in ["f.json", "f.json#1", "f.json#22"] {
            fs::write(user.join(name), "").unwrap();
        }
        Objects::open_local(temp.path().to_owned()).unwrap();
        let left: Vec<_> = fs::read_dir(user).unwrap().flatten().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].file_name(), "f.json");
    }
}
