//! The parts of worlds that this server runs, as the other parts reach them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use faasm_faaslet::{World, WorldLink, WorldPart};
use tokio::sync::Notify;

use super::lane::Lane;
use super::layout::Layout;
use crate::cluster::Peers;

/// The first part's number.
pub(super) const FIRST: usize = 0;

/// Signals that a part sends to another.
const SIGNALS: u32 = 2;

/// The worlds of several parts of which one is here, by their streams. They are as many as there
/// are permits for, at the most.
#[derive(Default)]
pub(crate) struct Worlds(DashMap<u64, Arc<Share>>);

/// A world of several parts, as the one that is here sees it.
pub(super) struct Share {
    pub(super) layout: Layout,
    pub(super) world: World,
    lanes: Arc<Lanes>,
    /// How many signals each part has sent.
    heard: Box<[AtomicU32]>,
    changed: Notify,
}

/// The ways to all other parts of a world.
pub(super) struct Lanes(Vec<Option<Arc<Lane>>>);

/// A part that the others can reach; dropping it ends that.
pub(super) struct Joined {
    worlds: Arc<Worlds>,
    share: Arc<Share>,
}

impl Worlds {
    /// Takes a message of a world. One that is not from a part of it is dropped, and so is
    /// one for a world that is over.
    pub(crate) fn hear(&self, from: &str, stream: u64, message: &[u8]) {
        let share = self.0.get(&stream).map(|share| Arc::clone(&share));
        let part = share.as_ref().and_then(|it| it.layout.sender(from));
        match share.zip(part) {
            Some((share, part)) => share.take(part, message),
            None => tracing::debug!(from, stream, "a message for no world that is here"),
        }
    }

    /// Ends all worlds that have a part on a server that was lost.
    pub(crate) fn lost(&self, worker: &str) {
        // Ending them sends messages: not while the table is held.
        let shares: Vec<_> = self.0.iter().map(|share| Arc::clone(&share)).collect();
        for share in shares {
            if let Some(part) = share.layout.sender(worker) {
                share.lose(part);
            }
        }
    }

    fn lose(&self, stream: u64, part: usize) {
        let share = self.0.get(&stream).map(|share| Arc::clone(&share));
        if let Some(share) = share {
            share.lose(part);
        }
    }
}

impl Lanes {
    /// Must be called within a tokio runtime.
    pub(super) fn new(layout: &Layout, peers: &dyn Peers, worlds: &Arc<Worlds>) -> Arc<Self> {
        let lane = |part| {
            let stream = layout.stream;
            let line = peers.line(layout.worker(part), stream);
            let worlds = Arc::clone(worlds);
            Lane::new(line, Box::new(move || worlds.lose(stream, part)))
        };
        let parts = 0..layout.places.len();
        let lanes = parts.map(|part| (part != layout.own).then(|| lane(part)));
        Arc::new(Self(lanes.collect()))
    }

    /// The part of a world that sends by these.
    pub(super) fn part(self: &Arc<Self>, layout: &Layout) -> WorldPart {
        WorldPart {
            placement: layout.placement.clone(),
            own: layout.own,
            link: Arc::clone(self) as Arc<dyn WorldLink>,
        }
    }

    fn to(&self, part: usize) -> Option<&Arc<Lane>> {
        self.0.get(part)?.as_ref()
    }
}

impl WorldLink for Lanes {
    fn send(&self, part: usize, message: Vec<u8>) {
        if let Some(lane) = self.to(part) {
            lane.send(message.into());
        }
    }
}

impl Share {
    fn take(&self, part: usize, message: &[u8]) {
        if !message.is_empty() {
            return self.world.receive(part, message);
        }
        let more = |heard| (heard < SIGNALS).then_some(heard + 1);
        if self.heard[part].fetch_update(SeqCst, SeqCst, more).is_ok() {
            self.changed.notify_waiters();
        }
    }

    /// Ends the world: a part of it was lost.
    pub(super) fn lose(&self, part: usize) {
        self.world.abort(None, self.layout.lost(part));
    }

    /// Signals to another part.
    pub(super) fn signal(&self, part: usize) {
        if let Some(lane) = self.lanes.to(part) {
            lane.send(Bytes::new());
        }
    }

    /// Whether a part has sent so many signals.
    pub(super) fn has_heard(&self, part: usize, signals: u32) -> bool {
        self.heard[part].load(SeqCst) >= signals
    }

    /// Waits until it is so, which signals can make.
    pub(super) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        loop {
            // Registered before the look, so that no signal falls between the two.
            let changed = self.changed.notified();
            if is_so(self) {
                return;
            }
            changed.await;
        }
    }
}

impl Joined {
    /// Lets the other parts reach this one; nothing if there is another world of that stream.
    pub(super) fn new(
        worlds: &Arc<Worlds>,
        layout: Layout,
        world: World,
        lanes: Arc<Lanes>,
    ) -> Option<Self> {
        let Entry::Vacant(vacant) = worlds.0.entry(layout.stream) else {
            return None;
        };
        let heard = layout.places.iter().map(|_| AtomicU32::new(0)).collect();
        let share = Arc::new(Share {
            layout,
            world,
            lanes,
            heard,
            changed: Notify::new(),
        });
        vacant.insert(Arc::clone(&share));
        let worlds = Arc::clone(worlds);
        Some(Self { worlds, share })
    }

    pub(super) fn share(&self) -> &Arc<Share> {
        &self.share
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.worlds.0.remove(&self.share.layout.stream);
        for lane in self.share.lanes.0.iter().flatten() {
            lane.close();
        }
    }
}
