//! Finding room for all ranks of a world, here or on several servers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faasm_faaslet::{Executed, NoMemory};
use faasm_model::{FailureKind, Invocation, Name, Outcome, WorldSize};
use futures::future::join_all;

use super::asked::{self, Asked, PartAsked};
use super::layout::{Layout, Place};
use super::lead::{Gathered, NotReady, Spread};
use super::pack::pack;
use super::seats::Seats;
use super::share::{FIRST, Joined, Lanes};
use crate::admission::{Exhausted, Permit};
use crate::calls::Inner;
use crate::cluster::{Peers, Worker};
use crate::handover::{Entered, Handed};
use crate::live::LiveCall;
use crate::options::Options;
use crate::refused::Refused;
use crate::waiters::Rank;

/// How often room is looked for while the client waits: another world may just have tried, too.
const ATTEMPTS: u32 = 6;

/// Longest pause before the second of these attempts; they grow as the attempts do.
const PAUSE: Duration = Duration::from_millis(8);

/// Longest pause between attempts when nobody waits for an answer.
const LONG_PAUSE: Duration = Duration::from_millis(400);

/// Servers that are asked for room.
const MOST_ASKED: usize = 64;

/// How long a server may take to say how much room it has.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one look for room has found.
enum Found {
    Seats(Seats),
    /// The world cannot be run.
    Failed(Box<Outcome>),
    /// Not for all ranks, and perhaps for none here.
    NoRoom {
        some_here: bool,
    },
}

impl From<NotReady> for Found {
    fn from(why: NotReady) -> Self {
        match why {
            NotReady::NoRoom => Self::NoRoom { some_here: true },
            NotReady::Failed(outcome) => Self::Failed(outcome),
        }
    }
}

impl Inner {
    /// Whether there can ever be room for a world.
    pub(crate) fn check_world(&self, size: WorldSize) -> Result<(), Refused> {
        let here = self.most_ranks();
        match self.company.cluster() {
            _ if size.get() <= here => Ok(()),
            None => Err(Refused::WorldTooLarge(here)),
            Some(cluster) => {
                let own = if cluster.runs { here } else { 0 };
                let all = own.saturating_add(cluster.peers.capacity());
                match size.get() <= all {
                    true => Ok(()),
                    false => Err(Refused::WorldTooLargeForCluster(all)),
                }
            }
        }
    }

    /// Ranks that an MPI world can have here.
    pub(crate) fn most_ranks(&self) -> u32 {
        let Options {
            max_running,
            max_faaslets,
            ..
        } = self.options;
        max_running.min(max_faaslets).max(1)
    }

    /// Room for a world whose client waits: now, or not at all.
    pub(crate) async fn enter_world(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        size: WorldSize,
        may_hand_over: bool,
    ) -> Result<Entered, Refused> {
        let attempts = match self.company.cluster() {
            Some(_) => ATTEMPTS,
            None => 1,
        };
        for attempt in 0..attempts {
            if attempt > 0 {
                pause(PAUSE * attempt).await;
            }
            match self.find_seats(live, size).await {
                Found::Seats(seats) => return Ok(Entered::Here(seats)),
                Found::Failed(outcome) => {
                    return Ok(Entered::Over(Box::new(self.unrun_world(*outcome))));
                }
                Found::NoRoom { some_here: true } => {}
                // Rank 0 has no place here, but its client is not tied to it.
                Found::NoRoom { some_here: false } if may_hand_over => {
                    if let Some(executed) = self.execute_world_elsewhere(live).await {
                        return Ok(Entered::Over(Box::new(executed)));
                    }
                }
                Found::NoRoom { some_here: false } => {}
            }
        }
        Err(Refused::NoRoomForWorld(size))
    }

    /// Whether an accepted world will never run. A cluster may be smaller than it was, and waits for
    /// its servers.
    pub(crate) fn is_too_large(&self, invocation: &Invocation) -> bool {
        self.company.cluster().is_none() && invocation.target.ranks().get() > self.most_ranks()
    }

    /// Room for a call of the log, however long that takes.
    pub(crate) async fn enter_logged(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
    ) -> Result<Entered, Exhausted> {
        let (user, size) = (
            &live.invocation.function.user,
            live.invocation.target.ranks(),
        );
        let entering = async {
            if size.get() > self.most_ranks() {
                // In the queue it would stay at the head, for ever.
                return std::future::pending().await;
            }
            self.admission
                .enter(user, Rank::Asynchronous, size.get())
                .await
        };
        let gathering = async {
            if size == WorldSize::ONE || self.company.cluster().is_none() {
                return std::future::pending().await;
            }
            // Boxed, since every call's future would have room for it.
            Box::pin(self.gather_at_last(live, size)).await
        };
        tokio::select! {
            biased;
            permit = entering => permit.map(|permit| Entered::Here(permit.into())),
            entered = gathering => Ok(entered),
        }
    }

