//! Waiting for requests, and asking for them.

use crate::abi::{Address, HANDLE_BYTES, Handle, INT_BYTES, STATUS_BYTES, UNDEFINED};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::memory::{Memory, MemoryExt};
use crate::progress::{poll, step_aside, wait_until};
use crate::rank::Rank;
use crate::request::{reap, retire};
use crate::status::Status;

/// A request of an array that a program gives.
#[derive(Clone, Copy)]
struct Listed {
    /// Its place in the array.
    index: usize,
    handle: Handle,
}

/// An array of requests.
struct Requests {
    at: Address,
    /// How long the array is.
    count: usize,
    /// Those that are not `MPI_REQUEST_NULL`, of which there may be any number.
    listed: Vec<Listed>,
}

pub(super) fn length(count: i32) -> Result<usize> {
    usize::try_from(count).map_err(|_| Class::Arg.because("the count is negative"))
}

impl Requests {
    /// Reads an array, checks its handles, and lets what goes on come further.
    fn read<H: Host>(host: &mut H, count: i32, at: Address) -> Result<Self> {
        let count = length(count)?;
        let most = host.rank().world.options.handles;
        let mut listed = Vec::new();
        host.with(|memory| {
            for (index, word) in memory.words(at, count)?.iter().enumerate() {
                let handle = Handle(u32::from_le_bytes(*word));
                if handle == Handle::REQUEST_NULL {
                    continue;
                }
                if listed.len() == most {
                    return Err(Class::Request.because("a request is given twice"));
                }
                listed.push(Listed { index, handle });
            }
            Ok(())
        })?;
        look(host, listed.iter().map(|request| request.handle))?;
        Ok(Self { at, count, listed })
    }

    /// What of it is there to be waited for.
    fn active<M: Memory>(&self, rank: &Rank<M>) -> Vec<Listed> {
        let is_active = |request: &&Listed| rank.is_active(request.handle).unwrap_or(false);
        self.listed.iter().filter(is_active).copied().collect()
    }

    /// Where a request's handle is.
    fn place(&self, request: Listed) -> Address {
        self.at.item(request.index, HANDLE_BYTES)
    }
}

fn read_handle<H: Host>(host: &mut H, at: Address) -> Result<Handle> {
    host.with(|memory| Ok(Handle(memory.read_word(at)?)))
}

/// Checks the handles, and lets what goes on come further.
fn look<H: Host>(host: &mut H, mut handles: impl Iterator<Item = Handle>) -> Result<()> {
    handles.try_for_each(|handle| host.rank().is_active(handle).map(drop))?;
    reap(host)?;
    poll(host)
}

/// Ends a request that needs no wait, and marks the program's handle if it is gone.
fn end<H: Host>(host: &mut H, handle: Handle, at: Address) -> Result<Status> {
    let (status, is_gone) = retire(host, handle)?;
    if is_gone {
        host.with(|memory| Ok(memory.write_word(at, Handle::REQUEST_NULL.0)?))?;
    }
    Ok(status)
}

/// Waits until `ready`, for some of these requests.
async fn wait_for<H: Host>(
    host: &mut H,
    requests: &[Listed],
    mut ready: impl FnMut(&Rank<H::Memory>) -> bool,
) -> Result<()> {
    if ready(host.rank()) {
        return Ok(());
    }
    let doing = host
        .rank()
        .doing(requests.iter().map(|request| request.handle));
    wait_until(host, doing, |rank| ready(rank)).await
}

/// Whether a request needs no wait; an unknown one is an error that comes up at once.
fn is_ready<M: Memory>(rank: &Rank<M>, request: &Listed) -> bool {
    rank.needs_no_wait(request.handle).unwrap_or(true)
}

/// What was asked for is not there. A program that asks again and again would keep others from it.
async fn not_yet() -> Result<()> {
    step_aside().await;
    Ok(())
}

fn write_flag<H: Host>(host: &mut H, flag: Address, is_set: bool) -> Result<()> {
    host.with(|memory| Ok(memory.write_int(flag, i32::from(is_set))?))
}

pub(crate) async fn wait<H: Host>(host: &mut H, request: Address, status: Address) -> Result<()> {
    let handle = read_handle(host, request)?;
    look(host, [handle].into_iter())?;
    let listed = [Listed { index: 0, handle }];
    wait_for(host, &listed, |rank| is_ready(rank, &listed[0])).await?;
    one(host, handle, request, status)
}

