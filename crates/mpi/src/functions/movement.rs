//! Collectives that move data.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use crate::abi::{Address, Handle};
use crate::collective::{Data, Deposit, Given, Job, Outcome, Parts, Signature, exchange, take};
use crate::comm::Comm;
use crate::datatype::{self, Layout};
use crate::error::{Class, Error, Result};
use crate::host::{Host, HostExt};
use crate::mailbox::Bytes;
use crate::memory::{Memory, MemoryExt};

/// Most bytes that a rank puts down for the others: copying twice is faster than waiting for
/// them then.
pub(super) const SMALL: u64 = 32 << 10;

/// Puts down data, or where it is if that is much.
pub(super) fn put<M: Memory>(memory: &M, layout: Layout, parts: Parts) -> Result<Deposit> {
    let sections = sections(&layout, &parts)?;
    let total: u64 = sections.iter().map(|section| section.size).sum();
    for section in &sections {
        section.check_read(memory)?;
    }
    if total > SMALL {
        return Ok(Deposit {
            data: Data::There(layout),
            parts,
            target: None,
        });
    }
    let mut bytes = Bytes::with_capacity(total as usize);
    for section in &sections {
        datatype::pack(memory, section, 0, section.size, &mut bytes)?;
    }
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
        target: None,
    })
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

fn nothing(_: &[Deposit]) -> Outcome {
    Outcome::Nothing
}

/// Meets the others with a deposit, and takes what the jobs say.
async fn swap<H: Host>(
    host: &mut H,
    comm: &Comm,
    (signature, deposit): (Signature, Deposit),
    jobs: Option<Vec<Job>>,
) -> Result<()> {
    let given = Given {
        signature,
        deposit,
        waits: jobs.is_some(),
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
        Err(_) => Err(Error::from(Class::Count.because(format!("a count is {count}")))),
    };
    counts.into_iter().zip(displacements).map(part).collect()
}

/// A buffer whose parts are given each.
fn base(address: Address, datatype: &Arc<datatype::Datatype>) -> Result<Layout> {
    Layout::of(address, 0, Arc::clone(datatype))
}

/// The buffer that starts here and has so many items for each rank.
fn whole(
    comm: &Comm,
    address: Address,
    count: i32,
    datatype: &Arc<datatype::Datatype>,
) -> Result<(Layout, u64)> {
    let one = Layout::new(address, count, datatype)?;
    let all = one.count.checked_mul(comm.size() as u64).ok_or(Class::Count)?;
    Ok((Layout::of(address, all, Arc::clone(datatype))?, one.count))
}

pub(crate) async fn barrier<H: Host>(host: &mut H, comm: Handle) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let given = (signature(host, None, None), Deposit::default());
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
        return swap(host, &comm, (signature, deposit), None).await;
    }
    host.with(|memory| layout.check_write(memory))?;
    let job = Job {
        from: root as usize,
        part: 0,
        into: layout,
    };
    swap(host, &comm, (signature, Deposit::default()), Some(vec![job])).await
}

/// What a rank sends: its buffer and that one's type.
type Side = (Address, i32, Handle);

/// `MPI_Gather` and `MPI_Gatherv`: at the root, `place` is the buffer for each rank's data.
async fn gather_with<H: Host>(
    host: &mut H,
    comm: Arc<Comm>,
    root: u32,
    (address, count, datatype): Side,
    place: impl Fn(&mut H, usize) -> Result<Layout>,
) -> Result<()> {
    let signature = signature(host, Some(root), None);
    let is_root = comm.rank == root;
    let is_in_place = is_root && address == Address::IN_PLACE;
    let deposit = match is_in_place {
        true => Deposit::default(),
        false => {
            let layout = Layout::new(address, count, host.rank().committed(datatype)?)?;
            host.with(|memory| put(memory, layout, Parts::One))?
        }
    };
    let jobs = match is_root {
        false => None,
        true => {
            let mut jobs = Vec::with_capacity(comm.size());
            for from in 0..comm.size() {
                let into = place(host, from)?;
                host.with(|memory| into.check_write(memory))?;
                if !(is_in_place && from == root as usize) {
                    jobs.push(Job {
                        from,
                        part: 0,
                        into,
                    });
                }
            }
            Some(jobs)
        }
    };
    swap(host, &comm, (signature, deposit), jobs).await
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn gather<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    into: Address,
    room: i32,
    into_datatype: Handle,
    root: i32,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let root = comm.root(root)?;
    let place = |host: &mut H, from: usize| {
        let one = Layout::new(into, room, host.rank().committed(into_datatype)?)?;
        one.part((one.count * from as u64).cast_signed(), one.count)
    };
    gather_with(host, comm, root, (address, count, datatype), place).await
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn gatherv<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    into: Address,
    counts: Address,
    displacements: Address,
    into_datatype: Handle,
    root: i32,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let root = comm.root(root)?;
    let mut parts = Vec::new();
    if comm.rank == root {
        parts = host.with(|memory| each(memory, &comm, counts, displacements))?;
    }
    let place = |host: &mut H, from: usize| {
        let (at, count) = parts[from];
        base(into, host.rank().committed(into_datatype)?)?.part(at, count)
    };
    gather_with(host, comm, root, (address, count, datatype), place).await
}

