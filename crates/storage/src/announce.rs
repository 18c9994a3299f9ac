//! Telling the other servers of a cluster what was changed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use faasm_model::{FunctionName, SharedPath};
use futures::future::BoxFuture;

use crate::keyed_locks::locked;
use crate::{Error, Result};

/// Most changes that are remembered because they could not be announced.
const MAX_OWED: usize = 100_000;

/// What of a storage was changed: stored, replaced or deleted. Who hears of it reads it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Changed {
    /// A function that is a WebAssembly module, or its limits.
    Function(FunctionName),
    /// A function in Python, or its limits.
    Python(FunctionName),
    /// A shared file, or a directory.
    File(SharedPath),
}

/// Tells the other servers of a cluster what was changed.
pub trait Announce: Send + Sync {
    /// Returns when no other server uses what was there before, or says why that cannot be
    /// told.
    fn announce(&self, changed: Changed) -> BoxFuture<'_, std::result::Result<(), String>>;
}

/// Whom changes are announced to, once somebody is set. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Announcer(Arc<Inner>);

#[derive(Default)]
struct Inner {
    to: OnceLock<Arc<dyn Announce>>,
    /// What could not be announced. Doing it again may be no change, and is announced all the
    /// same.
    owed: Mutex<Owed>,
}

#[derive(Default)]
struct Owed {
    /// Each with the number of its last attempt: an earlier one, that ends later, does not
    /// settle it.
    attempts: HashMap<Changed, u64>,
    last: u64,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(name) | Self::Python(name) => name.fmt(f),
            Self::File(path) => path.fmt(f),
        }
    }
}

impl Announcer {
    /// Whether it was the first to be set, and so counts.
    pub(crate) fn set(&self, to: Arc<dyn Announce>) -> bool {
        self.0.to.set(to).is_ok()
    }

    /// Announces a change that was made.
    pub(crate) async fn announce(&self, changed: Changed) -> Result<()> {
        let Some(to) = self.0.to.get() else {
            return Ok(());
        };
        // Also if this is abandoned.
        let attempt = locked(&self.0.owed).begin(&changed);
        match to.announce(changed.clone()).await {
            Ok(()) => {
                locked(&self.0.owed).settle(&changed, attempt);
                Ok(())
            }
            Err(problem) => Err(Error::Unannounced {
                name: changed.to_string(),
                problem,
            }),
        }
    }

    /// Announces a change that another server makes through this one: it has to be answered before
    /// it can hear of it.
    pub(crate) fn announce_later(&self, changed: Changed) {
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(error) = this.announce(changed).await {
                tracing::warn!(%error, "another server's change was not announced");
            }
        });
    }

    /// Announces what was changed earlier and could not be announced then, if it is this.
    pub(crate) async fn announce_owed(&self, changed: Changed) -> Result<()> {
        let is_owed = locked(&self.0.owed).attempts.contains_key(&changed);
        match is_owed {
            true => self.announce(changed).await,
            false => Ok(()),
        }
    }
}

impl Owed {
    /// Notes an attempt to announce a change; its number.
    fn begin(&mut self, changed: &Changed) -> u64 {
        self.last += 1;
        if self.attempts.len() < MAX_OWED || self.attempts.contains_key(changed) {
            self.attempts.insert(changed.clone(), self.last);
        }
        self.last
    }

    fn settle(&mut self, changed: &Changed, attempt: u64) {
        if self.attempts.get(changed) == Some(&attempt) {
            self.attempts.remove(changed);
        }
    }
}
