//! Collectives that move data.

mod allgather;
mod alltoall;
mod gather;
mod scatter;

pub(super) use allgather::{allgather, allgatherv};
pub(super) use alltoall::{alltoall, alltoallv};
pub(super) use gather::{gather, gatherv};
pub(super) use scatter::{scatter, scatterv};

use smallvec::{SmallVec, smallvec};

use crate::abi::{Address, Handle};
use crate::collective::{
    Data, Deposit, Given, Job, Outcome, Parts, Reach, Signature, exchange, take,
};
use crate::comm::Comm;
use crate::datatype::{self, Layout, TypeRef};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::mailbox::Bytes;
use crate::memory::{Memory, MemoryExt};

/// Most bytes that a rank puts down for the others: copying twice is faster than waiting for
/// them then.
pub(super) const SMALL: u64 = 32 << 10;

/// Puts down data, or where it is if that is much.
pub(super) fn put<M: Memory>(memory: &M, layout: Layout, parts: Parts) -> Result<Deposit> {
    let sections = sections(&layout, &parts)?;
    let total = total(&sections)?;
    for section in &sections {
        section.check_read(memory)?;
    }
    if total > SMALL {
        return Ok(Deposit {
            data: Data::There(layout),
            parts,
            ..Deposit::default()
        });
    }
    let bytes = packed(memory, &sections, total)?;
    let size = layout.datatype.size;
    Ok(Deposit {
        data: Data::Here(bytes),
        parts: match parts {
            Parts::One => Parts::One,
            Parts::Equal(count) => Parts::Equal(count * size),
            Parts::Each(parts) => {
                let bytes = parts.into_iter().map(|(at, count)| (at, count * size));
                Parts::Each(bytes.collect())
            }
        },
        ..Deposit::default()
    })
}

/// Puts down all data, however much it is.
pub(super) fn put_all<M: Memory>(memory: &M, layout: &Layout) -> Result<Deposit> {
    layout.check_read(memory)?;
    let bytes = packed(memory, std::slice::from_ref(layout), layout.size)?;
    Ok(Deposit {
        data: Data::Here(bytes),
        ..Deposit::default()
    })
}

fn packed<M: Memory>(memory: &M, sections: &[Layout], total: u64) -> Result<Bytes> {
    let mut bytes = Bytes::with_capacity(total as usize);
    for section in sections {
        datatype::pack(memory, section, 0, section.size, &mut bytes)?;
    }
    Ok(bytes)
}

/// Bytes of data of all of them.
fn total(sections: &[Layout]) -> Result<u64> {
    let sum = |all: u64, section: &Layout| all.checked_add(section.size);
    let total = sections.iter().try_fold(0, sum);
    total.ok_or_else(|| Class::Count.because("the buffers are too large"))
}

/// The buffers that data is in. Parts need not be in order, nor apart.
fn sections(layout: &Layout, parts: &Parts) -> Result<SmallVec<[Layout; 1]>> {
    match parts {
        Parts::One | Parts::Equal(_) => Ok(smallvec![layout.clone()]),
        Parts::Each(parts) => {
            let section = |(at, count): &(i64, u64)| layout.part(*at, *count);
            parts.iter().map(section).collect()
        }
    }
}

fn signature<H: Host>(host: &mut H, root: Option<u32>, bytes: Option<u64>) -> Signature {
    Signature {
        call: host.rank().call,
        root,
        kind: 0,
        bytes,
    }
}

pub(super) fn nothing(_: &[Deposit], _: &mut dyn FnMut() -> u64) -> Outcome {
    Outcome::Nothing
}