/// `MPI_Scatter` and `MPI_Scatterv`: at the root, `sent` is the buffer and its parts.
async fn scatter_with<H: Host>(
    host: &mut H,
    comm: Arc<Comm>,
    root: u32,
    sent: impl FnOnce(&mut H) -> Result<(Layout, Parts)>,
    (into, room, datatype): Side,
) -> Result<()> {
    let signature = signature(host, Some(root), None);
    let is_root = comm.rank == root;
    let deposit = match is_root {
        false => Deposit::default(),
        true => {
            let (layout, parts) = sent(host)?;
            host.with(|memory| put(memory, layout, parts))?
        }
    };
    if is_root && into == Address::IN_PLACE {
        return swap(host, &comm, (signature, deposit), None).await;
    }
    let into = Layout::new(into, room, host.rank().committed(datatype)?)?;
    host.with(|memory| into.check_write(memory))?;
    let job = Job {
        from: root as usize,
        part: comm.rank as usize,
        into,
    };
    swap(host, &comm, (signature, deposit), Some(vec![job])).await
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn scatter<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    into: Address,
    room: i32,
    into_datatype: Handle,
    root: i32,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let root = comm.root(root)?;
    let of = Arc::clone(&comm);
    let sent = move |host: &mut H| {
        let (layout, count) = whole(&of, address, count, host.rank().committed(datatype)?)?;
        Ok((layout, Parts::Equal(count)))
    };
    scatter_with(host, comm, root, sent, (into, room, into_datatype)).await
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn scatterv<H: Host>(
    host: &mut H,
    address: Address,
    counts: Address,
    displacements: Address,
    datatype: Handle,
    into: Address,
    room: i32,
    into_datatype: Handle,
    root: i32,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let root = comm.root(root)?;
    let of = Arc::clone(&comm);
    let sent = move |host: &mut H| {
        let parts = host.with(|memory| each(memory, &of, counts, displacements))?;
        let layout = base(address, host.rank().committed(datatype)?)?;
        Ok((layout, Parts::Each(parts)))
    };
    scatter_with(host, comm, root, sent, (into, room, into_datatype)).await
}

/// `MPI_Allgather` and `MPI_Allgatherv`: `places` are the buffers for each rank's data.
async fn allgather_with<H: Host>(
    host: &mut H,
    comm: &Comm,
    (address, count, datatype): Side,
    places: Vec<Layout>,
) -> Result<()> {
    let own = comm.rank as usize;
    let is_in_place = address == Address::IN_PLACE;
    let layout = match is_in_place {
        true => places[own].clone(),
        false => Layout::new(address, count, host.rank().committed(datatype)?)?,
    };
    let signature = signature(host, None, None);
    let deposit = host.with(|memory| {
        for place in &places {
            place.check_write(memory)?;
        }
        put(memory, layout, Parts::One)
    })?;
    // Not all from the same at the same time: each starts with its neighbour.
    let mut jobs: Vec<Job> = places
        .into_iter()
        .enumerate()
        .map(|(from, into)| Job {
            from,
            part: 0,
            into,
        })
        .collect();
    jobs.rotate_left(own);
    if is_in_place {
        jobs.remove(0);
    }
    swap(host, comm, (signature, deposit), Some(jobs)).await
}

pub(crate) async fn allgather<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    into: Address,
    room: i32,
    into_datatype: Handle,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let (all, count_each) = whole(&comm, into, room, host.rank().committed(into_datatype)?)?;
    let place = |rank: usize| all.part((count_each * rank as u64).cast_signed(), count_each);
    let places = (0..comm.size()).map(place).collect::<Result<_>>()?;
    allgather_with(host, &comm, (address, count, datatype), places).await
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn allgatherv<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    into: Address,
    counts: Address,
    displacements: Address,
    into_datatype: Handle,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let parts = host.with(|memory| each(memory, &comm, counts, displacements))?;
    let all = base(into, host.rank().committed(into_datatype)?)?;
    let place = |(at, count): (i64, u64)| all.part(at, count);
    let places = parts.into_iter().map(place).collect::<Result<_>>()?;
    allgather_with(host, &comm, (address, count, datatype), places).await
}

