//! What this server has the others do.

use bytes::Bytes;
use faasm_calls::{Handed, HandedOver, Peers};
use faasm_cluster::{Change, Member, Members};
use faasm_link::{Error, Links, Peer, PeerId};
use faasm_storage::{Announce, Changed};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Servers that are asked to run one call.
const ASKED: usize = 2;

/// The other servers of the cluster.
pub struct Others {
    members: Members,
    links: Links,
    me: String,
}

impl Others {
    pub fn new(members: Members, links: Links, me: &str) -> Self {
        let me = me.to_owned();
        Self { members, links, me }
    }

    pub async fn leave(&self) -> Result<(), faasm_cluster::Error> {
        self.members.leave().await
    }

    /// Returns when all others have applied the change.
    pub async fn announce(&self, change: Change) -> Result<(), String> {
        let announced = self.members.announce(&change).await;
        announced.map(drop).map_err(|error| error.to_string())
    }

    /// Those that seem to have room, the emptiest first.
    fn with_room(&self) -> Vec<Member> {
        let live = self.members.live();
        let others = live.iter().filter(|member| member.id != self.me);
        // Another version may write calls in another way.
        let alike = others.filter(|member| member.profile.version == env!("CARGO_PKG_VERSION"));
        let free = |member: &Member| member.profile.capacity.saturating_sub(member.load.running);
        let mut with_room: Vec<Member> = alike
            .filter(|member| free(member) > 0 && member.load.waiting == 0)
            .cloned()
            .collect();
        with_room.sort_by_key(|member| std::cmp::Reverse(free(member)));
        with_room
    }

    async fn ask(&self, member: &Member, call: Bytes) -> HandedOver {
        let Ok(id) = PeerId::new(&member.id) else {
            return HandedOver::NoRoom;
        };
        let peer = Peer {
            id,
            address: member.profile.address.clone(),
        };
        match self.links.request(&peer, call).await {
            Ok(answer) => HandedOver::read(&answer),
            Err(error @ (Error::Lost { .. } | Error::Failed { .. })) => {
                HandedOver::Lost(error.to_string())
            }
            Err(error) => {
                tracing::debug!(%error, "cannot hand a call over");
                HandedOver::NoRoom
            }
        }
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

    fn flush(&self) -> BoxFuture<'_, Result<(), String>> {
        self.announce(Change::Flush).boxed()
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
