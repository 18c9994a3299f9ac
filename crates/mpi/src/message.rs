//! Sending and receiving, once it is clear what and with whom.

use std::sync::Arc;

use crate::abi::{ANY_SOURCE, ANY_TAG, Address, Handle, PROC_NULL};
use crate::datatype::{self, Layout};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::mailbox::{Body, Bytes, Delivered, Envelope, Pattern};
use crate::memory::Memory;
use crate::progress;
use crate::rank::Rank;
use crate::remote::{self, put_down_elsewhere};
use crate::status::Status;
use crate::sync::lock;
use crate::transfer::Transfer;
use crate::world::{Doing, Shared, Target};

/// A buffer as functions are given it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer {
    pub(crate) address: Address,
    pub(crate) count: i32,
    pub(crate) datatype: Handle,
}

/// Whom a message is for or from, as functions are given it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) rank: i32,
    pub(crate) tag: i32,
    pub(crate) comm: Handle,
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Also `MPI_Rsend`: that its receive was posted is the program's to know.
    Standard,
    Buffered,
    Synchronous,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// The receiver's rank in the world; none for `MPI_PROC_NULL`.
    dest: Option<u32>,
    context: u64,
    source: i32,
    tag: i32,
    layout: Layout,
    mode: Mode,
    peer: i32,
}

/// A message to be received.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// None for `MPI_PROC_NULL`.
    pattern: Option<Pattern>,
    layout: Layout,
}

/// A message that is on its way.
pub(crate) enum Sent {
    /// The program may use its buffer.
    Done,
    /// It is being copied.
    Transfer(Arc<Transfer>),
}

/// A receive that has begun.
pub(crate) enum Receiving {
    Done(Status),
    Slot(u32),
}

impl<M: Memory> Shared<M> {
    /// Hands an envelope over to a rank that is here.
    pub(crate) fn deliver(&self, dest: u32, envelope: Envelope) -> Delivered {
        let limit = self.options.buffered_bytes;
        let delivered = lock(&self.seat(dest).mailbox).deliver(dest, envelope, limit);
        if matches!(
            delivered,
            Delivered::Matched | Delivered::Kept { tell: true }
        ) {
            self.notify(dest);
        }
        delivered
    }
}

impl<M: Memory> Rank<M> {
    pub(crate) fn layout(&self, buffer: Buffer) -> Result<Layout> {
        let datatype = self.committed(buffer.datatype)?;
        Layout::new(buffer.address, buffer.count, datatype)
    }

    /// Checks what is to be sent.
    pub(crate) fn outgoing(&mut self, buffer: Buffer, peer: Peer, mode: Mode) -> Result<Outgoing> {
        let comm = self.comm(peer.comm)?;
        let layout = self.layout(buffer)?;
        if peer.tag < 0 {
            return Err(Class::Tag.because(format!("the tag is {}", peer.tag)));
        }
        let dest = match peer.rank {
            PROC_NULL => None,
            rank => Some(comm.member(rank)?),
        };
        Ok(Outgoing {
            dest,
            context: comm.context,
            source: comm.rank.cast_signed(),
            tag: peer.tag,
            layout,
            mode,
            peer: peer.rank,
        })
    }

    /// Checks which messages are meant.
    pub(crate) fn pattern(&mut self, peer: Peer) -> Result<Option<Pattern>> {
        let comm = self.comm(peer.comm)?;
        if peer.tag < 0 && peer.tag != ANY_TAG {
            return Err(Class::Tag.because(format!("the tag is {}", peer.tag)));
        }
        match peer.rank {
            PROC_NULL => return Ok(None),
            ANY_SOURCE => {}
            rank => {
                comm.member(rank)?;
            }
        }
        Ok(Some(Pattern {
            context: comm.context,
            source: peer.rank,
            tag: peer.tag,
        }))
    }

    /// Checks what is to be received.
    pub(crate) fn wanted(&mut self, buffer: Buffer, peer: Peer) -> Result<Wanted> {
        let pattern = self.pattern(peer)?;
        let layout = self.layout(buffer)?;
        Ok(Wanted { pattern, layout })
    }
}

