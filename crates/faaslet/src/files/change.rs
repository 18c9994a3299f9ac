//! Carrying out what calls change in the shared tree.

use bytes::Bytes;
use faasm_model::{InvalidPath, SharedPath};
use faasm_storage::{Error, Metadata, Storage};
use faasm_vfs::{Draft, Errno, SharedChange};

use super::tree::errno;

/// Bytes of a draft that are stored at once.
const PIECE: usize = 256 << 10;

/// A change of the shared tree that was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{path}: {error}")]
    Storage { path: String, error: Error },
    #[error("{path}: {errno}")]
    Read { path: String, errno: Errno },
    #[error("{path} was not written whole: {errno}")]
    Write { path: String, errno: Errno },
    #[error("{path}: {error}")]
    Path { path: String, error: InvalidPath },
    #[error("{path}: directories of shared files cannot be renamed")]
    Directory { path: String },
}

impl Refused {
    /// What the guest is told.
    pub(crate) fn errno(&self) -> Errno {
        match self {
            Self::Storage { error, .. } => errno(error),
            Self::Read { errno, .. } | Self::Write { errno, .. } => *errno,
            Self::Path { .. } => Errno::Inval,
            // As overlay filesystems say it, so that programs copy instead.
            Self::Directory { .. } => Errno::Xdev,
        }
    }
}

/// Makes a change; it is durable, and seen by all, when this returns. If this is abandoned, the
/// change is made wholly or not at all.
pub(crate) async fn carry_out(
    storage: &Storage,
    max_file_bytes: u64,
    change: SharedChange,
) -> Result<(), Refused> {
    let files = storage.files();
    let (path, done) = match change {
        SharedChange::Publish(draft) => return publish(storage, max_file_bytes, draft).await,
        SharedChange::Unlink { path } => {
            let file = checked(&path)?;
            let deleted = files.delete(&file).await;
            let deleted = deleted.and_then(|found| match found {
                true => Ok(()),
                false => Err(Error::NotFound(file)),
            });
            (path, deleted)
        }
        SharedChange::Rename { from, to } => {
            let (old, new) = (checked(&from)?, checked(&to)?);
            if files.metadata(Some(&old)) == Some(Metadata::Directory) {
                return Err(Refused::Directory { path: from });
            }
            (to, files.rename(&old, new).await.map(|_| ()))
        }
        SharedChange::CreateDirectory { path } => {
            let made = files.create_directory(checked(&path)?).await;
            (path, made)
        }
        SharedChange::RemoveDirectory { path } => {
            let removed = files.remove_directory(&checked(&path)?).await;
            (path, removed)
        }
    };
    done.map_err(|error| Refused::Storage { path, error })
}

async fn publish(storage: &Storage, max_file_bytes: u64, draft: Draft) -> Result<(), Refused> {
    let path = draft.path().to_owned();
    let file = checked(&path)?;
    let refused = |error| Refused::Storage {
        path: path.clone(),
        error,
    };
    if draft.len() > max_file_bytes {
        return Err(refused(Error::TooLarge {
            limit: max_file_bytes,
        }));
    }
    // Before so much is written that is then refused.
    let files = storage.files();
    files.check(&file, draft.len()).map_err(refused)?;
    let mut writer = storage.spool().create(max_file_bytes);
    let mut offset = 0;
    while offset < draft.len() {
        let rest = draft.len() - offset;
        let mut piece = vec![0; usize::try_from(rest).map_or(PIECE, |rest| rest.min(PIECE))];
        let read = draft.read_at(&mut piece, offset);
        let read = read.map_err(|errno| Refused::Read {
            path: path.clone(),
            errno,
        })?;
        piece.truncate(read);
        offset += read as u64;
        writer.write(Bytes::from(piece)).await.map_err(refused)?;
    }
    let is_exclusive = draft.is_exclusive();
    // Its memory is free for others while the disk works.
    drop(draft);
    let content = writer.finish().await.map_err(refused)?;
    let stored = match is_exclusive {
        true => files.put_new(file, content).await,
        false => files.put(file, content).await,
    };
    stored.map(|_| ()).map_err(refused)
}

fn checked(path: &str) -> Result<SharedPath, Refused> {
    SharedPath::new(path).map_err(|error| Refused::Path {
        path: path.to_owned(),
        error,
    })
}