    async fn gather_at_last(self: &Arc<Self>, live: &Arc<LiveCall>, size: WorldSize) -> Entered {
        loop {
            match self.find_seats(live, size).await {
                Found::Seats(seats) => return Entered::Here(seats),
                Found::Failed(outcome) if !is_overload(&outcome) => {
                    return Entered::Over(Box::new(self.unrun_world(*outcome)));
                }
                Found::Failed(_) | Found::NoRoom { .. } => pause(LONG_PAUSE).await,
            }
        }
    }

    /// How a world ends that cannot be run.
    pub(crate) fn unrun_world(&self, outcome: Outcome) -> Executed {
        let charge = self.faaslets.budget().charge();
        Executed { outcome, charge }
    }

    /// Room for all ranks at once: here, or else with the other servers of the cluster.
    async fn find_seats(self: &Arc<Self>, live: &Arc<LiveCall>, size: WorldSize) -> Found {
        let user = &live.invocation.function.user;
        if let Some(permit) = self.admission.try_enter_all(user, size.get()) {
            return Found::Seats(permit.into());
        }
        let Some(cluster) = self.company.cluster() else {
            return Found::NoRoom { some_here: false };
        };
        let here = self.admission.room_for(user).min(size.get() - 1);
        let permit = match here {
            0 => None,
            here => self.admission.try_enter_all(user, here),
        };
        let Some(permit) = permit else {
            return Found::NoRoom { some_here: false };
        };
        let peers = &cluster.peers;
        let own = Place {
            worker: peers.me(),
            ranks: here,
        };
        match pack(own, rooms(&**peers, user).await, size.get()) {
            Some(places) => self.reserve(live, size, permit, peers, places).await,
            None => Found::NoRoom { some_here: true },
        }
    }

    /// Reserves all parts, or none.
    async fn reserve(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        size: WorldSize,
        permit: Permit,
        peers: &Arc<dyn Peers>,
        places: Vec<Place>,
    ) -> Found {
        let none = Found::NoRoom { some_here: true };
        let layout = getrandom::u64().ok();
        let layout = layout.and_then(|stream| Layout::new(stream, places, FIRST, size));
        let Some(layout) = layout else { return none };
        let lanes = Lanes::new(&layout, &**peers, &self.worlds);
        let begun = self.faaslets.world_part(
            &live.invocation,
            lanes.part(&layout),
            // It would have to wait with all that others need.
            NoMemory::Fail,
            &live.cancel,
        );
        let (world, ranks) = match begun.await {
            Ok(begun) => begun,
            Err(outcome) => return Found::Failed(outcome),
        };
        let asked = Asked::Part(Box::new(PartAsked {
            call: Handed::of(live, 0),
            code: world.code(),
            stream: layout.stream,
            places: layout.places.clone(),
        }));
        let joined = Joined::new(&self.worlds, layout, world.clone(), lanes);
        let (Some(joined), Ok(asked)) = (joined, asked.encode()) else {
            return none;
        };
        let mut spread = Spread::ask(joined, peers, &Bytes::from(asked));
        if let Err(why) = spread.ready().await {
            return why.into();
        }
        Found::Seats(Seats {
            permit: Arc::new(permit),
            gathered: Some(Box::new(Gathered {
                world,
                ranks,
                spread,
            })),
        })
    }

    /// For how many ranks of the user there is room here.
    pub(crate) fn room_for(&self, user: &Name) -> u32 {
        let runs = self.company.cluster().is_some_and(|cluster| cluster.runs);
        match runs && !self.closing.is_cancelled() && self.company.is_current() {
            true => self.admission.room_for(user),
            false => 0,
        }
    }
}

/// Whether the call may run later.
pub(super) fn is_overload(outcome: &Outcome) -> bool {
    let failure = outcome.failure.as_ref();
    failure.is_some_and(|failure| failure.kind == FailureKind::Overloaded)
}

/// The servers that have room for ranks of the user, and for how many. Asked, since what is known of
/// their loads is old, and a user cannot have all that is free.
async fn rooms(peers: &dyn Peers, user: &Name) -> Vec<(Worker, u32)> {
    let Ok(asked) = Asked::Room(user.clone()).encode().map(Bytes::from) else {
        return Vec::new();
    };
    let workers = peers.workers().into_iter().take(MOST_ASKED);
    let all = workers.map(|worker| {
        let asked = asked.clone();
        async move {
            let answer = tokio::time::timeout(PATIENCE, peers.request(&worker, asked)).await;
            let room: u32 = asked::read(&answer.ok()?.ok()?).ok()?;
            Some((worker, room))
        }
    });
    join_all(all).await.into_iter().flatten().collect()
}

/// A random pause: of two worlds that got in each other's way, one comes back first.
async fn pause(longest: Duration) {
    let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    tokio::time::sleep(longest.mul_f64(share)).await;
}