/// Sends a message, or begins to.
pub(crate) fn send<H: Host>(host: &mut H, message: &Outgoing) -> Result<Sent> {
    let Some(dest) = message.dest else {
        return Ok(Sent::Done);
    };
    let layout = &message.layout;
    if message.mode != Mode::Synchronous && put_down(host, message)? {
        return Ok(Sent::Done);
    }
    host.with(|memory| layout.check_read(memory))?;
    let rank = host.rank();
    let number = rank
        .world
        .remote_of(dest)
        .map_or(0, |(remote, _)| remote.number());
    let transfer = match message.mode {
        Mode::Buffered => crate::buffer::put(host, layout, number)?,
        _ => {
            let (layout, account) = (layout.clone(), &rank.account);
            Arc::new(Transfer::new(rank.me, layout, account, number)?)
        }
    };
    let world = &host.rank().world;
    match world.remote_of(dest) {
        Some((remote, part)) => remote.offer(part, message.address(dest), &transfer),
        None => {
            let envelope = message.envelope(Body::Transfer(Arc::clone(&transfer)));
            world.deliver(dest, envelope);
        }
    }
    progress::start(host, Arc::clone(&transfer))?;
    let is_done = transfer.is_done() || message.mode == Mode::Buffered;
    Ok(match is_done {
        true => Sent::Done,
        false => Sent::Transfer(transfer),
    })
}

/// Sends a message by putting it down with its receiver; `false` if it is too large for that, or
/// if there is no room.
pub(crate) fn put_down<H: Host>(host: &mut H, message: &Outgoing) -> Result<bool> {
    let (Some(dest), layout) = (message.dest, &message.layout) else {
        return Ok(true);
    };
    if host.rank().world.remote_of(dest).is_some() {
        return put_down_elsewhere(host, dest, message);
    }
    if layout.size > host.rank().world.options.eager_bytes as u64 {
        return Ok(false);
    }
    let bytes = host.with(|memory| packed(memory, layout))?;
    let envelope = message.envelope(Body::Eager(bytes));
    let delivered = host.rank().world.deliver(dest, envelope);
    Ok(!matches!(delivered, Delivered::Full))
}

fn packed<M: Memory>(memory: &M, layout: &Layout) -> Result<Bytes> {
    let mut bytes = Bytes::with_capacity(layout.size as usize);
    layout.check_read(memory)?;
    datatype::pack(memory, layout, 0, layout.size, &mut bytes)?;
    Ok(bytes)
}

/// Sends a message and waits until its buffer may be used.
pub(crate) async fn send_and_wait<H: Host>(host: &mut H, message: &Outgoing) -> Result<()> {
    let Sent::Transfer(transfer) = send(host, message)? else {
        return Ok(());
    };
    let doing = message.doing(host.rank().call);
    progress::wait_until(host, doing, |_| transfer.is_done()).await
}

impl Wanted {
    /// Whom it is wanted from, unless that is nobody.
    pub(crate) fn target(&self) -> Option<Target> {
        self.pattern.map(|pattern| pattern.target())
    }

    pub(crate) fn doing(&self, call: &'static str) -> Doing {
        let message = |target| Doing::Message { call, target };
        self.target().map_or(Doing::Nothing, message)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}

impl Outgoing {
    fn envelope(&self, body: Body) -> Envelope {
        Envelope {
            context: self.context,
            source: self.source,
            tag: self.tag,
            part: None,
            body,
        }
    }

    /// Whom it is for and from, to a part of the world that its receiver is in.
    pub(crate) fn address(&self, dest: u32) -> remote::Address {
        remote::Address {
            dest,
            context: self.context,
            source: self.source,
            tag: self.tag,
        }
    }

    /// The same message, copied to another place.
    pub(crate) fn moved<M: Memory>(&self, memory: &mut M, to: Address) -> Result<Self> {
        let bytes = datatype::predefined(Handle::BYTE).ok_or(Class::Intern)?;
        let layout = Layout::of(to, self.layout.size, bytes.clone())?;
        datatype::duplicate(memory, &self.layout, &layout)?;
        Ok(Self {
            layout,
            ..self.clone()
        })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The receiver's rank in the world.
    pub(crate) fn dest(&self) -> Option<u32> {
        self.dest
    }

    /// Whom it is for.
    pub(crate) fn target(&self) -> Target {
        Target {
            role: "dest",
            peer: self.peer,
            tag: self.tag,
            context: self.context,
        }
    }

    pub(crate) fn doing(&self, call: &'static str) -> Doing {
        let target = self.target();
        Doing::Message { call, target }
    }
}

impl Pattern {
    pub(crate) fn target(&self) -> Target {
        Target::source(self.source, self.tag, self.context)
    }

