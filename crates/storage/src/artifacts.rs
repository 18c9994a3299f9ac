//! Compiled code, kept so that it need not be compiled again.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use faasm_model::ContentHash;

use crate::artifact_key::ArtifactKey;
use crate::nofollow::{self, Dir};
use crate::{Compat, Error, Result, dirs};

/// A local cache of compiled code by engine version and hash of the source.
///
/// Loading native code is trusting it, so every artifact is kept with a keyed hash
/// that only this server can make, over the engine version, the source's hash and the
/// code. It also catches files torn by a crash, for nothing here is synced.
///
/// The methods block: call them where that is allowed. Cheap to clone.
#[derive(Clone)]
pub struct Artifacts {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    key: ArtifactKey,
    /// Held shared to open an artifact and its authenticator, and exclusively to replace
    /// or remove them, so that the two always belong together.
    pairs: RwLock<()>,
}

impl Artifacts {
    /// Opens the cache in `dir`, which exists.
    pub(crate) fn open_dir(dir: PathBuf, key: ArtifactKey) -> Self {
        Self {
            inner: Arc::new(Inner {
                dir,
                key,
                pairs: RwLock::new(()),
            }),
        }
    }

    /// Keeps `code`, the compiled form of the source with `hash`, replacing an earlier
    /// one at once.
    ///
    /// # Errors
    /// [`Error::NoSpace`] or [`Error::Io`]; the cache is then as it was. Somebody who only
    /// wants to run the code can go on without the cache.
    pub fn put(&self, compat: &Compat, hash: ContentHash, code: &[u8]) -> Result<()> {
        let path = self.inner.dir.join(compat.as_str());
        let put = || {
            match fs::create_dir(&path) {
                Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
            let dir = Dir::open(&path)?;
            let mac = self.authenticate(compat, hash, |h| {
                h.update(code);
                Ok(())
            })?;
            let code = dir.write_temporary(code)?;
            let mac = dir.write_temporary(mac.as_bytes())?;
            let _exclusive = self
                .inner
                .pairs
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            code.rename_to(&code_name(hash))?;
            mac.rename_to(&mac_name(hash))
        };
        put().map_err(Error::io("write compiled code in", &path))
    }

    /// The compiled form of the source with `hash`, read-only and at its start, or `None`
    /// if it is not kept. What fails its check is removed and counts as not kept. The check
    /// reads the very file that is returned, so putting another in its place is no attack.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn open(&self, compat: &Compat, hash: ContentHash) -> Result<Option<File>> {
        let path = self.inner.dir.join(compat.as_str());
        let failed = |e| Error::io("read compiled code in", &path)(e);
        let Some((mut code, mac)) = self.open_pair(&path, hash).map_err(failed)? else {
            return Ok(None);
        };
        let mut expected = Vec::new();
        mac.take(33).read_to_end(&mut expected).map_err(failed)?;
        let actual = self
            .authenticate(compat, hash, |h| h.update_reader(&mut code).map(|_| ()))
            .map_err(failed)?;
        // Compared in constant time.
        let expected = <[u8; 32]>::try_from(expected).map(blake3::Hash::from_bytes);
        if expected.is_ok_and(|expected| expected == actual) {
            code.rewind().map_err(failed)?;
            return Ok(Some(code));
        }
        tracing::warn!(%compat, %hash, "compiled code failed its check and was removed");
        self.remove_from(&path, hash).map_err(failed)?;
        Ok(None)
    }

    /// Removes the compiled forms of the source with `hash` for all engine versions.
    ///
    /// # Errors
    /// [`Error::Io`] if one of them cannot be removed.
    pub fn remove(&self, hash: ContentHash) -> Result<()> {
        for dir in self.versions()? {
            self.remove_from(&dir, hash)
                .map_err(Error::io("remove compiled code in", &dir))?;
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

    /// Removes all whose source is not `known`, and what a killed process left.
    pub(crate) fn retain_sources(&self, known: impl Fn(&ContentHash) -> bool) -> Result<()> {
        for dir in self.versions()? {
            dirs::clean(&dir, |name| {
                !source_of(name).is_some_and(|hash| known(&hash))
            })?;
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

    fn open_pair(&self, dir: &Path, hash: ContentHash) -> std::io::Result<Option<(File, File)>> {
        let _shared = self
            .inner
            .pairs
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(dir) = nofollow::found(Dir::open(dir))? else {
            return Ok(None);
        };
        let code = nofollow::found(dir.open_file(&code_name(hash)))?;
        let mac = nofollow::found(dir.open_file(&mac_name(hash)))?;
        Ok(code.zip(mac))
    }

    fn remove_from(&self, dir: &Path, hash: ContentHash) -> std::io::Result<()> {
        let _exclusive = self
            .inner
            .pairs
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(dir) = nofollow::found(Dir::open(dir))? else {
            return Ok(());
        };
        nofollow::found(dir.remove_file(&code_name(hash)))?;
        nofollow::found(dir.remove_file(&mac_name(hash)))?;
        Ok(())
    }

    /// The authenticator of the code that `feed` passes to the hasher.
    fn authenticate(
        &self,
        compat: &Compat,
        hash: ContentHash,
        feed: impl FnOnce(&mut blake3::Hasher) -> std::io::Result<()>,
    ) -> std::io::Result<blake3::Hash> {
        let mut hasher = self.inner.key.hasher();
        // No name contains NUL and the hash has a fixed length: no two inputs run together.
        hasher.update(compat.as_str().as_bytes()).update(&[0]);
        hasher.update(hash.as_bytes());
        feed(&mut hasher)?;
        Ok(hasher.finalize())
    }
}

fn code_name(hash: ContentHash) -> String {
    format!("{hash}.cwasm")
}

fn mac_name(hash: ContentHash) -> String {
    format!("{hash}.mac")
}

/// The inverse of [`code_name`] and [`mac_name`].
fn source_of(file_name: &str) -> Option<ContentHash> {
    let stem = file_name
        .strip_suffix(".cwasm")
        .or_else(|| file_name.strip_suffix(".mac"))?;
    ContentHash::from_str(stem).ok()
}
