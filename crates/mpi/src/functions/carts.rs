//! Ranks on a grid.

use std::sync::Arc;

use super::making::{create_with, hand_out};
use crate::abi::{Address, CART, Handle, PROC_NULL, UNDEFINED};
use crate::cart::{Cart, MAX_DIMS, fill_dims};
use crate::comm::Comm;
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::memory::{Memory, MemoryExt};

fn dimensions(count: i32) -> Result<usize> {
    match usize::try_from(count) {
        Ok(count) if count <= MAX_DIMS => Ok(count),
        _ => Err(Class::Dims.because(format!("{count} dimensions are not possible"))),
    }
}

fn read_flags<M: Memory>(memory: &M, at: Address, count: usize) -> Result<Vec<bool>> {
    let flags = memory.read_ints(at, count)?;
    Ok(flags.into_iter().map(|flag| flag != 0).collect())
}

/// A communicator and its grid.
fn grid<H: Host>(host: &mut H, comm: Handle) -> Result<(Arc<Comm>, Cart)> {
    let comm = host.rank().comm(comm)?;
    let cart = comm.cart.clone();
    let cart = cart.ok_or_else(|| Class::Topology.because("the communicator has no grid"))?;
    Ok((comm, cart))
}

pub(crate) fn dims_create<H: Host>(
    host: &mut H,
    nodes: i32,
    count: i32,
    dims: Address,
) -> Result<()> {
    let count = dimensions(count)?;
    host.with(|memory| {
        let mut values = memory.read_ints(dims, count)?;
        fill_dims(nodes, &mut values)?;
        Ok(memory.write_ints(dims, &values)?)
    })
}

fn read_cart<H: Host>(
    host: &mut H,
    comm: &Comm,
    count: i32,
    dims: Address,
    periods: Address,
) -> Result<Cart> {
    let count = dimensions(count)?;
    let (dims, periods) = host.with(|memory| {
        let dims = memory.read_ints(dims, count)?;
        Ok((dims, read_flags(memory, periods, count)?))
    })?;
    Cart::new(dims, periods, comm.size())
}

pub(crate) async fn cart_create<H: Host>(
    host: &mut H,
    comm: Handle,
    count: i32,
    dims: Address,
    periods: Address,
    _reorder: i32,
    new: Address,
) -> Result<()> {
    let old = host.rank().comm(comm)?;
    let cart = read_cart(host, &old, count, dims, periods)?;
    let is_inside = cart.size().is_some_and(|size| (old.rank as usize) < size);
    let color = is_inside.then_some(0);
    let made = create_with(host, comm, &old, color, 0).await?;
    hand_out(host, comm, made.with(Some(cart)), new).map(drop)
}

pub(crate) fn cart_map<H: Host>(
    host: &mut H,
    comm: Handle,
    count: i32,
    dims: Address,
    periods: Address,
    rank: Address,
) -> Result<()> {
    let old = host.rank().comm(comm)?;
    let cart = read_cart(host, &old, count, dims, periods)?;
    let is_inside = cart.size().is_some_and(|size| (old.rank as usize) < size);
    let value = if is_inside {
        old.rank.cast_signed()
    } else {
        UNDEFINED
    };
    host.with(|memory| Ok(memory.write_int(rank, value)?))
}

pub(crate) async fn cart_sub<H: Host>(
    host: &mut H,
    comm: Handle,
    remain: Address,
    new: Address,
) -> Result<()> {
    let (old, cart) = grid(host, comm)?;
    let remain = host.with(|memory| read_flags(memory, remain, cart.dims.len()))?;
    // Ranks with the same coordinates in the other dimensions stay together.
    let mut color = 0;
    for ((&dim, &at), &stays) in cart
        .dims
        .iter()
        .zip(&cart.coordinates(old.rank))
        .zip(&remain)
    {
        if !stays {
            color = color * dim + at;
        }
    }
    let made = create_with(host, comm, &old, Some(color), 0).await?;
    let left = |values: Vec<(i32, bool)>| -> (Vec<i32>, Vec<bool>) { values.into_iter().unzip() };
    let dims = cart.dims.into_iter().zip(cart.periods).zip(remain);
    let (dims, periods) = left(
        dims.filter(|(_, stays)| *stays)
            .map(|(dim, _)| dim)
            .collect(),
    );
    let cart = Cart { dims, periods };
    hand_out(host, comm, made.with(Some(cart)), new).map(drop)
}

pub(crate) fn cartdim_get<H: Host>(host: &mut H, comm: Handle, count: Address) -> Result<()> {
    let (_, cart) = grid(host, comm)?;
    host.with(|memory| Ok(memory.write_word(count, cart.dims.len() as u32)?))
}

pub(crate) fn cart_get<H: Host>(
    host: &mut H,
    comm: Handle,
    max: i32,
    dims: Address,
    periods: Address,
    coordinates: Address,
) -> Result<()> {
    let (comm, cart) = grid(host, comm)?;
    let max = room(max, &cart)?;
    let flags: Vec<i32> = cart.periods.iter().map(|&flag| i32::from(flag)).collect();
    host.with(|memory| {
        memory.write_ints(dims, &cart.dims[..max])?;
        memory.write_ints(periods, &flags[..max])?;
        Ok(memory.write_ints(coordinates, &cart.coordinates(comm.rank)[..max])?)
    })
}

/// How many dimensions are written to arrays of this length.
fn room(max: i32, cart: &Cart) -> Result<usize> {
    match usize::try_from(max) {
        Ok(max) => Ok(max.min(cart.dims.len())),
        Err(_) => Err(Class::Arg.because("the length is negative")),
    }
}

pub(crate) fn cart_rank<H: Host>(
    host: &mut H,
    comm: Handle,
    coordinates: Address,
    rank: Address,
) -> Result<()> {
    let (_, cart) = grid(host, comm)?;
    host.with(|memory| {
        let coordinates = memory.read_ints(coordinates, cart.dims.len())?;
        Ok(memory.write_int(rank, cart.rank(&coordinates)?)?)
    })
}

pub(crate) fn cart_coords<H: Host>(
    host: &mut H,
    comm: Handle,
    rank: i32,
    max: i32,
    coordinates: Address,
) -> Result<()> {
    let (comm, cart) = grid(host, comm)?;
    comm.member(rank)?;
    let max = room(max, &cart)?;
    let found = cart.coordinates(rank.cast_unsigned());
    host.with(|memory| Ok(memory.write_ints(coordinates, &found[..max])?))
}

pub(crate) fn cart_shift<H: Host>(
    host: &mut H,
    comm: Handle,
    direction: i32,
    displacement: i32,
    source: Address,
    dest: Address,
) -> Result<()> {
    let (comm, cart) = grid(host, comm)?;
    let dim = usize::try_from(direction)
        .ok()
        .filter(|&dim| dim < cart.dims.len());
    let dim =
        dim.ok_or_else(|| Class::Dims.because(format!("there is no dimension {direction}")))?;
    let by = i64::from(displacement);
    let neighbour = |by| cart.neighbour(comm.rank, dim, by).unwrap_or(PROC_NULL);
    host.with(|memory| {
        memory.write_int(source, neighbour(-by))?;
        Ok(memory.write_int(dest, neighbour(by))?)
    })
}

pub(crate) fn topo_test<H: Host>(host: &mut H, comm: Handle, status: Address) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    let kind = if comm.cart.is_some() { CART } else { UNDEFINED };
    host.with(|memory| Ok(memory.write_int(status, kind)?))
}
