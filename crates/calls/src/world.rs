//! MPI worlds: one call that is many Faaslets.
//!
//! The call itself is rank 0, and its result and output are rank 0's. The other ranks are calls
//! below it, each in a task of its own, here or on other servers. A world starts whole or not at all; a rank that fails ends
//! it for all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faasm_faaslet::{Executed, NoMemory, World, WorldRank};
use faasm_model::{Failure, FailureKind, Outcome, Part, WorldSize};
use tokio::task::JoinSet;

use crate::admission::Permit;
use crate::calls::{Inner, Tracked};
use crate::gang::{Gathered, Ran, Seats};
use crate::live::LiveCall;

/// One rank that has ended.
pub(crate) struct Ended {
    pub(crate) rank: u32,
    pub(crate) outcome: Outcome,
}

/// Ranks that run here, each in a task of its own.
pub(crate) struct Ranks {
    tasks: JoinSet<Ended>,
    /// Their numbers.
    started: Vec<u32>,
}

impl Inner {
    /// Runs all ranks of a world, those here and those elsewhere.
    pub(crate) async fn execute_world(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        size: WorldSize,
        Seats { permit, gathered }: Seats,
        queued: Duration,
        no_memory: NoMemory,
    ) -> Executed {
        let (world, mut ranks, spread) = match gathered.map(|gathered| *gathered) {
            Some(Gathered {
                world,
                ranks,
                spread,
            }) => (world, ranks, Some(spread)),
            None => {
                let faaslets = &self.faaslets;
                let begun = faaslets.world(&live.invocation, size, no_memory, &live.cancel);
                match begun.await {
                    Ok((world, ranks)) => (world, ranks, None),
                    Err(outcome) => return self.unrun_world(*outcome),
                }
            }
        };
        if let Part::RankOn { .. } = self.rank_part(0) {
            live.root.place(self.rank_part(0));
        }
        let first = ranks.remove(0);
        let others = self.spawn_ranks(live, &world, ranks, &permit, queued);
        if let Some(spread) = &spread {
            spread.go();
        }
        let run = self.execute_rank(live, &world, 0, first, &permit, queued);
        let mut executed = run.await;
        let mut ended = others.all_ended(&world).await;
        let mut is_loss = false;
        if let Some(spread) = spread {
            let ran = spread.over().await;
            is_loss = ran.is_loss;
            self.adopt(live, &mut executed, &mut ended, ran);
        }
        ended.sort_by_key(|ended| ended.rank);
        conclude(&mut executed.outcome, &ended, &world, is_loss);
        if world.aborted().is_some() {
            // What its ranks have called is of no use to anybody.
            live.cancel.cancel();
        }
        executed
    }

    /// Takes in what ran elsewhere.
    fn adopt(&self, live: &LiveCall, executed: &mut Executed, ended: &mut Vec<Ended>, ran: Ran) {
        for graph in ran.graphs {
            live.root.adopt(graph);
        }
        let mut lacks_room = false;
        for (rank, mut outcome) in ran.ranks {
            if !executed.charge.grow(outcome.bytes() as u64) {
                (outcome.stdout, outcome.stderr) = (Bytes::new(), Bytes::new());
                lacks_room = true;
            }
            ended.push(Ended { rank, outcome });
        }
        if lacks_room && executed.outcome.failure.is_none() {
            let message = "the memory budget has no room for what all ranks have printed";
            executed.outcome.failure = Some(Failure {
                kind: FailureKind::Overloaded,
                message: message.to_owned(),
            });
        }
    }

    /// What the graph says of a rank that runs here.
    fn rank_part(&self, rank: u32) -> Part {
        match self.company.cluster() {
            None => Part::Rank(rank),
            Some(cluster) => Part::RankOn {
                rank,
                worker: cluster.peers.me().address,
            },
        }
    }

    /// Starts ranks as calls below the one that is the world.
    pub(crate) fn spawn_ranks(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        world: &World,
        ranks: Vec<WorldRank>,
        permit: &Arc<Permit>,
        queued: Duration,
    ) -> Ranks {
        let (mut tasks, mut started) = (JoinSet::new(), Vec::new());
        for seat in ranks {
            let rank = seat.number();
            let Ok(id) = self.ids.next() else {
                let why = format!("rank {rank}: the server has no call ids at hand");
                world.abort(Some(rank), why);
                break;
            };
            let tracked = Tracked::new(self, live.rank(id, self.rank_part(rank)));
            let (inner, permit, world) = (Arc::clone(self), Arc::clone(permit), world.clone());
            started.push(rank);
            tasks.spawn(async move {
                let live = &tracked.live;
                let run = inner.execute_rank(live, &world, rank, seat, &permit, queued);
                let executed = run.await;
                let outcome = executed.outcome.clone();
                // Its bytes are in the result of the world as well.
                tracked.end(executed);
                Ended { rank, outcome }
            });
        }
        Ranks { tasks, started }
    }

