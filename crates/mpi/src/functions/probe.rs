//! Looking at messages before they are received.

use crate::abi::{Address, Handle};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::mailbox::{Envelope, Pattern};
use crate::memory::{Memory, MemoryExt};
use crate::message::{Buffer, Peer, receive_taken, received, status};
use crate::progress::{poll, step_aside, wait_until};
use crate::rank::Rank;
use crate::request::{Active, Request, begin_receive_taken};
use crate::status::Status;
use crate::sync::lock;
use crate::world::Doing;

impl<M: Memory> Rank<M> {
    /// Waits for messages without having posted a receive, or not any more.
    fn set_probing(&self, is_probing: bool) {
        lock(&self.world.seat(self.me).mailbox).is_probing = is_probing;
    }

    fn look(&self, pattern: Pattern) -> Option<Status> {
        let mailbox = lock(&self.world.seat(self.me).mailbox);
        mailbox
            .probe(pattern)
            .map(|envelope| status(envelope, None))
    }

    fn take(&self, pattern: Pattern) -> Option<Envelope> {
        lock(&self.world.seat(self.me).mailbox).take(pattern)
    }
}

/// Waits until `look` finds something.
async fn wait_for<H: Host, T>(
    host: &mut H,
    pattern: Pattern,
    look: impl Fn(&Rank<H::Memory>, Pattern) -> Option<T>,
) -> Result<T> {
    let mut found = None;
    let doing = pattern.doing(host.rank().call);
    host.rank().set_probing(true);
    let waited = wait_until(host, doing, |rank| {
        found = look(rank, pattern);
        found.is_some()
    })
    .await;
    host.rank().set_probing(false);
    waited?;
    found.ok_or_else(|| Class::Intern.into())
}

pub(crate) async fn probe<H: Host>(
    host: &mut H,
    rank: i32,
    tag: i32,
    comm: Handle,
    at: Address,
) -> Result<()> {
    let found = match host.rank().pattern(Peer { rank, tag, comm })? {
        Some(pattern) => wait_for(host, pattern, Rank::look).await?,
        None => Status::FROM_NOBODY,
    };
    host.with(|memory| found.write(memory, at))
}

pub(crate) async fn iprobe<H: Host>(
    host: &mut H,
    rank: i32,
    tag: i32,
    comm: Handle,
    flag: Address,
    at: Address,
) -> Result<()> {
    let pattern = host.rank().pattern(Peer { rank, tag, comm })?;
    poll(host)?;
    let found = match pattern {
        Some(pattern) => host.rank().look(pattern),
        None => Some(Status::FROM_NOBODY),
    };
    write_found(host, found, flag, at)?;
    if found.is_none() {
        step_aside().await;
    }
    Ok(())
}

fn write_found<H: Host>(
    host: &mut H,
    found: Option<Status>,
    flag: Address,
    at: Address,
) -> Result<()> {
    host.with(|memory| {
        memory.write_int(flag, i32::from(found.is_some()))?;
        found.map_or(Ok(()), |found| found.write(memory, at))
    })
}

/// Keeps a message for the program, and writes its handle.
fn keep<H: Host>(
    host: &mut H,
    comm: Handle,
    envelope: Envelope,
    message: Address,
) -> Result<Status> {
    let found = status(&envelope, None);
    let handle = host.rank().messages.insert((comm, envelope))?;
    write_handle(host, message, handle)?;
    Ok(found)
}

fn write_handle<H: Host>(host: &mut H, at: Address, handle: Handle) -> Result<()> {
    host.with(|memory| Ok(memory.write_word(at, handle.0)?))
}

pub(crate) async fn mprobe<H: Host>(
    host: &mut H,
    rank: i32,
    tag: i32,
    comm: Handle,
    message: Address,
    at: Address,
) -> Result<()> {
    let found = match host.rank().pattern(Peer { rank, tag, comm })? {
        Some(pattern) => {
            host.rank().messages.make_room()?;
            let envelope = wait_for(host, pattern, Rank::take).await?;
            keep(host, comm, envelope, message)?
        }
        None => {
            write_handle(host, message, Handle::MESSAGE_NO_PROC)?;
            Status::FROM_NOBODY
        }
    };
    host.with(|memory| found.write(memory, at))
}

pub(crate) async fn improbe<H: Host>(
    host: &mut H,
    rank: i32,
    tag: i32,
    comm: Handle,
    flag: Address,
    message: Address,
    at: Address,
) -> Result<()> {
    let pattern = host.rank().pattern(Peer { rank, tag, comm })?;
    host.rank().messages.make_room()?;
    poll(host)?;
    let found = match pattern.map(|pattern| host.rank().take(pattern)) {
        Some(None) => None,
        Some(Some(envelope)) => Some(keep(host, comm, envelope, message)?),
        None => {
            write_handle(host, message, Handle::MESSAGE_NO_PROC)?;
            Some(Status::FROM_NOBODY)
        }
    };
    write_found(host, found, flag, at)?;
    if found.is_none() {
        step_aside().await;
    }
    Ok(())
}

/// The message of a handle, which is gone then; none if it is from nobody.
fn claim<H: Host>(host: &mut H, at: Address) -> Result<Option<(Handle, Envelope)>> {
    let handle = host.with(|memory| Ok(Handle(memory.read_word(at)?)))?;
    let taken = match handle {
        Handle::MESSAGE_NO_PROC => None,
        handle => Some(host.rank().messages.remove(handle)?),
    };
    write_handle(host, at, Handle::MESSAGE_NULL)?;
    if let Some((comm, _)) = &taken {
        host.rank().raising = *comm;
    }
    Ok(taken)
}

pub(crate) async fn mrecv<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    message: Address,
    at: Address,
) -> Result<()> {
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let layout = host.rank().layout(buffer)?;
    host.with(|memory| layout.check_write(memory))?;
    let found = match claim(host, message)? {
        None => Status::FROM_NOBODY,
        Some((_, envelope)) => {
            let (call, target) = (host.rank().call, envelope.target());
            let doing = Doing::Message { call, target };
            let receiving = receive_taken(host, envelope, &layout)?;
            received(host, receiving, &layout, doing).await?
        }
    };
    host.with(|memory| found.write(memory, at))?;
    found.check().map(drop)
}

pub(crate) fn imrecv<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    message: Address,
    request: Address,
) -> Result<()> {
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let layout = host.rank().layout(buffer)?;
    host.with(|memory| layout.check_write(memory))?;
    host.rank().requests.make_room()?;
    let begun = match claim(host, message)? {
        None => Request {
            target: None,
            comm: Handle::COMM_NULL,
            active: Some(Active::Done(Status::FROM_NOBODY)),
            plan: None,
        },
        Some((comm, envelope)) => Request {
            target: Some(envelope.target()),
            comm,
            active: Some(begin_receive_taken(host, envelope, &layout)?),
            plan: None,
        },
    };
    super::nonblocking::hand_out(host, begun, request)
}
