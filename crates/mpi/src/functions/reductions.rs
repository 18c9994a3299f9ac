//! Collectives that compute.

use std::sync::Arc;

use super::movement::{SMALL, copied};
use super::reduce::{Arguments, Reduce};
use crate::abi::{Address, Handle};
use crate::collective::Folding;
use crate::comm::Comm;
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::memory::MemoryExt;

fn count(count: i32) -> Result<u64> {
    u64::try_from(count).map_err(|_| Class::Count.because(format!("the count is {count}")))
}

#[expect(clippy::too_many_arguments, reason = "those of the standard")]
pub(crate) async fn reduce<H: Host>(
    host: &mut H,
    data: Address,
    target: Address,
    items: i32,
    datatype: Handle,
    op: Handle,
    root: i32,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let root = comm.root(root)?;
    let items = count(items)?;
    let arguments = Arguments {
        data,
        target,
        datatype,
        op,
    };
    let result = (comm.rank == root).then_some(items);
    let folding = Folding::To(root as usize..root as usize + 1);
    let mut reduce = Reduce::new(host, comm, arguments, (items, result), folding)?;
    reduce.signature.root = Some(root);
    reduce.run(host).await
}

pub(crate) async fn allreduce<H: Host>(
    host: &mut H,
    data: Address,
    target: Address,
    items: i32,
    datatype: Handle,
    op: Handle,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let items = count(items)?;
    let arguments = Arguments {
        data,
        target,
        datatype,
        op,
    };
    let folding = Folding::To(0..comm.size());
    Reduce::new(host, comm, arguments, (items, Some(items)), folding)?
        .run(host)
        .await
}

async fn scatter_reduced<H: Host>(
    host: &mut H,
    comm: Arc<Comm>,
    arguments: Arguments,
    counts: Vec<u64>,
) -> Result<()> {
    let all = counts.iter().sum();
    let own = counts[comm.rank as usize];
    let folding = Folding::Scatter(counts);
    let mut reduce = Reduce::new(host, comm, arguments, (all, Some(own)), folding)?;
    if arguments.data != Address::IN_PLACE || reduce.data.size <= SMALL {
        return reduce.run(host).await;
    }
    // A result goes where data of other results is, which may not have been read yet.
    let (copy, data) = copied(host, &reduce.data).await?;
    reduce.data = data;
    reduce.run(host).await?;
    Ok(host.free(copy).await?)
}

pub(crate) async fn reduce_scatter<H: Host>(
    host: &mut H,
    data: Address,
    target: Address,
    counts: Address,
    datatype: Handle,
    op: Handle,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let counts = host.with(|memory| Ok(memory.read_ints(counts, comm.size())?))?;
    let counts = counts.into_iter().map(count).collect::<Result<Vec<_>>>()?;
    let arguments = Arguments {
        data,
        target,
        datatype,
        op,
    };
    scatter_reduced(host, comm, arguments, counts).await
}

pub(crate) async fn reduce_scatter_block<H: Host>(
    host: &mut H,
    data: Address,
    target: Address,
    items: i32,
    datatype: Handle,
    op: Handle,
    comm: Handle,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let counts = vec![count(items)?; comm.size()];
    let arguments = Arguments {
        data,
        target,
        datatype,
        op,
    };
    scatter_reduced(host, comm, arguments, counts).await
}

async fn scan_with<H: Host>(
    host: &mut H,
    arguments: Arguments,
    items: i32,
    comm: Handle,
    is_exclusive: bool,
) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let items = count(items)?;
    let folding = Folding::Scan { is_exclusive };
    let mut reduce = Reduce::new(host, comm, arguments, (items, Some(items)), folding)?;
    if is_exclusive && reduce.comm.rank == 0 {
        // There is nothing before the first.
        reduce.target = None;
    }
    reduce.run(host).await
}

pub(crate) async fn scan<H: Host>(
    host: &mut H,
    data: Address,
    target: Address,
    items: i32,
    datatype: Handle,
    op: Handle,
    comm: Handle,
) -> Result<()> {
    let arguments = Arguments {
        data,
        target,
        datatype,
        op,
    };
    scan_with(host, arguments, items, comm, false).await
}

pub(crate) async fn exscan<H: Host>(
    host: &mut H,
    data: Address,
    target: Address,
    items: i32,
    datatype: Handle,
    op: Handle,
    comm: Handle,
) -> Result<()> {
    let arguments = Arguments {
        data,
        target,
        datatype,
        op,
    };
    scan_with(host, arguments, items, comm, true).await
}