    /// Runs one rank. One that does not end well ends the world.
    async fn execute_rank(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        world: &World,
        rank: u32,
        seat: WorldRank,
        permit: &Arc<Permit>,
        queued: Duration,
    ) -> Executed {
        let entry = faasm_faaslet::Entry::Main { index: 0 };
        // The world has the memory that it starts with.
        let no_memory = NoMemory::Fail;
        let executed =
            Box::pin(self.execute_as(live, entry, Some(seat), permit, queued, no_memory));
        let executed = executed.await;
        if let Some(failure) = &executed.outcome.failure {
            world.abort(Some(rank), format!("rank {rank}: {}", failure.message));
        }
        executed
    }
}

impl Ranks {
    /// Waits for all of them. One whose task was lost ends the world.
    pub(crate) async fn all_ended(mut self, world: &World) -> Vec<Ended> {
        let mut all: Vec<Ended> = Vec::with_capacity(self.started.len());
        while let Some(joined) = self.tasks.join_next().await {
            match joined {
                Ok(ended) => all.push(ended),
                Err(error) => {
                    tracing::error!(%error, "the task of a rank panicked; please report this")
                }
            }
        }
        let is_lost = |rank: &u32| all.iter().all(|ended| ended.rank != *rank);
        if let Some(lost) = self.started.into_iter().find(is_lost) {
            let why = "the server failed while it ran a rank";
            world.abort(Some(lost), why.to_owned());
        }
        all
    }
}

/// Makes the outcome of rank 0 that of the world: the stdout and stderr of all ranks, in their order,
/// and the first reason for which the world failed. Its return value is what was given to `MPI_Abort`,
/// or else that of the rank which ended it. `is_loss` says that a server of it was lost.
fn conclude(outcome: &mut Outcome, others: &[Ended], world: &World, is_loss: bool) {
    let streams = |of: fn(&Outcome) -> &Bytes, outcome: &Outcome| {
        let all = std::iter::once(of(outcome)).chain(others.iter().map(|other| of(&other.outcome)));
        in_order(all)
    };
    let (stdout, stderr) = (
        streams(|outcome| &outcome.stdout, outcome),
        streams(|outcome| &outcome.stderr, outcome),
    );
    (outcome.stdout, outcome.stderr) = (stdout, stderr);
    // Every rank that fails ends it.
    let Some(aborted) = world.aborted() else {
        return;
    };
    let of_rank = |rank| match rank {
        0 => Some(&*outcome),
        rank => {
            let found = others.iter().find(|other| other.rank == rank);
            found.map(|other| &other.outcome)
        }
    };
    let culprit = aborted.rank.and_then(of_rank);
    let failure = culprit.and_then(|culprit| culprit.failure.as_ref());
    let kind = match (aborted.rank, culprit, failure) {
        (_, _, Some(failure)) => failure.kind,
        // Its task was lost.
        (Some(_), None, None) => FailureKind::Internal,
        _ if is_loss => FailureKind::WorkerLost,
        _ => FailureKind::Mpi,
    };
    let value = failure
        .and(culprit)
        .map_or(-1, |culprit| culprit.return_value);
    outcome.return_value = aborted.code.unwrap_or(value);
    outcome.failure = Some(Failure {
        kind,
        message: aborted.reason,
    });
}

/// What all have written, one after the other, each from the beginning of a line.
fn in_order<'a>(all: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut written: Vec<&Bytes> = all.filter(|bytes| !bytes.is_empty()).collect();
    let Some(last) = written.pop() else {
        return Bytes::new();
    };
    if written.is_empty() {
        return last.clone();
    }
    let mut joined = Vec::new();
    for bytes in written {
        joined.extend_from_slice(bytes);
        if !bytes.ends_with(b"\n") {
            joined.push(b'\n');
        }
    }
    joined.extend_from_slice(last);
    joined.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_write_one_after_the_other_in_whole_lines() {
        let all = ["a\nb", "", "c\n", "d"].map(Bytes::from);
        assert_eq!(in_order(all.iter()), "a\nb\nc\nd");
        assert_eq!(in_order([Bytes::from("a")].iter()), "a");
        assert_eq!(in_order(std::iter::empty()), "");
    }
}
