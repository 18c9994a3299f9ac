//! What was made of functions' code, kept so that it need not be made again.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use faasm_model::ContentHash;

use crate::artifact_key::ArtifactKey;
use crate::nofollow::{self, Dir};
use crate::objects::Objects;
use crate::shared_artifacts::SharedArtifacts;
use crate::{Compat, Error, Result, dirs};

/// A local cache of what was made of code, by engine version and hash of the source.
///
/// Loading native code is trusting it, so every artifact is kept with a keyed hash
/// that only this server can make, or those of its cluster with which it shares what it makes, over the engine version, the source's hash, the kind and
/// the bytes. It also catches files torn by a crash, for nothing here is synced.
///
/// The methods block: call them where that is allowed. Cheap to clone.
#[derive(Clone)]
pub struct Artifacts {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    key: ArtifactKey,
    /// Where other servers with the same key look, too.
    shared: Option<SharedArtifacts>,
    /// Held shared to open an artifact and its authenticator, and exclusively to replace
    /// or remove them, so that the two always belong together.
    pairs: RwLock<()>,
}

/// What is made of a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactKind {
    /// Native code.
    Code,
    /// Native code that starts from an image.
    Bare,
    /// What the function's initialiser left behind, one for each time it was run.
    Image(ContentHash),
}

impl ArtifactKind {
    fn suffix(self) -> String {
        match self {
            Self::Code => "cwasm".to_owned(),
            Self::Bare => "bare.cwasm".to_owned(),
            Self::Image(id) => format!("{id}.image"),
        }
    }

    fn file_name(self, hash: ContentHash) -> String {
        format!("{hash}.{}", self.suffix())
    }

    fn mac_name(self, hash: ContentHash) -> String {
        format!("{hash}.{}.mac", self.suffix())
    }
}

/// Lets nobody else in.
pub(crate) fn make_private(dir: &Path) -> Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
        .map_err(Error::io("make private", dir))
}

impl Artifacts {
    /// A cache in `dir`, which is made if it is not there, with a key of its own.
    ///
    /// # Errors
    /// [`Error::NoSpace`] or [`Error::Io`].
    pub fn at(dir: &Path) -> Result<Self> {
        let (code, keys) = (dir.join("code"), dir.join("keys"));
        for dir in [&code, &keys] {
            dirs::create_durably(dir)?;
        }
        make_private(&keys)?;
        let key = ArtifactKey::load_or_create(&keys)?;
        Ok(Self::open_dir(code, key))
    }

    /// Opens the cache in `dir`, which exists.
    pub(crate) fn open_dir(dir: PathBuf, key: ArtifactKey) -> Self {
        Self::open_both(dir, key, None)
    }

    /// The same, with what is made put among `objects`, too, and looked for there. Whoever else
    /// has the key has to be trusted.
    pub(crate) fn open_shared(dir: PathBuf, key: ArtifactKey, objects: Objects) -> Self {
        Self::open_both(dir, key, Some(SharedArtifacts::new(objects)))
    }

    fn open_both(dir: PathBuf, key: ArtifactKey, shared: Option<SharedArtifacts>) -> Self {
        Self {
            inner: Arc::new(Inner {
                dir,
                key,
                shared,
                pairs: RwLock::new(()),
            }),
        }
    }

    /// Keeps `bytes`, which were made of the source with `hash`, replacing earlier ones at
    /// once, and shares them with the servers of the cluster if it has a key. That those do not
    /// get them is only logged.
    ///
    /// # Errors
    /// [`Error::NoSpace`] or [`Error::Io`]; the cache is then as it was. Somebody who only
    /// wants to run the code can go on without the cache.
    pub fn put(
        &self,
        compat: &Compat,
        hash: ContentHash,
        kind: ArtifactKind,
        bytes: &[u8],
    ) -> Result<()> {
        let path = self.inner.dir.join(compat.as_str());
        let put = || {
            let mac = self.authenticate(compat, hash, kind, |h| {
                h.update(bytes);
                Ok(())
            })?;
            // With the cache itself: somebody may have removed it.
            fs::create_dir_all(&path)?;
            let dir = Dir::open(&path)?;
            let file = dir.write_temporary(bytes)?;
            let written = dir.write_temporary(mac.as_bytes())?;
            let _exclusive = self.exclusive();
            file.rename_to(&kind.file_name(hash))?;
            written.rename_to(&kind.mac_name(hash))?;
            Ok(mac)
        };
        let mac = put().map_err(Error::io("write what was compiled in", &path))?;
        if let Some(shared) = &self.inner.shared {
            shared.put(compat, &kind.file_name(hash), mac.as_bytes(), bytes);
        }
        Ok(())
    }

