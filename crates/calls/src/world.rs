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

/// How long an asynchronous world waits before it looks for room again.
const ROOM_POLL: Duration = Duration::from_millis(20);

/// One rank that has ended.
struct Ended {
    rank: u32,
    outcome: Outcome,
}

impl Inner {
    /// Has `permit` be for all ranks of the call's world; it is given back if there is no room.
    pub(crate) fn admit_world(&self, live: &LiveCall, mut permit: Permit) -> Option<Permit> {
        let others = live.invocation.target.ranks().get() - 1;
        permit.extend(others).then_some(permit)
    }

    /// A permit for all ranks of an asynchronous call, waited for without holding a part of it.
    pub(crate) async fn enter_world(
        &self,
        live: &LiveCall,
        mut permit: Permit,
    ) -> Result<Permit, crate::admission::Exhausted> {
        while !permit.extend(live.invocation.target.ranks().get() - 1) {
            drop(permit);
            tokio::time::sleep(ROOM_POLL).await;
            let user = &live.invocation.function.user;
            let entering = self
                .admission
                .enter(user, crate::waiters::Rank::Asynchronous);
            permit = entering.await?;
        }
        Ok(permit)
    }

    /// Runs all ranks of a world; `permit` is for all of them.
    pub(crate) async fn execute_world(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        size: WorldSize,
        permit: &Arc<Permit>,
        queued: Duration,
        no_memory: NoMemory,
    ) -> Executed {
        let (world, mut ranks) = self.faaslets.world(size);
        let first = ranks.remove(0);
        let mut others = JoinSet::new();
        for (rank, seat) in (1..).zip(ranks) {
            let Ok(id) = self.ids.next() else {
                world.abort(
                    rank,
                    format!("rank {rank}: the server has no call ids at hand"),
                );
                break;
            };
            let tracked = Tracked::new(self, live.rank(id, rank));
            let (inner, permit, world) = (Arc::clone(self), Arc::clone(permit), world.clone());
            others.spawn(async move {
                let live = &tracked.live;
                let run = inner.execute_rank(live, &world, rank, seat, &permit, queued, no_memory);
                let executed = run.await;
                let outcome = executed.outcome.clone();
                // Its bytes are in the result of the world as well.
                tracked.end(executed);
                Ended { rank, outcome }
            });
        }
        let run = self.execute_rank(live, &world, 0, first, permit, queued, no_memory);
        let mut executed = run.await;
        let mut ended: Vec<Ended> = Vec::new();
        while let Some(joined) = others.join_next().await {
            ended.extend(joined);
        }
        ended.sort_by_key(|ended| ended.rank);
        conclude(&mut executed.outcome, ended, &world);
        executed
    }

    /// Runs one rank. One that does not end well ends the world.
    #[expect(
        clippy::too_many_arguments,
        reason = "what `execute` takes, and which rank it is"
    )]
    async fn execute_rank(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        world: &World,
        rank: u32,
        seat: WorldRank,
        permit: &Arc<Permit>,
        queued: Duration,
        no_memory: NoMemory,
    ) -> Executed {
        let entry = faasm_faaslet::Entry::Main { index: 0 };
        let executed =
            Box::pin(self.execute_as(live, entry, Some(seat), permit, queued, no_memory));
        let executed = executed.await;
        if let Some(failure) = &executed.outcome.failure {
            world.abort(rank, format!("rank {rank}: {}", failure.message));
        }
        executed
    }
}

/// Makes the outcome of rank 0 that of the world: the stdout and stderr of all ranks, in their order,
/// and the first reason for which the world failed.
fn conclude(outcome: &mut Outcome, others: Vec<Ended>, world: &World) {
    let streams = |of: fn(&Outcome) -> &Bytes, outcome: &Outcome| {
        let all = std::iter::once(of(outcome)).chain(others.iter().map(|other| of(&other.outcome)));
        in_order(all)
    };
    let (stdout, stderr) = (
        streams(|outcome| &outcome.stdout, outcome),
        streams(|outcome| &outcome.stderr, outcome),
    );
    (outcome.stdout, outcome.stderr) = (stdout, stderr);
    if let Some(aborted) = world.aborted() {
        let failure = match aborted.rank {
            None => None,
            Some(0) => outcome.failure.as_ref(),
            Some(rank) => {
                let of_rank = others.iter().find(|other| other.rank == rank);
                of_rank.and_then(|other| other.outcome.failure.as_ref())
            }
        };
        outcome.return_value = aborted.code.unwrap_or(-1);
        outcome.failure = Some(Failure {
            kind: failure.map_or(FailureKind::Mpi, |failure| failure.kind),
            message: aborted.reason,
        });
        return;
    }
    if outcome.is_success()
        && let Some(failed) = others.into_iter().find(|other| !other.outcome.is_success())
    {
        outcome.return_value = failed.outcome.return_value;
        outcome.failure = failed.outcome.failure.map(|failure| Failure {
            message: format!("rank {}: {}", failed.rank, failure.message),
            ..failure
        });
    }
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
