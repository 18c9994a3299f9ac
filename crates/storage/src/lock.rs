//! One server to a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result, dirs};

/// Most bytes of the lock file that are read back for an error message.
const MAX_HOLDER_BYTES: u64 = 1024;

/// The right to use a data directory, held until this value is dropped or the process
/// ends, however it ends: the kernel owns the lock, so a file left by a dead process is
/// no obstacle.
#[derive(Debug)]
pub struct DataDirLock {
    dir: PathBuf,
    file: File,
}

impl DataDirLock {
    /// Takes the lock on `data_dir`, creating the directory if it is missing. `note` is
    /// what another server is told about this one beside the process id.
    ///
    /// # Errors
    /// [`Error::Locked`] if another server has it, [`Error::Io`] or [`Error::NoSpace`]
    /// if the lock file cannot be written.
    pub fn acquire(data_dir: &Path, note: &str) -> Result<Self> {
        dirs::create_durably(data_dir)?;
        let path = data_dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    dir: data_dir.to_owned(),
                    holder: read_holder(&mut file),
                });
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path)(e)),
        }
        let lock = Self {
            dir: data_dir.to_owned(),
            file,
        };
        lock.update(note)?;
        Ok(lock)
    }

    /// Replaces what another server is told about this one, such as its addresses.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::NoSpace`] if the lock file cannot be written.
    pub fn update(&self, note: &str) -> Result<()> {
        let text = format!("process {}: {note}\n", std::process::id());
        self.file
            .set_len(0)
            .and_then(|()| self.file.write_all_at(text.as_bytes(), 0))
            .map_err(Error::io("write", &self.dir.join("lock")))
    }

    /// The locked directory.
    pub fn data_dir(&self) -> &Path {
        &self.dir
    }
}

fn read_holder(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // An unreadable file only makes the message poorer.
    let _ = file.take(MAX_HOLDER_BYTES).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim().replace(char::is_control, " ");
    match text.is_empty() {
        true => "another process that is just starting".to_owned(),
        false => text,
    }
}
