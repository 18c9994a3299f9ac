//! Messages of programs to ranks elsewhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::broken::{Broken, Taken};
use super::wire::{Address, Header, begin};
use super::{Coming, EAGER, Remote, forget};
use crate::datatype;
use crate::error::Result;
use crate::host::{Host, HostExt};
use crate::mailbox::{Body, Bytes, ENVELOPE, Envelope};
use crate::memory::Memory;
use crate::message::Outgoing;
use crate::rank::Rank;
use crate::sync::lock;
use crate::transfer::Transfer;
use crate::world::Shared;

impl Remote {
    /// Takes a part of a rank's room. `false` if there is not so much.
    fn take_room(&self, dest: u32, bytes: u64) -> bool {
        let Some(unreceived) = self.unreceived.get(dest as usize) else {
            return false;
        };
        let before = unreceived.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before + bytes <= self.share;
        if !has_room {
            unreceived.fetch_sub(bytes, Ordering::Relaxed);
        }
        has_room
    }

    pub(super) fn receive_credit(&self, rank: u32, bytes: u64) -> Taken {
        let unreceived = self
            .unreceived
            .get(rank as usize)
            .ok_or(Broken::Nonsense("a receipt of nobody"))?;
        let less = |all: u64| all.checked_sub(bytes);
        let updated = unreceived.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        updated
            .map(drop)
            .map_err(|_| Broken::Nonsense("a receipt of what was not sent"))
    }

    /// Offers a message whose data stays here until it is wanted.
    pub(crate) fn offer(&self, part: usize, to: Address, transfer: &Arc<Transfer>) {
        let (id, len) = (transfer.number(), transfer.len());
        lock(&self.going).insert(id, Arc::clone(transfer));
        self.send(part, &Header::Offer { to, id, len });
    }

    /// The number of a new transfer.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes an offer back, if it is not too late: the other part will say so.
    pub(crate) fn withdraw(&self, part: usize, transfer: &Transfer) {
        let id = transfer.number();
        if lock(&self.going).contains_key(&id) {
            self.send(part, &Header::Withdraw { id });
        }
    }
}

/// Sends a message to a rank elsewhere with its data, if it is small and there is room.
pub(crate) fn put_down_elsewhere<H: Host>(
    host: &mut H,
    dest: u32,
    message: &Outgoing,
) -> Result<bool> {
    let world = Arc::clone(&host.rank().world);
    let Some((remote, part)) = world.remote_of(dest) else {
        return Ok(false);
    };
    let layout = message.layout();
    if layout.size > EAGER {
        return Ok(false);
    }
    host.with(|memory| layout.check_read(memory))?;
    if !remote.take_room(dest, layout.size + ENVELOPE as u64) {
        return Ok(false);
    }
    let header = Header::Eager(message.address(dest));
    let mut bytes = begin(&header, layout.size as usize);
    host.with(|memory| Ok(datatype::pack(memory, layout, 0, layout.size, &mut bytes)?))?;
    remote.send_message(part, &header, bytes);
    Ok(true)
}

impl<M: Memory> Rank<M> {
    /// Lets the other parts know what this rank has received of theirs, if that is much.
    pub(crate) fn give_credit(&self) {
        let Some(remote) = &self.world.remote else {
            return;
        };
        let owed = lock(&self.world.seat(self.me).mailbox).take_owed(remote.share / 4);
        if let Some((part, bytes)) = owed {
            let rank = self.me;
            remote.send(part as usize, &Header::Credit { rank, bytes });
        }
    }
}

impl<M: Memory> Shared<M> {
    /// Hands over what came for a rank that is here.
    fn deliver_from(&self, from: usize, to: Address, body: Body) -> Taken {
        if !self.here().contains(&to.dest) {
            return Err(Broken::Nonsense("a message for a rank elsewhere"));
        }
        let envelope = Envelope {
            context: to.context,
            source: to.source,
            tag: to.tag,
            part: Some(from as u32),
            body,
        };
        self.deliver(to.dest, envelope);
        Ok(())
    }

    pub(super) fn receive_eager(&self, from: usize, to: Address, bytes: &[u8]) -> Taken {
        match bytes.len() as u64 <= EAGER {
            true => self.deliver_from(from, to, Body::Eager(Bytes::from_slice(bytes))),
            false => Err(Broken::Nonsense("a large message that was not asked for")),
        }
    }

    pub(super) fn receive_offer(
        &self,
        remote: &Remote,
        from: usize,
        to: Address,
        (id, len): (u64, u64),
    ) -> Taken {
        let transfer = Arc::new(Transfer::coming(Coming::new(from, id, len)));
        lock(&remote.coming).insert((from, id), Arc::clone(&transfer));
        self.deliver_from(from, to, Body::Transfer(Arc::clone(&transfer)))?;
        // Its sender can begin before the receiver has looked.
        transfer.advance(self);
        Ok(())
    }

    pub(super) fn receive_withdrawal(&self, remote: &Remote, from: usize, id: u64) {
        let coming = lock(&remote.coming).get(&(from, id)).cloned();
        let is_gone = coming.is_some_and(|transfer| {
            let mut seats = self.seats.iter();
            seats.any(|seat| lock(&seat.mailbox).withdraw(&transfer))
        });
        if is_gone {
            forget(&remote.coming, &(from, id));
        }
        remote.send(from, &Header::Withdrawn { id, is_gone });
    }

    pub(super) fn receive_withdrawn(&self, remote: &Remote, id: u64, is_gone: bool) {
        if is_gone && let Some(transfer) = forget(&remote.going, &id) {
            transfer.withdraw(self);
        }
    }
}
