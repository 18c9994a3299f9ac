//! What servers ask of each other and send each other, by links. MPI worlds over several need most of
//! it.

use std::cmp::Reverse;

use bytes::Bytes;
use faasm_calls::{Line, NotAnswered, Worker};
use faasm_cluster::Member;
use faasm_link::{Error, InvalidPeerId, Links, Peer, PeerId};
use futures::FutureExt;
use futures::future::BoxFuture;

/// A stream of messages to another server.
pub struct Stream {
    links: Links,
    peer: Result<Peer, InvalidPeerId>,
    stream: u64,
}

impl Stream {
    pub fn new(links: &Links, to: &Worker, stream: u64) -> Self {
        Self {
            links: links.clone(),
            peer: peer(to),
            stream,
        }
    }
}

impl Line for Stream {
    fn send(&self, message: Bytes) -> BoxFuture<'_, Result<(), String>> {
        let send = async move {
            let peer = self.peer.as_ref().map_err(ToString::to_string)?;
            let sent = self.links.send(peer, self.stream, message).await;
            sent.map_err(|error| error.to_string())
        };
        send.boxed()
    }
}

/// Asks a server for something, and waits for its answer.
pub async fn request(links: &Links, to: &Worker, asked: Bytes) -> Result<Bytes, NotAnswered> {
    let peer = peer(to).map_err(|error| NotAnswered::NotAsked(error.to_string()))?;
    let answer = links.request(&peer, asked).await;
    answer.map_err(|error| match error {
        Error::Lost { .. } => NotAnswered::Lost(error.to_string()),
        Error::Failed { .. } => NotAnswered::Failed(error.to_string()),
        _ => {
            tracing::debug!(%error, "cannot ask another server");
            NotAnswered::NotAsked(error.to_string())
        }
    })
}

fn peer(worker: &Worker) -> Result<Peer, InvalidPeerId> {
    Ok(Peer {
        id: PeerId::new(&worker.id)?,
        address: worker.address.clone(),
    })
}

/// The worker that a member is.
pub fn worker(member: &Member) -> Worker {
    Worker {
        id: member.id.clone(),
        address: member.profile.address.clone(),
    }
}

/// Those that run calls, those with most room first.
pub fn emptiest(mut members: Vec<Member>) -> Vec<Worker> {
    let free = |member: &Member| {
        let capacity = member.profile.capacity;
        capacity.saturating_sub(member.load.running)
    };
    members.retain(|member| member.profile.capacity > 0);
    members.sort_by_key(|member| Reverse(free(member)));
    members.iter().map(worker).collect()
}

/// How many calls these run at a time altogether.
pub fn capacity(members: &[Member]) -> u32 {
    let all = members.iter().map(|member| member.profile.capacity);
    all.fold(0, u32::saturating_add)
}
