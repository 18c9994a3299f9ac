//! The database file: opening it, and opening it again after the disk failed.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::fault::Fault;
use super::tables;
use crate::{Error, Result};

const FILE_NAME: &str = "calls.redb";

/// Pages kept in memory. The hot ones are the few of the newest calls.
const CACHE_BYTES: usize = 32 << 20;

/// Left free for the results of what was accepted before.
const SPARE_BYTES: u64 = 1 << 20;

pub(super) struct Database {
    dir: PathBuf,
    state: RwLock<State>,
}

enum State {
    Open(redb::Database),
    /// The file could not be opened again; the next write tries once more.
    Failed,
    Closed,
}

impl Database {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let database = open_file(dir)?;
        // A file is only as durable as its name in the directory, and that one as its own.
        File::open(dir)?.sync_all()?;
        File::open(dir.join(".."))?.sync_all()?;
        Ok(Self {
            dir: dir.to_owned(),
            state: RwLock::new(State::Open(database)),
        })
    }

    pub(super) fn begin_read(&self) -> std::result::Result<ReadTransaction, Fault> {
        match &*self.state() {
            State::Open(database) => Ok(database.begin_read()?),
            State::Failed => Err(Fault::Database(redb::Error::PreviousIo)),
            State::Closed => Err(Fault::Refused(Error::Closed)),
        }
    }

    pub(super) fn begin_write(&self) -> std::result::Result<WriteTransaction, Fault> {
        match &*self.state() {
            State::Open(database) => Ok(database.begin_write()?),
            State::Failed => Err(Fault::Database(redb::Error::PreviousIo)),
            State::Closed => Err(Fault::Refused(Error::Closed)),
        }
    }

    /// Closes and opens the file. Transactions under way lose their view; there must be
    /// no write transaction.
    pub(super) fn reopen(&self) -> Result<()> {
        let mut state = self.state_mut();
        if matches!(*state, State::Closed) {
            return Err(Error::Closed);
        }
        // Dropped first: the file's lock has to be free.
        *state = State::Failed;
        *state = State::Open(open_file(&self.dir)?);
        Ok(())
    }

    pub(super) fn close(&self) {
        let state = std::mem::replace(&mut *self.state_mut(), State::Closed);
        if let State::Open(database) = state
            && let Err(error) = database.close()
        {
            tracing::warn!(%error, "the call log was not closed cleanly; it is checked at the next start");
        }
    }

    /// Whether new calls of `bytes` may come in. They never fill the disk to the brim: the
    /// results of earlier ones need room, and each failed commit costs a check of the
    /// whole file. Free pages inside the file are left to those results too.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.dir) else {
            return true;
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // A large value is written once, its neighbours' pages and the index around it too.
        free >= SPARE_BYTES.saturating_add((bytes as u64).saturating_mul(2))
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_file(dir: &Path) -> Result<redb::Database> {
    let path = dir.join(FILE_NAME);
    // Inputs and outputs of calls are nobody else's business.
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path);
    file.map(drop).map_err(|error| at(&path, error))?;
    let opened = redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .set_repair_callback(|_| tracing::debug!("checking the call log after a crash"))
        .create(&path);
    let database = match opened {
        Ok(database) => database,
        Err(DatabaseError::DatabaseAlreadyOpen) => return Err(Error::InUse(path)),
        Err(error) => return Err(at(&path, redb::Error::from(error))),
    };
    tables::create(&database)?;
    Ok(database)
}

fn at(path: &Path, error: impl Into<Error>) -> Error {
    match error.into() {
        Error::Storage(what) => Error::Storage(format!("{}: {what}", path.display())),
        other => other,
    }
}
