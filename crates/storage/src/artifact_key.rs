//! The key that tells our compiled code from anybody else's.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use faasm_model::ClusterKey;
use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use crate::{Error, Result, dirs};

/// Authenticates compiled code: whoever can read it can make the server run anything.
pub(crate) struct ArtifactKey([u8; 32]);

impl ArtifactKey {
    /// Reads the key from `artifact.key` in `dir`, which exists, or makes a new one
    /// there. A key that is damaged or that others could have read is replaced: all that
    /// costs is to compile again.
    pub(crate) fn load_or_create(dir: &Path) -> Result<Self> {
        let path = dir.join("artifact.key");
        match read(&path) {
            Ok(Some(key)) => return Ok(Self(key)),
            Ok(None) => tracing::warn!(
                path = %path.display(),
                "the key of compiled code is damaged or readable by others; making a new one"
            ),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("read", &path)(e)),
        }
        create(dir, &path).map(Self)
    }

    /// That of all servers with this key.
    pub(crate) fn of_cluster(key: &ClusterKey) -> Self {
        Self(key.derive("faasm 2026 compiled code and images"))
    }

    /// Starts to authenticate something.
    pub(crate) fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

/// The key, or `None` if the file is not fit to be used.
fn read(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    let meta = file.metadata()?;
    let own = meta.uid() == rustix::process::geteuid().as_raw();
    let private = meta.permissions().mode() & 0o077 == 0;
    if !meta.is_file() || !own || !private {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(33).read_to_end(&mut bytes)?;
    Ok(bytes.try_into().ok())
}

fn create(dir: &Path, path: &Path) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(io::Error::from)
        .map_err(Error::io("get random bytes for", path))?;
    // Created with mode 0600.
    let mut file = NamedTempFile::new_in(dir).map_err(Error::io("create a file in", dir))?;
    file.write_all(&key)
        .and_then(|()| file.as_file().sync_all())
        .map_err(Error::io("write", path))?;
    file.persist(path)
        .map_err(|e| Error::io("write", path)(e.error))?;
    dirs::sync(dir)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_key_is_private_and_stays_the_same() {
        let temp = tempfile::tempdir().unwrap();
        let first = ArtifactKey::load_or_create(temp.path()).unwrap();
        let again = ArtifactKey::load_or_create(temp.path()).unwrap();
        assert_eq!(first.0, again.0);
        let meta = fs::metadata(temp.path().join("artifact.key")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_cannot_be_trusted_is_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("artifact.key");
        let first = ArtifactKey::load_or_create(temp.path()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let second = ArtifactKey::load_or_create(temp.path()).unwrap();
        assert_ne!(first.0, second.0);
        fs::write(&path, "short").unwrap();
        let third = ArtifactKey::load_or_create(temp.path()).unwrap();
        assert_ne!(second.0, third.0);
    }

    #[test]
    fn a_link_is_not_followed_to_a_key() {
        let temp = tempfile::tempdir().unwrap();
        let elsewhere = temp.path().join("elsewhere");
        fs::write(&elsewhere, [7; 32]).unwrap();
        std::os::unix::fs::symlink(&elsewhere, temp.path().join("artifact.key")).unwrap();
        assert!(ArtifactKey::load_or_create(temp.path()).is_err());
    }
}
