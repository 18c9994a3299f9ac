//! The database file: opening it, and opening it again after the disk failed.

use std::fs::{File, OpenOptions};
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};

use crate::fault::guarded;
use crate::{Error, Fault, Schema};

pub(crate) struct DatabaseFile<S> {
    dir: PathBuf,
    state: RwLock<State>,
    schema: PhantomData<fn() -> S>,
}

enum State {
    Open(redb::Database),
    /// The file could not be opened again; the next write tries once more.
    Failed,
    Closed,
}

impl<S: Schema> DatabaseFile<S> {
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(dir)?;
        let database = open_file::<S>(dir)?;
        // A file is only as durable as its name in the directory, and that one as its own.
        File::open(dir)?.sync_all()?;
        File::open(dir.join(".."))?.sync_all()?;
        Ok(Self {
            dir: dir.to_owned(),
            state: RwLock::new(State::Open(database)),
            schema: PhantomData,
        })
    }

    pub(crate) fn begin_read<E: From<Error>>(&self) -> Result<ReadTransaction, Fault<E>> {
        self.with_open(|database| Ok(database.begin_read()?))
    }

    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, Fault<Error>> {
        self.with_open(|database| Ok(database.begin_write()?))
    }

    fn with_open<T, E: From<Error>>(
        &self,
        begin: impl FnOnce(&redb::Database) -> Result<T, Fault<E>>,
    ) -> Result<T, Fault<E>> {
        match &*self.state() {
            State::Open(database) => begin(database),
            State::Failed => Err(Fault::Database(redb::Error::PreviousIo)),
            State::Closed => Err(Fault::Refused(Error::Closed.into())),
        }
    }

    /// Closes and opens the file. Transactions under way lose their view; there must be
    /// no write transaction.
    pub(crate) fn reopen(&self) -> Result<(), Error> {
        let mut state = self.state_mut();
        if matches!(*state, State::Closed) {
            return Err(Error::Closed);
        }
        // Dropped first: the file's lock has to be free.
        let failed = std::mem::replace(&mut *state, State::Failed);
        let dropped = guarded::<_, Error>(|| {
            drop(failed);
            Ok(())
        });
        if dropped.is_err() {
            tracing::debug!("the damaged file of {} was not closed cleanly", S::NAME);
        }
        *state = State::Open(open_file::<S>(&self.dir)?);
        Ok(())
    }

    pub(crate) fn close(&self) {
        let state = std::mem::replace(&mut *self.state_mut(), State::Closed);
        let State::Open(database) = state else {
            return;
        };
        let closed = guarded(|| {
            let closed = database.close().map_err(redb::Error::from);
            closed.map_err(Fault::<Error>::Database)
        });
        if let Err(fault) = closed {
            let error = fault.into_error();
            tracing::warn!(%error, "{} was not closed cleanly; it is checked at the next start", S::NAME);
        }
    }

    /// Bytes that the disk still takes; `None` when it does not say.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.dir).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_file<S: Schema>(dir: &Path) -> Result<redb::Database, Error> {
    let path = dir.join(S::FILE_NAME);
    // What users store is nobody else's business.
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path);
    file.map(drop)
        .map_err(|error| Error::from(error).at(&path))?;
    let opened = guarded(|| {
        let opened = redb::Builder::new()
            .set_cache_size(S::CACHE_BYTES)
            .set_repair_callback(|_| tracing::debug!("checking {} after a crash", S::NAME))
            .create(&path);
        let database = match opened {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(Fault::Refused(Error::InUse(path.clone())));
            }
            Err(error) => return Err(Fault::Database(error.into())),
        };
        create_tables::<S>(&database)?;
        Ok(database)
    });
    opened.map_err(|fault| fault.into_error().at(&path))
}

/// Makes the tables of a new file, so that readers always find them.
fn create_tables<S: Schema>(database: &redb::Database) -> Result<(), Fault<Error>> {
    let txn = database.begin_write()?;
    let before = txn.list_tables()?.count();
    drop(S::open(&txn)?);
    if txn.list_tables()?.count() == before {
        return Ok(txn.abort()?);
    }
    Ok(txn.commit()?)
}
