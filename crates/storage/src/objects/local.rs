//! Objects as files, with the promises that the rest of this crate builds on.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt, PutMode};
use tokio::task::spawn_blocking;

use super::{Backend, Listed, Small};
use crate::keyed_locks::locked;
use crate::{ByteStream, Error, Result, SpooledFile, dirs, nofollow};

/// Bytes that are read from a local file at once.
pub(crate) const READ_BYTES: u64 = 256 << 10;

/// Objects in a directory of this machine.
#[derive(Clone, Debug)]
pub(crate) struct LocalObjects {
    store: Arc<dyn ObjectStore>,
    tree: Arc<LocalTree>,
}

/// What `object_store` leaves to be done for durability.
#[derive(Debug)]
struct LocalTree {
    root: PathBuf,
    /// Directories whose own entry is known to be on disk.
    durable: Mutex<HashSet<PathBuf>>,
}

impl LocalObjects {
    /// Opens the directory `root`, which exists and which no other process uses.
    pub(crate) fn open(root: PathBuf) -> Result<Self> {
        let mut durable = HashSet::new();
        settle(&root, &mut durable)?;
        let store = LocalFileSystem::new_with_prefix(&root)
            .map_err(Error::store("open"))?
            .with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
            tree: Arc::new(LocalTree {
                root,
                durable: Mutex::new(durable),
            }),
        })
    }

    /// The local backend syncs the directories that it creates, but not those which a
    /// concurrent put has created and not synced yet.
    async fn make_parents_durable(&self, key: &Key) -> Result<()> {
        let dir = self.tree.dir_of(key);
        if locked(&self.tree.durable).contains(&dir) {
            return Ok(());
        }
        let tree = Arc::clone(&self.tree);
        spawn_blocking(move || {
            let above = dir.ancestors().skip(1);
            for parent in above.take_while(|parent| parent.starts_with(&tree.root)) {
                dirs::sync(parent)?;
            }
            locked(&tree.durable).insert(dir);
            Ok(())
        })
        .await?
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        match self.store.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::store("delete")(error)),
        }
    }
}

impl Backend for LocalObjects {
    fn put(&self, key: Key, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let put = self.store.put(&key, bytes.into()).await;
            put.map_err(Error::store("write"))?;
            self.make_parents_durable(&key).await
        })
    }

    fn put_new(&self, key: Key, bytes: Bytes) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let create = PutMode::Create.into();
            match self.store.put_opts(&key, bytes.into(), create).await {
                Ok(_) => {}
                Err(object_store::Error::AlreadyExists { .. }) => return Ok(false),
                Err(error) => return Err(Error::store("write")(error)),
            }
            self.make_parents_durable(&key).await?;
            Ok(true)
        })
    }

    /// No byte is copied.
    fn put_file(&self, key: Key, file: SpooledFile) -> BoxFuture<'_, Result<Option<SpooledFile>>> {
        Box::pin(async move {
            let (path, dir) = (self.tree.path_of(&key), self.tree.dir_of(&key));
            spawn_blocking(move || {
                dirs::create_durably(&dir)?;
                file.move_to(&path)?;
                dirs::sync(&dir)
            })
            .await??;
            self.make_parents_durable(&key).await?;
            Ok(None)
        })
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<(u64, ByteStream)>>> {
        Box::pin(async move {
            let got = match self.store.get(&key).await {
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
        })
    }

    fn get_small(&self, key: Key, max_bytes: u64) -> BoxFuture<'_, Result<Option<Bytes>>> {
        let path = self.tree.path_of(&key);
        Box::pin(async move { spawn_blocking(move || read_small(&path, max_bytes)).await? })
    }

    fn get_all_small(&self, keys: Vec<Key>, max_bytes: u64) -> BoxFuture<'_, Result<Vec<Small>>> {
        let tree = Arc::clone(&self.tree);
        let read = move |key| {
            let bytes = read_small(&tree.path_of(&key), max_bytes);
            (key, bytes)
        };
        Box::pin(async { Ok(spawn_blocking(move || keys.into_iter().map(read).collect()).await?) })
    }

    fn stat(&self, key: Key) -> BoxFuture<'_, Result<Option<Listed>>> {
        let path = self.tree.path_of(&key);
        Box::pin(async move {
            spawn_blocking(move || {
                let failed = || Error::io("look at", &path);
                let found = nofollow::found(fs::symlink_metadata(&path)).map_err(failed())?;
                let found = found.filter(fs::Metadata::is_file);
                found
                    .map(|of| listed(key, &of))
                    .transpose()
                    .map_err(failed())
            })
            .await?
        })
    }

    fn delete_all(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for key in &keys {
                self.delete(key).await?;
            }
            // The store does not sync deletes. Also done when nothing was there: an earlier
            // delete may have failed half way.
            let dirs: BTreeSet<PathBuf> = keys.iter().map(|key| self.tree.dir_of(key)).collect();
            let sync = |dir: PathBuf| match dir.exists() {
                true => dirs::sync(&dir),
                false => Ok(()),
            };
            spawn_blocking(move || dirs.into_iter().try_for_each(sync)).await?
        })
    }

    fn discard(&self, key: Key) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.delete(&key).await })
    }

    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Listed>>> {
        let folder = Key::from(folder);
        let dir = self.tree.path_of(&folder);
        Box::pin(async move {
            spawn_blocking(move || {
                let mut objects = Vec::new();
                list_into(&mut objects, &dir, &folder)?;
                Ok(objects)
            })
            .await?
        })
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
fn list_into(objects: &mut Vec<Listed>, dir: &Path, prefix: &Key) -> Result<()> {
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
            let found = entry.metadata().and_then(|found| listed(key, &found));
            objects.push(found.map_err(failed())?);
        }
    }
    Ok(())
}

fn listed(key: Key, found: &fs::Metadata) -> io::Result<Listed> {
    Ok(Listed {
        key,
        size: found.len(),
        modified: found.modified()?,
    })
}

/// All of a file.
pub(crate) fn read_file(file: File, path: PathBuf) -> ByteStream {
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
        LocalObjects::open(temp.path().to_owned()).unwrap();
        let left: Vec<_> = fs::read_dir(user).unwrap().flatten().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].file_name(), "f.json");
    }
}
