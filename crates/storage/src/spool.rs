//! Bodies on their way in: streamed to a file, never held in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use faasm_model::ContentHash;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use crate::{Error, Result, dirs};

/// Bytes that are gathered before the disk is bothered.
const BATCH_BYTES: usize = 256 << 10;

/// What takes no place on the disk where a body has nothing else: a block of most file
/// systems.
const ZEROS: [u8; 4096] = [0; 4096];

/// Makes temporary files for bodies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: Arc<Path>,
}

/// A body that is being received. Dropping it removes what was received. Long runs of zeros
/// take no place on the disk.
#[derive(Debug)]
pub struct SpoolWriter {
    limit: u64,
    size: u64,
    batch: Vec<u8>,
    /// Away while a batch is being written, and gone for good if that fails.
    sink: Option<Sink>,
}

/// A body that was received whole, in a file of its own. Dropping it removes the file.
#[derive(Debug)]
pub struct SpooledFile {
    file: NamedTempFile,
    size: u64,
    hash: ContentHash,
}

#[derive(Debug)]
struct Sink {
    dir: Arc<Path>,
    /// Created with the first batch, on a thread that may block.
    file: Option<NamedTempFile>,
    /// How long the file is.
    length: u64,
    hasher: blake3::Hasher,
}

impl Spool {
    /// Takes over `dir`, which exists, and removes what a former process left in it.
    pub(crate) fn open(dir: PathBuf) -> Result<Self> {
        dirs::clean(&dir, |_| true)?;
        Ok(Self { dir: dir.into() })
    }

    /// The directory of the temporary files.
    pub fn directory(&self) -> &Path {
        &self.dir
    }

    /// Starts to receive a body of at most `max_bytes` bytes.
    pub fn create(&self, max_bytes: u64) -> SpoolWriter {
        SpoolWriter {
            limit: max_bytes,
            size: 0,
            batch: Vec::new(),
            sink: Some(Sink {
                dir: Arc::clone(&self.dir),
                file: None,
                length: 0,
                hasher: blake3::Hasher::new(),
            }),
        }
    }
}

impl SpoolWriter {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the body grows over its limit, [`Error::NoSpace`] or
    /// [`Error::Io`] if it cannot be written. After an error, and after a write that
    /// was abandoned before it was done, all that follows is [`Error::Interrupted`].
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.size = self.size.saturating_add(length);
        if self.size > self.limit {
            self.sink = None;
            return Err(Error::TooLarge { limit: self.limit });
        }
        // Copied even when large: a slice may keep a far larger buffer alive.
        self.batch.extend_from_slice(&bytes);
        match self.batch.len() >= BATCH_BYTES {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Ends the body.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn finish(mut self) -> Result<SpooledFile> {
        self.flush().await?;
        match self.sink.take() {
            Some(Sink {
                file: Some(file),
                hasher,
                ..
            }) => Ok(SpooledFile {
                file,
                size: self.size,
                hash: ContentHash::from_bytes(*hasher.finalize().as_bytes()),
            }),
            _ => Err(Error::Interrupted),
        }
    }

    async fn flush(&mut self) -> Result<()> {
        let mut sink = self.sink.take().ok_or(Error::Interrupted)?;
        let mut batch = std::mem::take(&mut self.batch);
        let (sink, batch) = spawn_blocking(move || {
            sink.write(&batch)?;
            batch.clear();
            Ok::<_, Error>((sink, batch))
        })
        .await??;
        self.sink = Some(sink);
        self.batch = batch;
        Ok(())
    }
}

impl Sink {
    fn write(&mut self, batch: &[u8]) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(
                NamedTempFile::new_in(&self.dir)
                    .map_err(Error::io("create a file in", &self.dir))?,
            ),
        };
        let written = append_sparsely(file.as_file(), self.length, batch);
        self.length = written.map_err(Error::io("write", file.path()))?;
        self.hasher.update(batch);
        Ok(())
    }
}

/// Appends `bytes` to `file`, which has the given length, with holes in the place of zeros,
/// and returns the new length.
fn append_sparsely(file: &File, length: u64, bytes: &[u8]) -> io::Result<u64> {
    let is_zero = |block: &[u8]| *block == ZEROS[..block.len()];
    let leading = |bytes: &[u8], zero: bool| -> usize {
        let blocks = bytes.chunks(ZEROS.len());
        let alike = blocks.take_while(|block| is_zero(block) == zero);
        alike.map(<[u8]>::len).sum()
    };
    let (mut rest, mut end) = (bytes, length);
    while !rest.is_empty() {
        let hole = leading(rest, true);
        let (data, behind) = rest[hole..].split_at(leading(&rest[hole..], false));
        end += hole as u64;
        match data.is_empty() {
            // A file that ends with a hole.
            true => file.set_len(end)?,
            false => file.write_all_at(data, end)?,
        }
        end += data.len() as u64;
        rest = behind;
    }
    Ok(end)
}

impl SpooledFile {
    /// Where the bytes are, as long as this value lives.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Moves the file into the place of `target`, on the same file system. The bytes are on
    /// disk before; syncing the directory is up to the caller.
    pub(crate) fn move_to(self, target: &Path) -> Result<()> {
        let synced = self.file.as_file().sync_all();
        synced.map_err(Error::io("sync", self.path()))?;
        let moved = self.file.persist(target);
        moved.map_err(|e| Error::io("move a spooled body to", target)(e.error))?;
        Ok(())
    }

    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash of the bytes.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }
}
