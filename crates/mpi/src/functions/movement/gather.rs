//! `MPI_Gather` and `MPI_Gatherv`.

use std::sync::Arc;

use super::{Side, base, each, put, signature, swap};
use crate::abi::{Address, Handle};
use crate::collective::{Deposit, Job, Parts, Reach};
use crate::comm::Comm;
use crate::datatype::Layout;
use crate::error::Result;
use crate::host::{Host, HostExt};

/// At the root, `place` is the buffer for each rank's data.
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
    swap(host, &comm, (signature, deposit, Reach::One(root)), jobs).await
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
