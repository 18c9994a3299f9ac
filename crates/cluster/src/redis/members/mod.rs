//! The workers of a cluster: who lives, and what was changed.

mod agree;
mod beat;
mod change;
mod company;
mod follow;
mod member;
mod scripts;
mod standing;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::assemble::Code;
use super::error::{Error, Problem};
use super::link::only;
use super::request::{Answer, Call, number};
use super::server::{Redis, hear_within};
use standing::Standing;

pub use change::{Change, News};
pub use member::{Load, Member, Profile, Worker};

/// Changes that are kept for workers to read.
const MOST_CHANGES: u64 = 10_000;

/// How long a lost word can delay one who waits for the others.
const LOOKS: Duration = Duration::from_millis(250);

/// This worker among the others of its cluster.
///
/// A member renews its lease every 2 s, and is dead 8 s after it did so last, by the
/// server's clock. Whoever changes something [announces](Self::announce) it, which waits
/// until every live member has applied it. A member that finds its lease run out is not
/// [current](Self::is_current) until it has read everything again, and nobody waits for it
/// meanwhile. So what was announced is in force on all members that are current.
///
/// Dropping this stops the renewals, as a crash does.
pub struct Members {
    shared: Arc<Shared>,
    following: AbortHandle,
}

/// Up to which change everything is applied, if everything was read since the lease ran out, and
/// how often that was.
type Report = (Option<u64>, u64);

struct Shared {
    redis: Redis,
    profile: Profile,
    worker: Arc<dyn Worker>,
    standing: Standing,
    /// The latest change that was applied.
    position: AtomicU64,
    /// What the server was told last.
    reported: Mutex<Option<Report>>,
    members: watch::Sender<Arc<[Member]>>,
    /// The lease had run out.
    nudge: Notify,
}

impl Members {
    /// Makes this worker known, and returns when it has applied
    /// [everything](News::Everything) and is current.
    ///
    /// # Errors
    /// When the server cannot be asked, or has as many members as there can be.
    pub async fn join(
        redis: &Redis,
        profile: Profile,
        worker: Arc<dyn Worker>,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            redis: redis.clone(),
            profile,
            worker,
            standing: Standing::default(),
            position: AtomicU64::new(0),
            reported: Mutex::default(),
            members: watch::Sender::new(Arc::new([])),
            nudge: Notify::new(),
        });
        shared.beat().await?;
        redis.link().spawn(beat::beat_on(Arc::downgrade(&shared)));
        while shared.catch_up().await? && !shared.standing.is_current() {}
        let following = tokio::spawn(follow::follow_on(Arc::clone(&shared)));
        Ok(Self {
            shared,
            following: following.abort_handle(),
        })
    }

    /// Whether this worker has surely applied all that was announced. Cheap: to be asked
    /// before every use of something that others change. If not, that is to be read again
    /// from where it is kept.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.shared.standing.is_current()
    }

    /// The live members, this one among them, as they were at most 2 s ago.
    #[must_use]
    pub fn live(&self) -> Arc<[Member]> {
        Arc::clone(&self.shared.members.borrow())
    }

    /// The live members whenever they are looked at.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<[Member]>> {
        self.shared.members.subscribe()
    }

    /// Tells all members of a change that was made, and waits until each has applied it
    /// or is dead: from then on none acts on what was before. Returns the change's number.
    ///
    /// This takes a few ms, and up to 16 s if a member hangs or has died. Members that still have
    /// to read everything are not waited for.
    ///
    /// # Errors
    /// When the server cannot be asked: the change is made, but some members may not know
    /// it yet. It may be announced again.
    pub async fn announce(&self, change: &Change) -> Result<u64, Error> {
        let shared = &self.shared;
        let mut ear = shared.redis.listen("applied");
        loop {
            let call = shared
                .call(&scripts::ANNOUNCE)
                .arg(change)
                .arg(MOST_CHANGES);
            let announced = shared.number(only(&shared.run(call).await?))?;
            loop {
                let behind = shared
                    .run(shared.call(&scripts::BEHIND).arg(announced))
                    .await?;
                if shared.number(only(&behind))? < announced {
                    tracing::warn!(%change, "Redis has lost its last writes; announcing again");
                    break;
                }
                if behind.len() <= 1 {
                    return Ok(announced);
                }
                hear_within(&mut ear, LOOKS).await;
            }
        }
    }

    /// Ends the membership at once, so that nobody waits for this worker.
    ///
    /// # Errors
    /// When the server cannot be asked: then it ends with the lease.
    pub async fn leave(&self) -> Result<(), Error> {
        self.following.abort();
        self.shared.standing.leave();
        let call = self.shared.call(&scripts::LEAVE);
        self.shared.run(call).await.map(drop)
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl Shared {
    fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    fn move_to(&self, position: u64) {
        self.position.store(position, Ordering::Release);
    }

    fn call(&self, code: &'static Code) -> Call {
        let tag = self.redis.link().prefix().cluster();
        self.redis.call(code, tag).repeatable()
    }

    async fn run(&self, call: Call) -> Result<Vec<Bytes>, Error> {
        match self.redis.link().script(call).await? {
            Answer::Done(fields) => Ok(fields),
            Answer::Refused(_, detail) => Err(self.redis.link().blame(Problem::Damaged(detail))),
        }
    }

    fn number(&self, bytes: &[u8]) -> Result<u64, Error> {
        let read = number("the number of a change", bytes);
        read.map_err(|problem| self.redis.link().blame(problem))
    }
}