    /// What was made of the source with `hash`, read-only and at its start, or `None` if it
    /// is not kept, here or by another server of the cluster. What fails its check is removed and counts as not kept. The check
    /// reads the very file that is returned, so putting another in its place is no attack.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn open(
        &self,
        compat: &Compat,
        hash: ContentHash,
        kind: ArtifactKind,
    ) -> Result<Option<File>> {
        if let Some(file) = self.open_here(compat, hash, kind)? {
            return Ok(Some(file));
        }
        match &self.inner.shared {
            Some(shared) if self.fetch(shared, compat, hash, kind) => {
                self.open_here(compat, hash, kind)
            }
            _ => Ok(None),
        }
    }

    fn open_here(
        &self,
        compat: &Compat,
        hash: ContentHash,
        kind: ArtifactKind,
    ) -> Result<Option<File>> {
        let path = self.inner.dir.join(compat.as_str());
        let failed = |e| Error::io("read what was compiled in", &path)(e);
        let Some((mut file, mac)) = self.open_pair(&path, hash, kind).map_err(failed)? else {
            return Ok(None);
        };
        let mut expected = Vec::new();
        mac.take(33).read_to_end(&mut expected).map_err(failed)?;
        let actual = self
            .authenticate(compat, hash, kind, |h| {
                h.update_reader(&mut file).map(|_| ())
            })
            .map_err(failed)?;
        // Compared in constant time.
        let expected = <[u8; 32]>::try_from(expected).map(blake3::Hash::from_bytes);
        if expected.is_ok_and(|expected| expected == actual) {
            file.rewind().map_err(failed)?;
            return Ok(Some(file));
        }
        tracing::warn!(%compat, %hash, ?kind, "what was compiled failed its check and was removed");
        self.remove_from(&path, hash, kind).map_err(failed)?;
        Ok(None)
    }

    /// Brings here what another server has made; whether there is anything. It is checked when
    /// it is opened, as all that is here.
    fn fetch(
        &self,
        shared: &SharedArtifacts,
        compat: &Compat,
        hash: ContentHash,
        kind: ArtifactKind,
    ) -> bool {
        let Some((file, mac)) = shared.get(compat, &kind.file_name(hash)) else {
            return false;
        };
        let path = self.inner.dir.join(compat.as_str());
        let keep = || {
            let failed = Error::io("write what was compiled in", &path);
            fs::create_dir_all(&path).map_err(&failed)?;
            let dir = Dir::open(&path).map_err(&failed)?;
            let mac = dir.write_temporary(&mac).map_err(&failed)?;
            let _exclusive = self.exclusive();
            file.move_to(&path.join(kind.file_name(hash)))?;
            mac.rename_to(&kind.mac_name(hash)).map_err(&failed)
        };
        keep()
            .inspect_err(|error| tracing::warn!(%error, "compiled code is not kept here"))
            .is_ok()
    }

    /// Removes all that was made of the source with `hash`, for all engine versions.
    ///
    /// # Errors
    /// [`Error::Io`] if some of it cannot be removed.
    pub fn remove(&self, hash: ContentHash) -> Result<()> {
        let _exclusive = self.exclusive();
        for dir in self.versions()? {
            dirs::clean(&dir, |name| source_of(name) == Some(hash))?;
        }
        Ok(())
    }

    /// Removes an image of the source with `hash` that nobody will ask for any more.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be removed.
    pub(crate) fn remove_image(&self, hash: ContentHash, id: ContentHash) -> Result<()> {
        for dir in self.versions()? {
            self.remove_from(&dir, hash, ArtifactKind::Image(id))
                .map_err(Error::io("remove an image in", &dir))?;
        }
        Ok(())
    }

    /// Removes what was compiled for engine versions other than `keep`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be removed.
    pub fn retain_compat(&self, keep: &Compat) -> Result<()> {
        dirs::clean(&self.inner.dir, |name| name != keep.as_str())
    }

    /// Removes all whose source is not `known`, images that are not among `images`, and what a
    /// killed process left.
    pub(crate) fn retain(
        &self,
        known: impl Fn(&ContentHash) -> bool,
        images: &HashSet<ContentHash>,
    ) -> Result<()> {
        let is_wanted = |name: &str| {
            let image = image_of(name);
            source_of(name).is_some_and(|hash| known(&hash))
                && image.is_none_or(|id| images.contains(&id))
        };
        for dir in self.versions()? {
            dirs::clean(&dir, |name| !is_wanted(name))?;
        }
        Ok(())
    }

    fn versions(&self) -> Result<Vec<PathBuf>> {
        let failed = || Error::io("list", &self.inner.dir);
        let mut versions = Vec::new();
        for entry in fs::read_dir(&self.inner.dir).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                versions.push(entry.path());
            }
        }
        Ok(versions)
    }

    fn open_pair(
        &self,
        dir: &Path,
        hash: ContentHash,
        kind: ArtifactKind,
    ) -> std::io::Result<Option<(File, File)>> {
        let _shared = self
            .inner
            .pairs
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(dir) = nofollow::found(Dir::open(dir))? else {
            return Ok(None);
        };
        let file = nofollow::found(dir.open_file(&kind.file_name(hash)))?;
        let mac = nofollow::found(dir.open_file(&kind.mac_name(hash)))?;
        Ok(file.zip(mac))
    }

    fn remove_from(
        &self,
        dir: &Path,
        hash: ContentHash,
        kind: ArtifactKind,
    ) -> std::io::Result<()> {
        let _exclusive = self.exclusive();
        let Some(dir) = nofollow::found(Dir::open(dir))? else {
            return Ok(());
        };
        nofollow::found(dir.remove_file(&kind.file_name(hash)))?;
        nofollow::found(dir.remove_file(&kind.mac_name(hash)))?;
        Ok(())
    }

    fn exclusive(&self) -> RwLockWriteGuard<'_, ()> {
        let pairs = self.inner.pairs.write();
        pairs.unwrap_or_else(PoisonError::into_inner)
    }

    /// The authenticator of the bytes that `feed` passes to the hasher.
    fn authenticate(
        &self,
        compat: &Compat,
        hash: ContentHash,
        kind: ArtifactKind,
        feed: impl FnOnce(&mut blake3::Hasher) -> std::io::Result<()>,
    ) -> std::io::Result<blake3::Hash> {
        let mut hasher = self.inner.key.hasher();
        // No name contains NUL and the hash has a fixed length: no two inputs run together.
        for name in [compat.as_str(), &kind.suffix()] {
            hasher.update(name.as_bytes()).update(&[0]);
        }
        hasher.update(hash.as_bytes());
        feed(&mut hasher)?;
        Ok(hasher.finalize())
    }
}

/// Whether a file of this name is what somebody has made, and not its authenticator.
pub(crate) fn is_artifact(file_name: &str) -> bool {
    let canonical = source_of(file_name).is_some_and(|hash| {
        let stem = file_name.split('.').next();
        stem == Some(hash.to_string().as_str())
    });
    canonical && !file_name.ends_with(".mac")
}

/// The source that a file was made of; `None` for what a killed process left half-written.
pub(crate) fn source_of(file_name: &str) -> Option<ContentHash> {
    let (stem, suffix) = file_name.split_once('.')?;
    let suffix = suffix.strip_suffix(".mac").unwrap_or(suffix);
    let is_code = ["cwasm", "bare.cwasm"].contains(&suffix);
    let is_ours = is_code || image_of(file_name).is_some();
    ContentHash::from_str(stem).ok().filter(|_| is_ours)
}

/// The name of the image that a file is, or is the authenticator of.
fn image_of(file_name: &str) -> Option<ContentHash> {
    let name = file_name.strip_suffix(".mac").unwrap_or(file_name);
    let (_, id) = name.strip_suffix(".image")?.split_once('.')?;
    ContentHash::from_str(id).ok()
}