fn one<H: Host>(host: &mut H, handle: Handle, request: Address, status: Address) -> Result<()> {
    let found = end(host, handle, request)?;
    host.with(|memory| found.write(memory, status))?;
    found.check().map(drop)
}

pub(crate) async fn test<H: Host>(
    host: &mut H,
    request: Address,
    flag: Address,
    status: Address,
) -> Result<()> {
    let handle = read_handle(host, request)?;
    look(host, [handle].into_iter())?;
    let is_ready = host.rank().needs_no_wait(handle)?;
    write_flag(host, flag, is_ready)?;
    match is_ready {
        true => one(host, handle, request, status),
        false => not_yet().await,
    }
}

pub(crate) async fn request_get_status<H: Host>(
    host: &mut H,
    request: Handle,
    flag: Address,
    status: Address,
) -> Result<()> {
    look(host, [request].into_iter())?;
    let is_ready = host.rank().needs_no_wait(request)?;
    write_flag(host, flag, is_ready)?;
    if !is_ready {
        return not_yet().await;
    }
    let found = host.rank().status_of(request)?;
    host.with(|memory| found.write(memory, status))
}

pub(crate) async fn waitall<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    statuses: Address,
) -> Result<()> {
    let requests = Requests::read(host, count, requests)?;
    let mut waiting = requests.listed.iter().peekable();
    wait_for(host, &requests.listed, |rank| {
        while waiting.next_if(|request| is_ready(rank, request)).is_some() {}
        waiting.peek().is_none()
    })
    .await?;
    all(host, &requests, statuses)
}

pub(crate) async fn testall<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    flag: Address,
    statuses: Address,
) -> Result<()> {
    let requests = Requests::read(host, count, requests)?;
    let rank = host.rank();
    let are_ready = requests
        .listed
        .iter()
        .all(|request| is_ready(rank, request));
    write_flag(host, flag, are_ready)?;
    match are_ready {
        true => all(host, &requests, statuses),
        false => not_yet().await,
    }
}

/// Ends all of an array.
fn all<H: Host>(host: &mut H, requests: &Requests, statuses: Address) -> Result<()> {
    let mut ended = Vec::with_capacity(requests.listed.len());
    for request in &requests.listed {
        let status = end(host, request.handle, requests.place(*request))?;
        ended.push((request.index, status));
    }
    let mut ended = Ended::new(ended);
    if ended.has_errors || statuses != Address::NULL {
        host.with(|memory| (0..requests.count).try_for_each(|i| ended.write(memory, statuses, i)))?;
    }
    ended.result()
}

/// Statuses for an array, in the order of their places there.
struct Ended {
    statuses: std::iter::Peekable<std::vec::IntoIter<(usize, Status)>>,
    has_errors: bool,
}

impl Ended {
    fn new(statuses: Vec<(usize, Status)>) -> Self {
        Self {
            has_errors: statuses.iter().any(|(_, status)| status.error.is_some()),
            statuses: statuses.into_iter().peekable(),
        }
    }

    /// Writes the status that belongs to a place, or the empty one; with errors if there are any.
    fn write<M: Memory>(&mut self, memory: &mut M, at: Address, index: usize) -> Result<()> {
        let ended = self.statuses.next_if(|(place, _)| *place == index);
        let status = ended.map_or(Status::EMPTY, |(_, status)| status);
        match self.has_errors {
            true => status.write_with_error(memory, at, index),
            false => status.write(memory, at.item(index, STATUS_BYTES)),
        }
    }

    fn result(&self) -> Result<()> {
        match self.has_errors {
            true => Err(Class::InStatus.into()),
            false => Ok(()),
        }
    }
}

pub(crate) async fn waitany<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    index: Address,
    status: Address,
) -> Result<()> {
    let requests = Requests::read(host, count, requests)?;
    let active = requests.active(host.rank());
    let mut found = None;
    wait_for(host, &active, |rank| {
        found = active
            .iter()
            .find(|request| is_ready(rank, request))
            .copied();
        found.is_some() || active.is_empty()
    })
    .await?;
    any(host, &requests, found, (index, status))
}