/// Meets the others with a deposit, and takes what the jobs say.
async fn swap<H: Host>(
    host: &mut H,
    comm: &Comm,
    (signature, deposit, reach): (Signature, Deposit, Reach),
    jobs: Option<Vec<Job>>,
) -> Result<()> {
    let given = Given {
        signature,
        deposit,
        waits: jobs.is_some(),
        reach,
    };
    let Some(meeting) = exchange(host, comm, given, nothing).await? else {
        return Ok(());
    };
    let taken = take(host, comm, &meeting, &jobs.unwrap_or_default()).await;
    meeting.end(host).await?;
    match taken? {
        None => Ok(()),
        Some(class) => Err(class.into()),
    }
}

/// What each of an array of counts and displacements is, as items.
fn each<M: Memory>(
    memory: &M,
    comm: &Comm,
    counts: Address,
    displacements: Address,
) -> Result<Vec<(i64, u64)>> {
    let counts = memory.read_ints(counts, comm.size())?;
    let displacements = memory.read_ints(displacements, comm.size())?;
    let part = |(count, at): (i32, i32)| match u64::try_from(count) {
        Ok(count) => Ok((i64::from(at), count)),
        Err(_) => Err(Class::Count.because(format!("a count is {count}"))),
    };
    counts.into_iter().zip(displacements).map(part).collect()
}

/// A buffer whose parts are given each.
fn base(address: Address, datatype: &TypeRef) -> Result<Layout> {
    Layout::of(address, 0, datatype.clone())
}

/// The buffer that starts here and has so many items for each rank.
fn whole(comm: &Comm, address: Address, count: i32, datatype: &TypeRef) -> Result<(Layout, u64)> {
    let one = Layout::new(address, count, datatype)?;
    let all = one
        .count
        .checked_mul(comm.size() as u64)
        .ok_or(Class::Count)?;
    Ok((Layout::of(address, all, datatype.clone())?, one.count))
}

pub(crate) async fn barrier<H: Host>(host: &mut H, comm: Handle) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let given = (signature(host, None, None), Deposit::default(), Reach::All);
    swap(host, &comm, given, Some(Vec::new())).await
}

pub(crate) async fn bcast<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    root: i32,
    comm: Handle,
) -> Result<()> {
    let rank = host.rank();
    let comm = rank.comm(comm)?;
    let root = comm.root(root)?;
    let layout = Layout::new(address, count, rank.committed(datatype)?)?;
    let signature = signature(host, Some(root), Some(layout.size));
    if comm.rank == root {
        let deposit = host.with(|memory| put(memory, layout, Parts::One))?;
        return swap(host, &comm, (signature, deposit, Reach::All), None).await;
    }
    host.with(|memory| layout.check_write(memory))?;
    let job = Job {
        from: root as usize,
        part: 0,
        into: layout,
    };
    swap(
        host,
        &comm,
        (signature, Deposit::default(), Reach::All),
        Some(vec![job]),
    )
    .await
}

/// What a rank sends: its buffer and that one's type.
type Side = (Address, i32, Handle);

/// Memory that the program allocates, for so many bytes: its address and the buffer.
async fn room<H: Host>(host: &mut H, bytes: u64) -> Result<(u32, Layout)> {
    let kind = datatype::predefined(Handle::BYTE).ok_or(Class::Intern)?;
    let size = u32::try_from(bytes).map_err(|_| Class::Count)?;
    let address = host.memory_for(size).await?.ok_or_else(|| {
        Class::NoMem.because("the program's malloc has no memory for a copy of the data")
    })?;
    Ok((address, Layout::of(Address(address), bytes, kind.clone())?))
}

/// A copy of a buffer, in memory that the program allocates.
pub(super) async fn copied<H: Host>(host: &mut H, data: &Layout) -> Result<(u32, Layout)> {
    let span = data.reach();
    let (address, _) = room(host, span).await?;
    let copy = Layout::of(Address(address), data.count, data.datatype.clone())?;
    host.with(|memory| {
        data.check_read(memory)?;
        copy.check_write(memory)?;
        Ok(datatype::duplicate(memory, data, &copy)?)
    })?;
    Ok((address, copy))
}
