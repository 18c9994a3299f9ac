//! Messages that are waited for later, and those that are described once.

use crate::abi::{Address, HANDLE_BYTES, Handle};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::memory::MemoryExt;
use crate::message::{Buffer, Mode, Peer};
use crate::request::{Plan, Request, begin_receive, begin_send};

/// Writes the handle of a new request.
pub(super) fn hand_out<H: Host>(host: &mut H, request: Request, at: Address) -> Result<()> {
    let handle = host.rank().requests.insert(request)?;
    host.with(|memory| Ok(memory.write_word(at, handle.0)?))
}

fn isend_with<H: Host>(
    host: &mut H,
    buffer: Buffer,
    peer: Peer,
    mode: Mode,
    request: Address,
) -> Result<()> {
    let message = host.rank().outgoing(buffer, peer, mode)?;
    host.rank().requests.make_room()?;
    let begun = Request {
        target: Some(message.target()),
        comm: peer.comm,
        active: Some(begin_send(host, &message)?),
        plan: None,
    };
    hand_out(host, begun, request)
}

fn plan<H: Host>(host: &mut H, comm: Handle, plan: Plan, request: Address) -> Result<()> {
    let planned = Request {
        target: match &plan {
            Plan::Send(message) => Some(message.target()),
            Plan::Receive(wanted) => wanted.target(),
        },
        comm,
        active: None,
        plan: Some(plan),
    };
    hand_out(host, planned, request)
}

macro_rules! sends {
    ($($now:ident $later:ident: $mode:expr;)*) => {$(
        #[expect(clippy::too_many_arguments, reason = "as in the standard")]
        pub(crate) fn $now<H: Host>(
            host: &mut H,
            address: Address,
            count: i32,
            datatype: Handle,
            rank: i32,
            tag: i32,
            comm: Handle,
            request: Address,
        ) -> Result<()> {
            let buffer = Buffer { address, count, datatype };
            isend_with(host, buffer, Peer { rank, tag, comm }, $mode, request)
        }

        #[expect(clippy::too_many_arguments, reason = "as in the standard")]
        pub(crate) fn $later<H: Host>(
            host: &mut H,
            address: Address,
            count: i32,
            datatype: Handle,
            rank: i32,
            tag: i32,
            comm: Handle,
            request: Address,
        ) -> Result<()> {
            let buffer = Buffer { address, count, datatype };
            let message = host.rank().outgoing(buffer, Peer { rank, tag, comm }, $mode)?;
            plan(host, comm, Plan::Send(message), request)
        }
    )*};
}

sends! {
    isend send_init: Mode::Standard;
    ibsend bsend_init: Mode::Buffered;
    issend ssend_init: Mode::Synchronous;
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) fn irecv<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    rank: i32,
    tag: i32,
    comm: Handle,
    request: Address,
) -> Result<()> {
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let wanted = host.rank().wanted(buffer, Peer { rank, tag, comm })?;
    host.rank().requests.make_room()?;
    let begun = Request {
        target: wanted.target(),
        comm,
        active: Some(begin_receive(host, &wanted)?),
        plan: None,
    };
    hand_out(host, begun, request)
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) fn recv_init<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    rank: i32,
    tag: i32,
    comm: Handle,
    request: Address,
) -> Result<()> {
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let wanted = host.rank().wanted(buffer, Peer { rank, tag, comm })?;
    plan(host, comm, Plan::Receive(wanted), request)
}

pub(crate) fn start<H: Host>(host: &mut H, request: Address) -> Result<()> {
    let handle = host.with(|memory| Ok(Handle(memory.read_word(request)?)))?;
    begin(host, handle)
}

pub(crate) fn startall<H: Host>(host: &mut H, count: i32, requests: Address) -> Result<()> {
    let count = super::completion::length(count)?;
    (0..count).try_for_each(|index| start(host, requests.item(index, HANDLE_BYTES)))
}

fn begin<H: Host>(host: &mut H, handle: Handle) -> Result<()> {
    let rank = host.rank();
    let request = rank.requests.get(handle)?;
    rank.raising = request.comm;
    let plan = match (&request.plan, &request.active) {
        (Some(plan), None) => plan.clone(),
        (Some(_), Some(_)) => return Err(Class::Request.because("it has been started already")),
        (None, _) => return Err(Class::Request.because("it is not persistent")),
    };
    let active = match &plan {
        Plan::Send(message) => begin_send(host, message)?,
        Plan::Receive(wanted) => begin_receive(host, wanted)?,
    };
    host.rank().requests.get_mut(handle)?.active = Some(active);
    Ok(())
}