/// Ends one of an array, or says that there is nothing to end.
fn any<H: Host>(
    host: &mut H,
    requests: &Requests,
    found: Option<Listed>,
    (index, status): (Address, Address),
) -> Result<()> {
    let number = found.and_then(|request| i32::try_from(request.index).ok());
    host.with(|memory| Ok(memory.write_int(index, number.unwrap_or(UNDEFINED))?))?;
    match found {
        Some(found) => one(host, found.handle, requests.place(found), status),
        None => host.with(|memory| Status::EMPTY.write(memory, status)),
    }
}

pub(crate) async fn testany<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    index: Address,
    flag: Address,
    status: Address,
) -> Result<()> {
    let requests = Requests::read(host, count, requests)?;
    let rank = host.rank();
    let active = requests.active(rank);
    let found = active
        .iter()
        .find(|request| is_ready(rank, request))
        .copied();
    let has_ended = found.is_some() || active.is_empty();
    write_flag(host, flag, has_ended)?;
    if has_ended {
        return any(host, &requests, found, (index, status));
    }
    host.with(|memory| Ok(memory.write_int(index, UNDEFINED)?))?;
    not_yet().await
}

pub(crate) async fn waitsome<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    outcount: Address,
    indices: Address,
    statuses: Address,
) -> Result<()> {
    let requests = Requests::read(host, count, requests)?;
    let active = requests.active(host.rank());
    wait_for(host, &active, |rank| {
        active.is_empty() || active.iter().any(|request| is_ready(rank, request))
    })
    .await?;
    some(host, &requests, &active, (outcount, indices, statuses)).map(drop)
}

pub(crate) async fn testsome<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    outcount: Address,
    indices: Address,
    statuses: Address,
) -> Result<()> {
    let requests = Requests::read(host, count, requests)?;
    let active = requests.active(host.rank());
    let ended = some(host, &requests, &active, (outcount, indices, statuses))?;
    match ended == 0 && !active.is_empty() {
        true => not_yet().await,
        false => Ok(()),
    }
}

/// Ends those of an array that need no wait; how many they are.
fn some<H: Host>(
    host: &mut H,
    requests: &Requests,
    active: &[Listed],
    (outcount, indices, statuses): (Address, Address, Address),
) -> Result<usize> {
    if active.is_empty() {
        host.with(|memory| Ok(memory.write_int(outcount, UNDEFINED)?))?;
        return Ok(0);
    }
    let mut ended = Vec::new();
    for request in active {
        if is_ready(host.rank(), request) {
            let status = end(host, request.handle, requests.place(*request))?;
            let at = indices.item(ended.len(), INT_BYTES);
            host.with(|memory| Ok(memory.write_word(at, request.index as u32)?))?;
            ended.push((ended.len(), status));
        }
    }
    let count = ended.len();
    let mut ended = Ended::new(ended);
    host.with(|memory| {
        memory.write_word(outcount, count as u32)?;
        if ended.has_errors || statuses != Address::NULL {
            (0..count).try_for_each(|index| ended.write(memory, statuses, index))?;
        }
        Ok(())
    })?;
    ended.result().map(|()| count)
}

/// What a freed request takes, in bytes, with its place in the mailbox.
const ORPHAN: usize = 256;

pub(crate) fn request_free<H: Host>(host: &mut H, request: Address) -> Result<()> {
    let handle = read_handle(host, request)?;
    reap(host)?;
    let rank = host.rank();
    if rank.orphans.len() >= rank.world.options.handles {
        return Err(Class::NoMem.because("too many freed requests are not complete"));
    }
    rank.requests.get(handle)?;
    let held = rank.account.hold(ORPHAN)?;
    let freed = rank.requests.remove(handle)?;
    rank.orphans
        .extend(freed.active.map(|active| (active, held)));
    reap(host)?;
    host.with(|memory| Ok(memory.write_word(request, Handle::REQUEST_NULL.0)?))
}

pub(crate) fn cancel<H: Host>(host: &mut H, request: Address) -> Result<()> {
    let handle = read_handle(host, request)?;
    host.rank().cancel(handle)
}

pub(crate) fn test_cancelled<H: Host>(host: &mut H, status: Address, flag: Address) -> Result<()> {
    let found = host.with(|memory| Status::read(memory, status))?;
    write_flag(host, flag, found.is_cancelled)
}
