//! `MPI_Alltoall` and `MPI_Alltoallv`.

use super::{SMALL, base, each, put, room, signature, swap, total, whole};
use crate::abi::{Address, Handle};
use crate::collective::{Data, Deposit, Job, Parts, Reach};
use crate::comm::Comm;
use crate::datatype::{self, Layout};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::mailbox::Bytes;

/// What is sent, and where from each rank what it sends goes.
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
    host.with(|memory| {
        places
            .iter()
            .try_for_each(|place| place.check_write(memory))
    })?;
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
    swap(host, comm, (signature, deposit, Reach::All), Some(jobs)).await?;
    match taken {
        Some(copy) => Ok(host.free(copy).await?),
        None => Ok(()),
    }
}

/// A deposit of the data in buffers that will be written to, and where the copy is that was
/// made of much.
async fn copy_in_place<H: Host>(host: &mut H, places: &[Layout]) -> Result<(Deposit, Option<u32>)> {
    let total = total(places)?;
    let mut at: u64 = 0;
    let mut parts = Vec::with_capacity(places.len());
    for place in places {
        parts.push((i64::try_from(at).map_err(|_| Class::Count)?, place.size));
        at += place.size;
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
            ..Deposit::default()
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

#[expect(clippy::too_many_arguments, reason = "those of the standard")]
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
