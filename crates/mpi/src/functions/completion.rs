//! Waiting for requests, and asking for them.

use crate::abi::{Address, HANDLE_BYTES, Handle, INT_BYTES, STATUS_BYTES, UNDEFINED};
use crate::error::{Class, Error, Result};
use crate::host::{Host, HostExt};
use crate::memory::{Memory, MemoryExt};
use crate::progress::{poll, wait_until};
use crate::request::{reap, retire};
use crate::status::Status;
use crate::world::Doing;

/// The handles of an array.
pub(super) fn read_handles<H: Host>(
    host: &mut H,
    count: i32,
    array: Address,
) -> Result<Vec<Handle>> {
    let count = usize::try_from(count).map_err(|_| Class::Arg.because("the count is negative"))?;
    let words = host.with(|memory| Ok(memory.read_ints(array, count)?))?;
    Ok(words.into_iter().map(Handle::from).collect())
}

fn read_handle<H: Host>(host: &mut H, at: Address) -> Result<Handle> {
    host.with(|memory| Ok(Handle(memory.read_word(at)?)))
}

/// Checks the handles, and lets what goes on come further.
fn look<H: Host>(host: &mut H, handles: &[Handle]) -> Result<()> {
    for handle in handles {
        host.rank().is_active(*handle)?;
    }
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

fn doing<H: Host>(host: &mut H, count: usize) -> Doing {
    Doing::Requests {
        call: host.rank().call,
        count,
    }
}

/// Whether a request needs no wait; an unknown one is an error that comes up at once.
fn is_ready<M: Memory>(rank: &crate::rank::Rank<M>, handle: Handle) -> bool {
    rank.needs_no_wait(handle).unwrap_or(true)
}

fn is_active<M: Memory>(rank: &crate::rank::Rank<M>, handle: Handle) -> bool {
    rank.is_active(handle).unwrap_or(false)
}

pub(crate) async fn wait<H: Host>(host: &mut H, request: Address, status: Address) -> Result<()> {
    let handle = read_handle(host, request)?;
    look(host, &[handle])?;
    let doing = doing(host, 1);
    wait_until(host, doing, |rank| is_ready(rank, handle)).await?;
    one(host, handle, request, status)
}

fn one<H: Host>(host: &mut H, handle: Handle, request: Address, status: Address) -> Result<()> {
    let found = end(host, handle, request)?;
    host.with(|memory| found.write(memory, status))?;
    found.check().map(drop)
}

pub(crate) fn test<H: Host>(
    host: &mut H,
    request: Address,
    flag: Address,
    status: Address,
) -> Result<()> {
    let handle = read_handle(host, request)?;
    look(host, &[handle])?;
    let is_ready = host.rank().needs_no_wait(handle)?;
    host.with(|memory| Ok(memory.write_int(flag, i32::from(is_ready))?))?;
    match is_ready {
        true => one(host, handle, request, status),
        false => Ok(()),
    }
}

pub(crate) fn request_get_status<H: Host>(
    host: &mut H,
    request: Handle,
    flag: Address,
    status: Address,
) -> Result<()> {
    look(host, &[request])?;
    let is_ready = host.rank().needs_no_wait(request)?;
    let found = match is_ready {
        true => Some(host.rank().status_of(request)?),
        false => None,
    };
    host.with(|memory| {
        memory.write_int(flag, i32::from(is_ready))?;
        found.map_or(Ok(()), |found| found.write(memory, status))
    })
}

pub(crate) async fn waitall<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    statuses: Address,
) -> Result<()> {
    let handles = read_handles(host, count, requests)?;
    look(host, &handles)?;
    let doing = doing(host, handles.len());
    let mut waiting = handles.iter().peekable();
    wait_until(host, doing, |rank| {
        while waiting.next_if(|handle| is_ready(rank, **handle)).is_some() {}
        waiting.peek().is_none()
    })
    .await?;
    all(host, &handles, requests, statuses)
}

pub(crate) fn testall<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    flag: Address,
    statuses: Address,
) -> Result<()> {
    let handles = read_handles(host, count, requests)?;
    look(host, &handles)?;
    let rank = host.rank();
    let are_ready = handles.iter().all(|handle| is_ready(rank, *handle));
    host.with(|memory| Ok(memory.write_int(flag, i32::from(are_ready))?))?;
    match are_ready {
        true => all(host, &handles, requests, statuses),
        false => Ok(()),
    }
}

/// Ends all of an array.
fn all<H: Host>(
    host: &mut H,
    handles: &[Handle],
    requests: Address,
    statuses: Address,
) -> Result<()> {
    let mut ended = Vec::with_capacity(handles.len());
    for (index, handle) in handles.iter().enumerate() {
        ended.push(end(host, *handle, requests.item(index, HANDLE_BYTES))?);
    }
    write_statuses(host, &ended, statuses)
}

/// Writes an array of statuses: with errors if there are any.
fn write_statuses<H: Host>(host: &mut H, ended: &[Status], statuses: Address) -> Result<()> {
    let has_errors = ended.iter().any(|status| status.error.is_some());
    host.with(|memory| {
        for (index, status) in ended.iter().enumerate() {
            match has_errors {
                true => status.write_with_error(memory, statuses, index)?,
                false if statuses == Address::NULL => {}
                false => status.write(memory, statuses.item(index, STATUS_BYTES))?,
            }
        }
        Ok(())
    })?;
    match has_errors {
        true => Err(Class::InStatus.into()),
        false => Ok(()),
    }
}

