//! Messages that are sent and received at once.

use crate::abi::{Address, Handle, UNDEFINED};
use crate::buffer::Attached;
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::memory::{Memory, MemoryExt};
use crate::message::{
    self, Buffer, Mode, Outgoing, Peer, Sent, Wanted, receive_and_wait, received, send_and_wait,
};
use crate::progress::wait_until;
use crate::status::Status;
use crate::world::Doing;

async fn send_with<H: Host>(host: &mut H, buffer: Buffer, peer: Peer, mode: Mode) -> Result<()> {
    let message = host.rank().outgoing(buffer, peer, mode)?;
    send_and_wait(host, &message).await
}

macro_rules! sends {
    ($($name:ident: $mode:expr;)*) => {$(
        pub(crate) async fn $name<H: Host>(
            host: &mut H,
            address: Address,
            count: i32,
            datatype: Handle,
            rank: i32,
            tag: i32,
            comm: Handle,
        ) -> Result<()> {
            let buffer = Buffer { address, count, datatype };
            send_with(host, buffer, Peer { rank, tag, comm }, $mode).await
        }
    )*};
}

sends! {
    send: Mode::Standard;
    bsend: Mode::Buffered;
    ssend: Mode::Synchronous;
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn recv<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    rank: i32,
    tag: i32,
    comm: Handle,
    status: Address,
) -> Result<()> {
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let wanted = host.rank().wanted(buffer, Peer { rank, tag, comm })?;
    let found = receive_and_wait(host, &wanted).await?;
    host.with(|memory| found.write(memory, status))?;
    found.check().map(drop)
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn sendrecv<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    dest: i32,
    tag: i32,
    into: Address,
    room: i32,
    into_datatype: Handle,
    source: i32,
    wanted_tag: i32,
    comm: Handle,
    status: Address,
) -> Result<()> {
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let peer = Peer {
        rank: dest,
        tag,
        comm,
    };
    let message = host.rank().outgoing(buffer, peer, Mode::Standard)?;
    let buffer = Buffer {
        address: into,
        count: room,
        datatype: into_datatype,
    };
    let peer = Peer {
        rank: source,
        tag: wanted_tag,
        comm,
    };
    let wanted = host.rank().wanted(buffer, peer)?;
    exchange(host, &message, &wanted, status).await
}

/// Sends and receives at the same time.
async fn exchange<H: Host>(
    host: &mut H,
    message: &Outgoing,
    wanted: &Wanted,
    status: Address,
) -> Result<()> {
    let receiving = message::receive(host, wanted)?;
    let sent = message::send(host, message)?;
    let doing = wanted.doing(host.rank().call);
    let found = received(host, receiving, wanted.layout(), doing).await?;
    if let Sent::Transfer(transfer) = sent {
        let doing = message.doing(host.rank().call);
        wait_until(host, doing, |_| transfer.is_done()).await?;
    }
    host.with(|memory| found.write(memory, status))?;
    found.check().map(drop)
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn sendrecv_replace<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    dest: i32,
    tag: i32,
    source: i32,
    wanted_tag: i32,
    comm: Handle,
    status: Address,
) -> Result<()> {
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let rank = host.rank();
    let peer = Peer {
        rank: dest,
        tag,
        comm,
    };
    let message = rank.outgoing(buffer, peer, Mode::Standard)?;
    let peer = Peer {
        rank: source,
        tag: wanted_tag,
        comm,
    };
    // All that could be wrong, before anything is sent.
    let wanted = rank.wanted(buffer, peer)?;
    if message::put_down(host, &message)? {
        let found = receive_and_wait(host, &wanted).await?;
        host.with(|memory| found.write(memory, status))?;
        return found.check().map(drop);
    }
    // Sent from a copy, since the buffer is received into.
    let size = u32::try_from(message.layout().size).map_err(|_| Class::Count)?;
    let copy = host.memory_for(size).await?.ok_or_else(|| {
        Class::NoMem.because("the program's malloc has no memory for a copy of the message")
    })?;
    let message = host.with(|memory| message.moved(memory, Address(copy)))?;
    let exchanged = exchange(host, &message, &wanted, status).await;
    host.free(copy).await?;
    exchanged
}

pub(crate) fn buffer_attach<H: Host>(host: &mut H, address: Address, size: i32) -> Result<()> {
    let size = u32::try_from(size).map_err(|_| Class::Arg.because("the size is negative"))?;
    host.with(|memory| Ok(memory.slice_mut(address.0, size).map(drop)?))?;
    let attached = &mut host.rank().attached;
    if attached.is_some() {
        return Err(Class::Buffer.because("a buffer is attached already"));
    }
    *attached = Some(Attached::new(address, size));
    Ok(())
}

pub(crate) async fn buffer_detach<H: Host>(
    host: &mut H,
    address: Address,
    size: Address,
) -> Result<()> {
    if host.rank().attached.is_none() {
        return Err(Class::Buffer.because("no buffer is attached"));
    }
    let call = host.rank().call;
    let doing = Doing::Unreceived { call };
    let is_empty = |attached: &Option<Attached>| attached.as_ref().is_none_or(Attached::is_empty);
    wait_until(host, doing, |rank| is_empty(&rank.attached)).await?;
    match host.rank().attached.take() {
        None => Ok(()),
        Some(attached) => host.with(|memory| {
            memory.write_word(address, attached.address.0)?;
            Ok(memory.write_word(size, attached.size)?)
        }),
    }
}

pub(crate) fn get_count<H: Host>(
    host: &mut H,
    status: Address,
    datatype: Handle,
    count: Address,
) -> Result<()> {
    let size = host.rank().committed(datatype)?.size;
    let bytes = host.with(|memory| Status::read(memory, status))?.bytes;
    let items = match (size, bytes) {
        (0, 0) => Some(0),
        (0, _) => None,
        _ => (bytes % size == 0).then(|| bytes / size),
    };
    write_count(host, count, items)
}

pub(crate) fn get_elements<H: Host>(
    host: &mut H,
    status: Address,
    datatype: Handle,
    count: Address,
) -> Result<()> {
    let bytes = host.with(|memory| Status::read(memory, status))?.bytes;
    let elements = host
        .rank()
        .committed(datatype)?
        .elements_of(u64::MAX, bytes);
    write_count(host, count, elements)
}

fn write_count<H: Host>(host: &mut H, at: Address, count: Option<u64>) -> Result<()> {
    let count = count.and_then(|count| i32::try_from(count).ok());
    host.with(|memory| Ok(memory.write_int(at, count.unwrap_or(UNDEFINED))?))
}
