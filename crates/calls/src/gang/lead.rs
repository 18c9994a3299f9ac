//! The other parts of a world whose first part is here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faasm_faaslet::{World, WorldRank};
use faasm_model::{ExecGraph, Outcome};
use tokio::task::{JoinError, JoinSet};
use tokio_util::task::AbortOnDropHandle;

use super::asked::{self, PartEnded};
use super::share::{Joined, Share};
use crate::cluster::{NotAnswered, Peers};

/// Pause between looks whether all ranks wait for each other: two in a row have to find it.
const LOOKS: Duration = Duration::from_millis(250);

/// A world of which all parts are reserved, and no rank runs yet. Dropping it gives all of them back.
pub(crate) struct Gathered {
    pub(crate) world: World,
    /// The ranks of the first part.
    pub(crate) ranks: Vec<WorldRank>,
    pub(crate) spread: Spread,
}

/// The other parts. Dropping it ends them.
pub(crate) struct Spread {
    joined: Joined,
    /// The requests to run them.
    requests: JoinSet<(usize, PartEnded)>,
    /// Looks whether all ranks wait for each other.
    _watch: AbortOnDropHandle<()>,
}

/// Why a world cannot begin.
pub(super) enum NotReady {
    /// Somebody has no room, or is not there.
    NoRoom,
    /// Somebody cannot run it.
    Failed(Box<Outcome>),
}

/// What the other parts of a world have left.
pub(crate) struct Ran {
    /// How the ranks have ended, each with its number.
    pub(crate) ranks: Vec<(u32, Outcome)>,
    /// What each part has called.
    pub(crate) graphs: Vec<ExecGraph>,
    /// Whether what ended the world was the loss of a part.
    pub(crate) is_loss: bool,
}

impl Spread {
    /// Asks for all other parts.
    pub(super) fn ask(joined: Joined, peers: &Arc<dyn Peers>, asked: &Bytes) -> Self {
        let mut requests = JoinSet::new();
        for part in joined.share().layout.others() {
            let (peers, share) = (Arc::clone(peers), Arc::clone(joined.share()));
            let asked = asked.clone();
            requests.spawn(async move { (part, run(&*peers, &share, part, asked).await) });
        }
        let watch = tokio::spawn(watch(Arc::clone(joined.share())));
        Self {
            joined,
            requests,
            _watch: AbortOnDropHandle::new(watch),
        }
    }

    fn share(&self) -> &Arc<Share> {
        self.joined.share()
    }

    /// Waits until all parts are ready to begin.
    pub(super) async fn ready(&mut self) -> Result<(), NotReady> {
        let share = Arc::clone(self.joined.share());
        let all_are = |share: &Share| share.layout.others().all(|part| share.has_heard(part, 1));
        tokio::select! {
            biased;
            // None of them ends before it may begin, unless it cannot.
            Some(ended) = self.requests.join_next() => match ended {
                Ok((_, PartEnded::Failed(outcome))) => Err(NotReady::Failed(Box::new(outcome))),
                _ => Err(NotReady::NoRoom),
            },
            () = share.until(all_are) => Ok(()),
        }
    }

    /// Lets the ranks begin.
    pub(crate) fn go(&self) {
        self.signal();
    }

    fn signal(&self) {
        for part in self.share().layout.others() {
            self.share().signal(part);
        }
    }

    /// Waits until all ranks of the other parts have ended, and gives what they have left. To be
    /// called when those of this part have.
    pub(crate) async fn over(mut self) -> Ran {
        let share = Arc::clone(self.joined.share());
        let mut ended = vec![None; share.layout.places.len()];
        loop {
            let is_done = |part: usize| ended[part].is_some() || share.has_heard(part, 2);
            let all_are = |share: &Share| share.layout.others().all(is_done);
            let joined = tokio::select! {
                biased;
                () = share.until(all_are) => break,
                joined = self.requests.join_next() => joined,
            };
            let is_known = joined.is_some_and(|joined| note(&share, &mut ended, joined));
            // One whose task is lost will never be done.
            if !is_known {
                break;
            }
        }
        self.signal();
        while let Some(joined) = self.requests.join_next().await {
            note(&share, &mut ended, joined);
        }
        collect(&share, ended)
    }
}

/// Looks now and then whether all ranks of the world wait for each other.
async fn watch(share: Arc<Share>) {
    loop {
        tokio::time::sleep(LOOKS).await;
        share.world.look_for_deadlock();
    }
}

/// Has another server run a part. Unless that ends well, the world is over.
async fn run(peers: &dyn Peers, share: &Share, part: usize, asked: Bytes) -> PartEnded {
    let answer = peers.request(share.layout.worker(part), asked).await;
    let answer = answer.and_then(|answer| {
        asked::read(&answer).map_err(|error| NotAnswered::Failed(error.to_string()))
    });
    match answer {
        Ok(ended) => {
            if !matches!(ended, PartEnded::Ran { .. }) {
                share.world.abort(None, share.layout.gone(part));
            }
            ended
        }
        Err(NotAnswered::Failed(why)) => {
            let address = &share.layout.worker(part).address;
            let rank = share.layout.placement.ranks(part).start;
            share
                .world
                .abort(Some(rank), format!("worker {address}: {why}"));
            PartEnded::NoRoom
        }
        Err(NotAnswered::Lost(_) | NotAnswered::NotAsked(_)) => {
            share.lose(part);
            PartEnded::NoRoom
        }
    }
}

/// Notes how a part has ended; `false` if nobody knows which.
fn note(
    share: &Share,
    ended: &mut [Option<PartEnded>],
    joined: Result<(usize, PartEnded), JoinError>,
) -> bool {
    match joined {
        Ok((part, how)) => {
            ended[part] = Some(how);
            true
        }
        Err(error) => {
            tracing::error!(%error, "the task of a part panicked; please report this");
            let why = "the server failed while it waited for the ranks of another";
            share.world.abort(None, why.to_owned());
            false
        }
    }
}

/// What there is of the parts that ran to their ends.
fn collect(share: &Share, ended: Vec<Option<PartEnded>>) -> Ran {
    let aborted = share.world.aborted();
    let mut ran = Ran {
        ranks: Vec::new(),
        graphs: Vec::new(),
        is_loss: aborted.is_some_and(|why| why.rank.is_none() && share.layout.is_loss(&why.reason)),
    };
    for (part, how) in ended.into_iter().enumerate() {
        if let Some(PartEnded::Ran { ranks, graph }) = how {
            let own = share.layout.placement.ranks(part);
            ran.ranks
                .extend(ranks.into_iter().filter(|(rank, _)| own.contains(rank)));
            ran.graphs.push(graph);
        }
    }
    ran
}
