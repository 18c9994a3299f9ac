//! What this server has the others do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use faasm_calls::{Handed, HandedOver, Line, NotAnswered, Peers, Worker};
use faasm_cluster::{Change, Member, Members};
use faasm_http::{WorkerInfo, Workers};
use faasm_link::Links;
use faasm_storage::{Announce, Changed};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::worlds;

/// Servers that are asked to run one call.
const ASKED: usize = 2;

/// The other servers of the cluster.
pub struct Others {
    members: Members,
    links: Links,
    me: Worker,
    /// Calls that each was handed and that have not ended, by its id.
    handed: Mutex<HashMap<String, u32>>,
}

/// A call that another server has; dropping it ends that.
struct Handing<'a> {
    others: &'a Others,
    member: &'a str,
}

impl Drop for Handing<'_> {
    fn drop(&mut self) {
        let mut handed = self.others.handed();
        if let Some(count) = handed.get_mut(self.member) {
            *count -= 1;
            if *count == 0 {
                handed.remove(self.member);
            }
        }
    }
}

impl Others {
    pub fn new(members: Members, links: Links, me: Worker) -> Self {
        Self {
            members,
            links,
            me,
            handed: Mutex::default(),
        }
    }

    fn handed(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handing<'a>(&'a self, member: &'a str) -> Handing<'a> {
        *self.handed().entry(member.to_owned()).or_default() += 1;
        Handing {
            others: self,
            member,
        }
    }

    pub async fn leave(&self) -> Result<(), faasm_cluster::Error> {
        self.members.leave().await
    }

    /// Where a server is, if it is still there.
    pub fn address(&self, id: &str) -> Option<String> {
        let live = self.members.live();
        let member = live.iter().find(|member| member.id == id)?;
        Some(member.profile.address.clone())
    }

    /// Returns when all others have applied the change.
    pub async fn announce(&self, change: Change) -> Result<(), String> {
        let announced = self.members.announce(&change).await;
        announced.map(drop).map_err(|error| error.to_string())
    }

    /// Those of this version: another may write calls in another way.
    fn alike(&self) -> Vec<Member> {
        let live = self.members.live();
        let is_alike = |member: &&Member| {
            member.id != self.me.id && member.profile.version == env!("CARGO_PKG_VERSION")
        };
        live.iter().filter(is_alike).cloned().collect()
    }

    /// Those that seem to have room, the emptiest first. What they were handed may not be in
    /// their loads yet, and so counts twice for a while: better than too many at once.
    fn with_room(&self) -> Vec<Member> {
        let handed = self.handed();
        let free = |member: &Member| {
            let taken = member.load.running + handed.get(&member.id).copied().unwrap_or(0);
            member.profile.capacity.saturating_sub(taken)
        };
        let mut with_room = self.alike();
        with_room.retain(|member| free(member) > 0 && member.load.waiting == 0);
        with_room.sort_by_key(|member| std::cmp::Reverse(free(member)));
        with_room
    }

    async fn until_room(&self) {
        let mut members = self.members.watch();
        while self.with_room().is_empty() {
            if members.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn ask(&self, member: &Member, call: Bytes) -> HandedOver {
        let _handing = self.handing(&member.id);
        HandedOver::of(self.request(&worlds::worker(member), call).await)
    }

    async fn hand(&self, call: Handed) -> HandedOver {
        let with_room = self.with_room();
        if with_room.is_empty() {
            return HandedOver::NoRoom;
        }
        let Ok(call) = call.encode().map(Bytes::from) else {
            return HandedOver::NoRoom;
        };
        for member in with_room.iter().take(ASKED) {
            match self.ask(member, call.clone()).await {
                HandedOver::NoRoom => {}
                done => {
                    metrics::counter!("faasm_calls_handed_over_total").increment(1);
                    return done;
                }
            }
        }
        HandedOver::NoRoom
    }
}

impl Peers for Others {
    fn is_current(&self) -> bool {
        self.members.is_current()
    }

    fn hand_over(&self, call: Handed) -> BoxFuture<'_, HandedOver> {
        self.hand(call).boxed()
    }

    fn room(&self) -> BoxFuture<'_, ()> {
        self.until_room().boxed()
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), String>> {
        self.announce(Change::Flush).boxed()
    }

    fn me(&self) -> Worker {
        self.me.clone()
    }

    fn workers(&self) -> Vec<Worker> {
        worlds::emptiest(self.alike())
    }

    fn capacity(&self) -> u32 {
        worlds::capacity(&self.alike())
    }

    fn request<'a>(
        &'a self,
        to: &'a Worker,
        asked: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, NotAnswered>> {
        worlds::request(&self.links, to, asked).boxed()
    }

    fn line(&self, to: &Worker, stream: u64) -> Arc<dyn Line> {
        Arc::new(worlds::Stream::new(&self.links, to, stream))
    }
}

impl Announce for Others {
    fn announce(&self, changed: Changed) -> BoxFuture<'_, Result<(), String>> {
        let change = match changed {
            Changed::Function(name) => Change::Function(name),
            Changed::Python(name) => Change::Python(name),
            Changed::File(path) => Change::File(path),
        };
        Self::announce(self, change).boxed()
    }
}

impl Workers for Others {
    fn list(&self) -> Vec<WorkerInfo> {
        let live = self.members.live();
        let workers = live.iter().map(|member| WorkerInfo {
            address: member.profile.address.clone(),
            id: member.id.clone(),
            capacity: member.profile.capacity,
            running: member.load.running,
            waiting: member.load.waiting,
            version: member.profile.version.clone(),
            since_ms: member.since_ms,
        });
        workers.collect()
    }
}