/// `MPI_Alltoall` and `MPI_Alltoallv`: what is sent, and where from each rank what it sends goes.
async fn alltoall_with<H: Host>(
    host: &mut H,
    comm: &Comm,
    sent: Option<(Layout, Parts)>,
    places: Vec<Layout>,
) -> Result<()> {
    let signature = signature(host, None, None);
    let own = comm.rank as usize;
    let mut taken = None;
    let deposit = match sent {
        Some((layout, parts)) => host.with(|memory| put(memory, layout, parts))?,
        None => {
            // What is sent is where it is received: from a copy.
            let (deposit, copy) = copy_in_place(host, &places).await?;
            taken = copy;
            deposit
        }
    };
    host.with(|memory| places.iter().try_for_each(|place| place.check_write(memory)))?;
    let mut jobs: Vec<Job> = places
        .into_iter()
        .enumerate()
        .map(|(from, into)| Job {
            from,
            part: own,
            into,
        })
        .collect();
    jobs.rotate_left(own);
    swap(host, comm, (signature, deposit), Some(jobs)).await?;
    match taken {
        Some(copy) => Ok(host.free(copy).await?),
        None => Ok(()),
    }
}

/// A deposit of the data in buffers that will be written to, and where the copy is that was
/// made of much.
async fn copy_in_place<H: Host>(
    host: &mut H,
    places: &[Layout],
) -> Result<(Deposit, Option<u32>)> {
    let mut total = 0;
    let mut parts = Vec::with_capacity(places.len());
    for place in places {
        parts.push((i64::try_from(total).map_err(|_| Class::Count)?, place.size));
        total += place.size;
    }
    if total <= SMALL {
        let mut data = Bytes::with_capacity(total as usize);
        host.with(|memory| {
            for place in places {
                place.check_read(memory)?;
                datatype::pack(memory, place, 0, place.size, &mut data)?;
            }
            Ok(())
        })?;
        let deposit = Deposit {
            data: Data::Here(data),
            parts: Parts::Each(parts),
            target: None,
        };
        return Ok((deposit, None));
    }
    let (copy, layout) = room(host, total).await?;
    let deposit = host.with(|memory| {
        for (place, (at, size)) in places.iter().zip(&parts) {
            place.check_read(memory)?;
            datatype::duplicate(memory, place, &layout.part(*at, *size)?)?;
        }
        put(memory, layout, Parts::Each(parts))
    })?;
    Ok((deposit, Some(copy)))
}

/// Memory that the program allocates, for so many bytes: its address and the buffer.
async fn room<H: Host>(host: &mut H, bytes: u64) -> Result<(u32, Layout)> {
    let kind = datatype::predefined(Handle::BYTE).ok_or(Class::Intern)?;
    let size = u32::try_from(bytes).map_err(|_| Class::Count)?;
    let address = host.allocate(size).await?.ok_or_else(|| {
        Class::NoMem.because("the program's malloc has no memory for a copy of the data")
    })?;
    Ok((address, Layout::of(Address(address), bytes, Arc::clone(kind))?))
}

/// A copy of a buffer, in memory that the program allocates.
pub(super) async fn copied<H: Host>(host: &mut H, data: &Layout) -> Result<(u32, Layout)> {
    let span = data.reach();
    let (address, _) = room(host, span).await?;
    let copy = Layout::of(Address(address), data.count, Arc::clone(&data.datatype))?;
    host.with(|memory| {
        data.check_read(memory)?;
        copy.check_write(memory)?;
        Ok(datatype::duplicate(memory, data, &copy)?)
    })?;
    Ok((address, copy))
}

pub(crate) async fn alltoall<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    into: Address,
    room: i32,
    into_datatype: Handle,
    comm: Handle,
) -> Result<()> {
    let rank = host.rank();
    let comm = rank.comm(comm)?;
    let (all, count_each) = whole(&comm, into, room, rank.committed(into_datatype)?)?;
    let place = |rank: usize| all.part((count_each * rank as u64).cast_signed(), count_each);
    let places = (0..comm.size()).map(place).collect::<Result<_>>()?;
    let sent = match address {
        Address::IN_PLACE => None,
        address => {
            let (layout, count) = whole(&comm, address, count, rank.committed(datatype)?)?;
            Some((layout, Parts::Equal(count)))
        }
    };
    alltoall_with(host, &comm, sent, places).await
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) async fn alltoallv<H: Host>(
    host: &mut H,
    address: Address,
    counts: Address,
    displacements: Address,
    datatype: Handle,
    into: Address,
    into_counts: Address,
    into_displacements: Address,
    into_datatype: Handle,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let parts = host.with(|memory| each(memory, &comm, into_counts, into_displacements))?;
    let all = base(into, host.rank().committed(into_datatype)?)?;
    let place = |(at, count): (i64, u64)| all.part(at, count);
    let places = parts.into_iter().map(place).collect::<Result<_>>()?;
    let sent = match address {
        Address::IN_PLACE => None,
        address => {
            let parts = host.with(|memory| each(memory, &comm, counts, displacements))?;
            let layout = base(address, host.rank().committed(datatype)?)?;
            Some((layout, Parts::Each(parts)))
        }
    };
    alltoall_with(host, &comm, sent, places).await
}
