//! MPI worlds: one call that is many Faaslets.
//!
//! The call itself is rank 0, and its result and output are rank 0's. The other ranks are calls
//! below it, each in a task of its own. A world starts whole or not at all; a rank that fails ends
//! it for all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faasm_faaslet::{Executed, NoMemory, World, WorldRank};
use faasm_model::{Failure, FailureKind, Outcome, WorldSize};
use tokio::task::JoinSet;

use crate::admission::Permit;
use crate::calls::{Inner, Tracked};
use crate::live::LiveCall;

/// One rank that has ended.
struct Ended {
    rank: u32,
    outcome: Outcome,
}

impl Inner {
    /// Runs all ranks of a world; `permit` is for all of them.
    pub(crate) async fn execute_world(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        size: WorldSize,
        permit: &Arc<Permit>,
        queued: Duration,
        no_memory: NoMemory,
    ) -> Executed {
        let begun = self
            .faaslets
            .world(&live.invocation, size, no_memory, &live.cancel);
        let (world, mut ranks) = match begun.await {
            Ok(begun) => begun,
            Err(outcome) => {
                let charge = self.faaslets.budget().charge();
                let outcome = *outcome;
                return Executed { outcome, charge };
            }
        };
        let first = ranks.remove(0);
        let others = self.spawn_ranks(live, &world, ranks, permit, queued);
        let run = self.execute_rank(live, &world, 0, first, permit, queued);
        let mut executed = run.await;
        let ended = all_ended(others, &world).await;
        conclude(&mut executed.outcome, &ended, &world);
        if world.aborted().is_some() {
            // What its ranks have called is of no use to anybody.
            live.cancel.cancel();
        }
        executed
    }

    /// Starts all ranks but the first.
    fn spawn_ranks(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        world: &World,
        ranks: Vec<WorldRank>,
        permit: &Arc<Permit>,
        queued: Duration,
    ) -> JoinSet<Ended> {
        let mut others = JoinSet::new();
        for (rank, seat) in (1..).zip(ranks) {
            let Ok(id) = self.ids.next() else {
                let why = format!("rank {rank}: the server has no call ids at hand");
                world.abort(Some(rank), why);
                break;
            };
            let tracked = Tracked::new(self, live.rank(id, rank));
            let (inner, permit, world) = (Arc::clone(self), Arc::clone(permit), world.clone());
            others.spawn(async move {
                let live = &tracked.live;
                let run = inner.execute_rank(live, &world, rank, seat, &permit, queued);
                let executed = run.await;
                let outcome = executed.outcome.clone();
                // Its bytes are in the result of the world as well.
                tracked.end(executed);
                Ended { rank, outcome }
            });
        }
        others
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

/// Waits for the ranks from 1 on; gives them in their order. One whose task was lost ends the world.
async fn all_ended(mut ranks: JoinSet<Ended>, world: &World) -> Vec<Ended> {
    let started = ranks.len();
    let mut all: Vec<Ended> = Vec::with_capacity(started);
    while let Some(joined) = ranks.join_next().await {
        match joined {
            Ok(ended) => all.push(ended),
            Err(error) => {
                tracing::error!(%error, "the task of a rank panicked; please report this")
            }
        }
    }
    all.sort_by_key(|ended| ended.rank);
    if all.len() < started {
        let is_lost = |rank: &u32| all.iter().all(|ended| ended.rank != *rank);
        let lost = (1..).find(is_lost);
        world.abort(lost, "the server failed while it ran a rank".to_owned());
    }
    all
}

/// Makes the outcome of rank 0 that of the world: the stdout and stderr of all ranks, in their order,
/// and the first reason for which the world failed. Its return value is what was given to `MPI_Abort`,
/// or else that of the rank which ended it.
fn conclude(outcome: &mut Outcome, others: &[Ended], world: &World) {
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