    pub(crate) fn doing(&self, call: &'static str) -> Doing {
        let target = self.target();
        Doing::Message { call, target }
    }
}

/// Receives a message that is there, or begins to wait for it.
pub(crate) fn receive<H: Host>(host: &mut H, wanted: &Wanted) -> Result<Receiving> {
    let Some(pattern) = wanted.pattern else {
        return Ok(Receiving::Done(Status::FROM_NOBODY));
    };
    let layout = &wanted.layout;
    host.with(|memory| layout.check_write(memory))?;
    let rank = host.rank();
    let mut mailbox = lock(&rank.world.seat(rank.me).mailbox);
    let Some(envelope) = mailbox.take(pattern) else {
        return Ok(Receiving::Slot(mailbox.post(pattern, layout.clone())));
    };
    drop(mailbox);
    receive_taken(host, envelope, layout)
}

/// Receives a message that was taken out of the mailbox.
pub(crate) fn receive_taken<H: Host>(
    host: &mut H,
    envelope: Envelope,
    layout: &Layout,
) -> Result<Receiving> {
    let rank = host.rank();
    let mailbox = &rank.world.seat(rank.me).mailbox;
    let transfer = match &envelope.body {
        Body::Eager(_) => {
            lock(mailbox).release(&envelope);
            rank.give_credit();
            let status = host.with(|memory| finish(memory, &envelope, layout))?;
            return Ok(Receiving::Done(status));
        }
        Body::Transfer(transfer) => Arc::clone(transfer),
    };
    transfer.begin(rank.me, layout.clone());
    let slot = lock(mailbox).hold(envelope);
    progress::start(host, transfer)?;
    Ok(Receiving::Slot(slot))
}

/// Receives a message and waits for it.
pub(crate) async fn receive_and_wait<H: Host>(host: &mut H, wanted: &Wanted) -> Result<Status> {
    let receiving = receive(host, wanted)?;
    let doing = wanted.doing(host.rank().call);
    received(host, receiving, &wanted.layout, doing).await
}

/// Waits for a receive that has begun.
pub(crate) async fn received<H: Host>(
    host: &mut H,
    receiving: Receiving,
    layout: &Layout,
    doing: Doing,
) -> Result<Status> {
    let slot = match receiving {
        Receiving::Done(status) => return Ok(status),
        Receiving::Slot(slot) => slot,
    };
    progress::wait_until(host, doing, |rank| rank.has_received(slot)).await?;
    collect(host, slot, layout)
}

impl<M: Memory> Rank<M> {
    pub(crate) fn has_received(&self, slot: u32) -> bool {
        lock(&self.world.seat(self.me).mailbox).is_complete(slot)
    }
}

/// Takes a message that has come out of its slot and, if it was put down there, into the program's
/// memory.
pub(crate) fn collect<H: Host>(host: &mut H, slot: u32, layout: &Layout) -> Result<Status> {
    let rank = host.rank();
    let envelope = lock(&rank.world.seat(rank.me).mailbox).collect(slot);
    let envelope = envelope.ok_or(Class::Intern)?;
    if envelope.part.is_some() {
        rank.give_credit();
    }
    host.with(|memory| finish(memory, &envelope, layout))
}

fn finish<M: Memory>(memory: &mut M, envelope: &Envelope, layout: &Layout) -> Result<Status> {
    if let Body::Eager(bytes) = &envelope.body {
        datatype::unpack(memory, layout, 0, bytes)?;
    }
    Ok(status(envelope, Some(layout.size)))
}

/// The status of a message for a buffer of so many bytes, if it was received.
pub(crate) fn status(envelope: &Envelope, room: Option<u64>) -> Status {
    let len = envelope.body.len();
    let is_cut = room.is_some_and(|room| len > room);
    Status {
        source: envelope.source,
        tag: envelope.tag,
        error: is_cut.then_some(Class::Truncate),
        bytes: room.map_or(len, |room| len.min(room)),
        is_cancelled: false,
    }
}

impl Status {
    /// The error that it holds, as the result of a call.
    pub(crate) fn check(self) -> Result<Self> {
        match self.error {
            None => Ok(self),
            Some(class) => Err(class.into()),
        }
    }
}
