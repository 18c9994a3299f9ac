//! `MPI_Scatter` and `MPI_Scatterv`.

use std::sync::Arc;

use super::{Side, base, each, put, signature, swap, whole};
use crate::abi::{Address, Handle};
use crate::collective::{Deposit, Job, Parts, Reach};
use crate::comm::Comm;
use crate::datatype::Layout;
use crate::error::Result;
use crate::host::{Host, HostExt};

/// At the root, `sent` is the buffer and its parts.
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
        return swap(host, &comm, (signature, deposit, Reach::All), None).await;
    }
    let into = Layout::new(into, room, host.rank().committed(datatype)?)?;
    host.with(|memory| into.check_write(memory))?;
    let job = Job {
        from: root as usize,
        part: comm.rank as usize,
        into,
    };
    swap(
        host,
        &comm,
        (signature, deposit, Reach::All),
        Some(vec![job]),
    )
    .await
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