/// What of an array is there to be waited for.
fn active<M: Memory>(rank: &crate::rank::Rank<M>, handles: &[Handle]) -> Vec<usize> {
    let all = 0..handles.len();
    all.filter(|index| is_active(rank, handles[*index]))
        .collect()
}

pub(crate) async fn waitany<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    index: Address,
    status: Address,
) -> Result<()> {
    let handles = read_handles(host, count, requests)?;
    look(host, &handles)?;
    let active = active(host.rank(), &handles);
    let doing = doing(host, active.len());
    let mut found = None;
    wait_until(host, doing, |rank| {
        let ready = |index: &&usize| is_ready(rank, handles[**index]);
        found = active.iter().find(ready).copied();
        found.is_some() || active.is_empty()
    })
    .await?;
    any(host, &handles, found, requests, (index, status))
}

/// Ends one of an array, or says that there is nothing to end.
fn any<H: Host>(
    host: &mut H,
    handles: &[Handle],
    found: Option<usize>,
    requests: Address,
    (index, status): (Address, Address),
) -> Result<()> {
    let number = found.and_then(|index| i32::try_from(index).ok());
    host.with(|memory| Ok(memory.write_int(index, number.unwrap_or(UNDEFINED))?))?;
    match found {
        Some(found) => one(
            host,
            handles[found],
            requests.item(found, HANDLE_BYTES),
            status,
        ),
        None => host.with(|memory| Status::EMPTY.write(memory, status)),
    }
}

pub(crate) fn testany<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    index: Address,
    flag: Address,
    status: Address,
) -> Result<()> {
    let handles = read_handles(host, count, requests)?;
    look(host, &handles)?;
    let active = active(host.rank(), &handles);
    let rank = host.rank();
    let found = active.iter().find(|index| is_ready(rank, handles[**index]));
    let found = found.copied();
    let has_ended = found.is_some() || active.is_empty();
    host.with(|memory| Ok(memory.write_int(flag, i32::from(has_ended))?))?;
    match has_ended {
        true => any(host, &handles, found, requests, (index, status)),
        false => host.with(|memory| Ok(memory.write_int(index, UNDEFINED)?)),
    }
}

pub(crate) async fn waitsome<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    outcount: Address,
    indices: Address,
    statuses: Address,
) -> Result<()> {
    let handles = read_handles(host, count, requests)?;
    look(host, &handles)?;
    let active = active(host.rank(), &handles);
    let doing = doing(host, active.len());
    wait_until(host, doing, |rank| {
        active.is_empty() || active.iter().any(|index| is_ready(rank, handles[*index]))
    })
    .await?;
    some(
        host,
        (&handles, &active),
        requests,
        (outcount, indices, statuses),
    )
}

pub(crate) fn testsome<H: Host>(
    host: &mut H,
    count: i32,
    requests: Address,
    outcount: Address,
    indices: Address,
    statuses: Address,
) -> Result<()> {
    let handles = read_handles(host, count, requests)?;
    look(host, &handles)?;
    let active = active(host.rank(), &handles);
    some(
        host,
        (&handles, &active),
        requests,
        (outcount, indices, statuses),
    )
}

/// Ends those of an array that need no wait.
fn some<H: Host>(
    host: &mut H,
    (handles, active): (&[Handle], &[usize]),
    requests: Address,
    (outcount, indices, statuses): (Address, Address, Address),
) -> Result<()> {
    if active.is_empty() {
        return host.with(|memory| Ok(memory.write_int(outcount, UNDEFINED)?));
    }
    let mut ended = Vec::new();
    for index in active {
        if is_ready(host.rank(), handles[*index]) {
            let status = end(host, handles[*index], requests.item(*index, HANDLE_BYTES))?;
            let at = indices.item(ended.len(), INT_BYTES);
            host.with(|memory| Ok(memory.write_word(at, *index as u32)?))?;
            ended.push(status);
        }
    }
    host.with(|memory| Ok(memory.write_word(outcount, ended.len() as u32)?))?;
    write_statuses(host, &ended, statuses)
}

pub(crate) fn request_free<H: Host>(host: &mut H, request: Address) -> Result<()> {
    let handle = read_handle(host, request)?;
    reap(host)?;
    let rank = host.rank();
    if rank.orphans.len() >= rank.world.options.handles {
        return Err(Class::NoMem.because("too many freed requests are not complete"));
    }
    let freed = rank.requests.remove(handle)?;
    rank.orphans.extend(freed.active);
    reap(host)?;
    host.with(|memory| Ok(memory.write_word(request, Handle::REQUEST_NULL.0)?))
}

pub(crate) fn cancel<H: Host>(host: &mut H, request: Address) -> Result<()> {
    let handle = read_handle(host, request)?;
    host.rank().cancel(handle)
}

pub(crate) fn test_cancelled<H: Host>(host: &mut H, status: Address, flag: Address) -> Result<()> {
    host.with(|memory| {
        let is_cancelled = Status::read(memory, status)?.is_cancelled;
        memory
            .write_int(flag, i32::from(is_cancelled))
            .map_err(Error::from)
    })
}
