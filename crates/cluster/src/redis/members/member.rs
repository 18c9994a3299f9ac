//! What is known of a worker.

use bytes::Bytes;
use futures::future::BoxFuture;

use super::change::News;
use crate::redis::error::Problem;
use crate::redis::request::number;

/// What a worker tells of itself once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Where other workers reach it: `host:port`.
    pub address: String,
    /// How many calls it runs at a time.
    pub capacity: u32,
    /// Its version of faasm.
    pub version: String,
    /// What its compiled code fits: workers of equal ones can share that.
    pub engine: String,
}

/// How busy a worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls that run.
    pub running: u32,
    /// Calls that wait for a place.
    pub waiting: u32,
}

/// A live worker, as it was a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id, random and new at every start.
    pub id: String,
    /// What it told of itself.
    pub profile: Profile,
    /// How busy it was.
    pub load: Load,
    /// When it came, in ms since 1970 by the server's clock.
    pub since_ms: u64,
    /// When its lease runs out.
    pub(super) until_ms: u64,
}

/// What has to be known about this process, and done in it.
pub trait Worker: Send + Sync {
    /// How busy it is.
    fn load(&self) -> Load;

    /// Sees to it that no call that begins from now on runs on what these news have
    /// superseded. Must not fail: what cannot be read again is to be forgotten.
    fn apply(&self, news: News) -> BoxFuture<'_, ()>;
}

/// Fields of a member in an answer.
pub(super) const FIELDS: usize = 9;

impl Member {
    pub(super) fn read(row: &[Bytes]) -> Result<Self, Problem> {
        let [
            id,
            until,
            address,
            capacity,
            running,
            waiting,
            version,
            engine,
            since,
        ] = row
        else {
            return Err(Problem::Damaged("the list of workers".into()));
        };
        let text = |bytes: &Bytes| match std::str::from_utf8(bytes) {
            Ok(text) if text.len() <= 1_024 => Ok(text.to_owned()),
            _ => Err(Problem::Damaged("the record of a worker".into())),
        };
        let count = |bytes: &Bytes| {
            let read = number("a number of a worker", bytes)?;
            Ok(u32::try_from(read).unwrap_or(u32::MAX))
        };
        Ok(Self {
            id: text(id)?,
            profile: Profile {
                address: text(address)?,
                capacity: count(capacity)?,
                version: text(version)?,
                engine: text(engine)?,
            },
            load: Load {
                running: count(running)?,
                waiting: count(waiting)?,
            },
            since_ms: number("the time when a worker came", since)?,
            until_ms: number("the end of a worker's lease", until)?,
        })
    }
}
