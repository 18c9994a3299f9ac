//! The bytes of content, wherever they are.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use faasm_model::ContentHash;
use futures::TryStreamExt;
use object_store::path::Path as Key;
use tokio::task::spawn_blocking;

use super::{ByteStream, Layout};
use crate::cache::Cache;
use crate::keyed_locks::KeyedLocks;
use crate::nofollow::{self, Dir};
use crate::objects::{self, Objects, read_file};
use crate::{Error, Result, SpooledFile, dirs};

/// Content by its hash: on this machine, or elsewhere and read through a cache.
pub(super) struct Contents {
    objects: Objects,
    layout: Layout,
    place: Place,
}

enum Place {
    /// In this directory.
    Here(Dir),
    Elsewhere {
        cache: Arc<Cache>,
        /// Who wants the same content waits for the first.
        fetching: KeyedLocks<ContentHash>,
    },
}

impl Contents {
    pub(super) async fn open(objects: &Objects, layout: Layout) -> Result<Self> {
        let place = match objects.place() {
            objects::Place::Here(root) => Place::Here(folder(root.join(layout.folder)).await?),
            objects::Place::Elsewhere(cache) => Place::Elsewhere {
                cache: Arc::clone(cache),
                fetching: KeyedLocks::new(),
            },
        };
        Ok(Self {
            objects: objects.clone(),
            layout,
            place,
        })
    }

    /// Whether other servers put and use it, too.
    pub(super) fn are_shared(&self) -> bool {
        self.objects.are_shared()
    }

    /// Whether other servers delete what nobody seems to hold.
    pub(super) fn are_collected_by_others(&self) -> bool {
        self.objects.are_shared() && self.objects.is_collected_here()
    }

    /// The size of what is stored, if it is.
    pub(super) async fn size(&self, hash: ContentHash) -> Result<Option<u64>> {
        let stored = self.objects.stat(self.key(hash)).await?;
        Ok(stored.map(|stored| stored.size))
    }

    /// Deletes what was put before `before`; whether it is gone.
    pub(super) async fn collect(&self, hash: ContentHash, before: SystemTime) -> Result<bool> {
        // Again, just before: who puts it anew makes it young.
        let stored = self.objects.stat(self.key(hash)).await?;
        if stored.is_none_or(|stored| stored.modified >= before) {
            return Ok(false);
        }
        self.objects.discard(self.key(hash)).await?;
        Ok(true)
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// Stores the content in `file`, durably.
    pub(super) async fn put(&self, file: SpooledFile) -> Result<()> {
        let copied = self.objects.put_file(self.key(file.hash()), file).await?;
        if let (Some(file), Place::Elsewhere { cache, .. }) = (copied, &self.place) {
            let (cache, folder) = (Arc::clone(cache), self.layout.folder);
            // It is stored. That it will have to be fetched is no reason to say otherwise.
            if let Err(error) = spawn_blocking(move || cache.keep(folder, file)).await? {
                tracing::warn!(%error, "what was stored is not kept on this machine, too");
            }
        }
        Ok(())
    }

    /// Stores again what is gone, if it is in the cache.
    pub(super) async fn put_again(&self, hash: ContentHash) -> Result<()> {
        let copy = match self.place {
            Place::Here(_) => None,
            Place::Elsewhere { .. } => self.fetch(hash).await?,
        };
        let mut pieces = read_file(
            copy.ok_or(Error::Interrupted)?,
            self.key(hash).as_ref().into(),
        );
        let mut writer = self.objects.spool()?.create(u64::MAX);
        while let Some(piece) = pieces.try_next().await? {
            writer.write(piece).await?;
        }
        self.put(writer.finish().await?).await
    }

    /// The size and the bytes; `None` if they are not there.
    pub(super) async fn read(&self, hash: ContentHash) -> Result<Option<(u64, ByteStream)>> {
        if let Place::Here(_) = &self.place {
            return self.objects.get(self.key(hash)).await;
        }
        let Some(file) = self.fetch(hash).await? else {
            return Ok(None);
        };
        let size = file.metadata().map_err(self.failed("look at", hash))?.len();
        Ok(Some((
            size,
            read_file(file, self.key(hash).as_ref().into()),
        )))
    }

    /// The file that has the content; `None` if it is not there. Waits for the disk, and if
    /// the content is elsewhere for that, too.
    pub(super) fn open_file(&self, hash: ContentHash) -> Result<Option<File>> {
        match &self.place {
            Place::Here(dir) => {
                let opened = nofollow::found(dir.open_file(&self.layout.name(hash)));
                opened.map_err(self.failed("open", hash))
            }
            Place::Elsewhere { cache, .. } => match cache.open_file((self.layout.folder, hash))? {
                Some(file) => Ok(Some(file)),
                None => self.objects.wait_for(self.fetch(hash)),
            },
        }
    }

    /// Brings the content here if it is elsewhere, and opens it. What is not what its name says
    /// is none.
    async fn fetch(&self, hash: ContentHash) -> Result<Option<File>> {
        let Place::Elsewhere { cache, fetching } = &self.place else {
            return self.open_file(hash);
        };
        let _turn = fetching.lock(hash).await;
        let folder = self.layout.folder;
        let kept = Arc::clone(cache);
        if let Some(file) = spawn_blocking(move || kept.open_file((folder, hash))).await?? {
            return Ok(Some(file));
        }
        let key = self.key(hash);
        let Some((size, mut pieces)) = self.objects.get(key.clone()).await? else {
            tracing::error!(%key, "stored content is missing");
            return Ok(None);
        };
        let mut writer = cache.incoming().create(size);
        while let Some(piece) = pieces.try_next().await? {
            writer.write(piece).await?;
        }
        let file = writer.finish().await?;
        if file.hash() != hash {
            tracing::error!(%key, size = file.size(), "stored content is not what was put");
            return Ok(None);
        }
        let cache = Arc::clone(cache);
        spawn_blocking(move || cache.keep(folder, file))
            .await?
            .map(Some)
    }

    /// Takes care that content which is not what it should be is not read again from here.
    pub(super) fn forget(&self, hash: ContentHash) {
        if let Place::Elsewhere { cache, .. } = &self.place {
            cache.remove((self.layout.folder, hash));
        }
    }

    /// Deletes content that nobody holds. What others may just have put stays.
    pub(super) async fn discard(&self, hash: ContentHash) -> Result<()> {
        match self.place {
            Place::Here(_) => self.objects.discard(self.key(hash)).await,
            Place::Elsewhere { .. } => Ok(()),
        }
    }

    pub(super) fn key(&self, hash: ContentHash) -> Key {
        Key::from_iter([self.layout.folder, &self.layout.name(hash)])
    }

    fn failed(&self, action: &'static str, hash: ContentHash) -> impl Fn(std::io::Error) -> Error {
        let path = self.key(hash);
        move |e| Error::io(action, Path::new(path.as_ref()))(e)
    }
}

/// Opens the directory of a folder's objects, creating it if it is missing.
async fn folder(path: PathBuf) -> Result<Dir> {
    spawn_blocking(move || {
        dirs::create_durably(&path)?;
        Dir::open(&path).map_err(Error::io("open directory", &path))
    })
    .await?
}
