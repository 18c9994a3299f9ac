//! `MPI_Allgather` and `MPI_Allgatherv`.

use super::{Side, base, each, put, signature, swap, whole};
use crate::abi::{Address, Handle};
use crate::collective::{Job, Parts, Reach};
use crate::comm::Comm;
use crate::datatype::Layout;
use crate::error::Result;
use crate::host::{Host, HostExt};

/// `places` are the buffers for each rank's data.
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
    swap(host, comm, (signature, deposit, Reach::All), Some(jobs)).await
}

#[expect(clippy::too_many_arguments, reason = "those of the standard")]
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
