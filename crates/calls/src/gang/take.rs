//! Running a part of a world for the server that has its rank 0.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use faasm_faaslet::{NoMemory, World, WorldRank};
use faasm_model::{FailureKind, Outcome, Target};

use super::asked::{PartAsked, PartEnded};
use super::gather::is_overload;
use super::layout::Layout;
use super::share::{FIRST, Joined, Lanes};
use crate::admission::Permit;
use crate::calls::Inner;
use crate::cluster::Cluster;
use crate::handover::Unreadable;
use crate::live::LiveCall;

/// A part that is ready to begin.
struct Part {
    live: Arc<LiveCall>,
    permit: Arc<Permit>,
    world: World,
    ranks: Vec<WorldRank>,
    joined: Joined,
}

impl Inner {
    /// Runs a part of a world for another server, if there is room for all of it now. Dropping
    /// the future ends the part.
    pub(crate) async fn take_part(
        self: &Arc<Self>,
        from: &str,
        asked: PartAsked,
    ) -> Result<PartEnded, Unreadable> {
        let Some(cluster) = self.company.cluster().filter(|cluster| cluster.runs) else {
            return Ok(PartEnded::NoRoom);
        };
        let layout = layout(from, &cluster.peers.me().id, &asked).ok_or(Unreadable)?;
        let Ok(charge) = self.admit(&asked.call.invocation) else {
            return Ok(PartEnded::NoRoom);
        };
        let running = self.running.token();
        let ended = match self.reserve_part(cluster, layout, asked).await {
            Ok(part) => self.run_part(part).await,
            Err(ended) => ended,
        };
        drop((running, charge));
        Ok(ended)
    }

    /// Takes all that the part needs, or nothing.
    async fn reserve_part(
        self: &Arc<Self>,
        cluster: &Cluster,
        layout: Layout,
        asked: PartAsked,
    ) -> Result<Part, PartEnded> {
        let user = &asked.call.invocation.function.user;
        let count = layout.places[layout.own].ranks;
        let permit = self.admission.try_enter_all(user, count);
        let permit = Arc::new(permit.ok_or(PartEnded::NoRoom)?);
        let live = LiveCall::handed(asked.call);
        let lanes = Lanes::new(&layout, &*cluster.peers, &self.worlds);
        let begun = self.faaslets.world_part(
            &live.invocation,
            lanes.part(&layout),
            NoMemory::Fail,
            &live.cancel,
        );
        let (world, ranks) = begun.await.map_err(|outcome| refused(*outcome))?;
        if world.code() != asked.code {
            // It was replaced between there and here.
            return Err(PartEnded::NoRoom);
        }
        let joined = Joined::new(&self.worlds, layout, world.clone(), lanes);
        Ok(Part {
            live,
            permit,
            world,
            ranks,
            joined: joined.ok_or(PartEnded::NoRoom)?,
        })
    }

    async fn run_part(self: &Arc<Self>, part: Part) -> PartEnded {
        let Part {
            live,
            permit,
            world,
            ranks,
            joined,
        } = part;
        let share = joined.share();
        share.signal(FIRST);
        tokio::select! {
            () = share.until(|share| share.has_heard(FIRST, 1)) => {}
            () = self.halt.cancelled() => return PartEnded::NoRoom,
        }
        let running = self.spawn_ranks(&live, &world, ranks, &permit, Duration::ZERO);
        let mut ending = pin!(running.all_ended(&world));
        let ended = tokio::select! {
            ended = ending.as_mut() => ended,
            () = self.halt.cancelled() => {
                world.abort(None, share.layout.gone(share.layout.own));
                ending.await
            }
        };
        if world.aborted().is_some() {
            live.cancel.cancel();
        }
        share.signal(FIRST);
        // Others may still ask the world how it stands.
        share.until(|share| share.has_heard(FIRST, 2)).await;
        PartEnded::Ran {
            ranks: ended
                .into_iter()
                .map(|ended| (ended.rank, ended.outcome))
                .collect(),
            graph: live.root.graph(),
        }
    }
}

/// The world as its part here sees it; nothing if who asks does not have its first part.
fn layout(from: &str, me: &str, asked: &PartAsked) -> Option<Layout> {
    let Target::Mpi { size } = asked.call.invocation.target else {
        return None;
    };
    let own = asked
        .places
        .iter()
        .position(|place| place.worker.id == me)?;
    let layout = Layout::new(asked.stream, asked.places.clone(), own, size)?;
    (own != FIRST && layout.part_of(from) == Some(FIRST)).then_some(layout)
}

/// What is said of a part that cannot begin.
fn refused(outcome: Outcome) -> PartEnded {
    let kind = outcome.failure.as_ref().map(|failure| failure.kind);
    match is_overload(&outcome) || kind == Some(FailureKind::FunctionNotFound) {
        true => PartEnded::NoRoom,
        false => PartEnded::Failed(outcome),
    }
}
