//! Datatypes.

use crate::abi::{Address, Handle, INT_BYTES, UNDEFINED};
use crate::datatype::{self, Block, Datatype, TypeRef};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::memory::{Memory, MemoryExt};
use crate::rank::{Rank, TypeEntry};

/// Most pieces that a datatype may be made of. What it is made of counts again: as often as it has
/// to be gone through.
const MAX_PIECES: u64 = 1 << 18;

impl<M: Memory> Rank<M> {
    fn add_datatype(&mut self, datatype: TypeRef, is_committed: bool) -> Result<Handle> {
        self.datatypes.insert(TypeEntry {
            datatype,
            is_committed,
        })
    }
}

fn hand_out<H: Host>(host: &mut H, mut datatype: Datatype, at: Address) -> Result<()> {
    if datatype.weight > MAX_PIECES {
        return Err(Class::NoMem.because("the datatype is made of too many pieces"));
    }
    let rank = host.rank();
    datatype.hold(&rank.account)?;
    let handle = rank.add_datatype(datatype.into(), false)?;
    host.with(|memory| Ok(memory.write_word(at, handle.0)?))
}

fn old<H: Host>(host: &mut H, handle: Handle) -> Result<TypeRef> {
    host.rank().datatype(handle).cloned()
}

fn count(count: i32) -> Result<u64> {
    u64::try_from(count).map_err(|_| Class::Count.because(format!("a count is {count}")))
}

fn length(length: i32) -> Result<u64> {
    u64::try_from(length).map_err(|_| Class::Arg.because(format!("a block's length is {length}")))
}

/// A number of items of a type as bytes.
fn bytes(items: i32, datatype: &Datatype) -> Result<i64> {
    i64::from(items)
        .checked_mul(datatype.extent)
        .ok_or_else(|| Class::Arg.because("the datatype reaches too far"))
}

pub(crate) fn type_contiguous<H: Host>(
    host: &mut H,
    items: i32,
    handle: Handle,
    new: Address,
) -> Result<()> {
    let child = old(host, handle)?;
    hand_out(host, datatype::contiguous(count(items)?, &child)?, new)
}

pub(crate) fn type_vector<H: Host>(
    host: &mut H,
    blocks: i32,
    items: i32,
    stride: i32,
    handle: Handle,
    new: Address,
) -> Result<()> {
    let child = old(host, handle)?;
    let stride = bytes(stride, &child)?;
    let kind = datatype::strided(count(blocks)?, length(items)?, stride, &child)?;
    hand_out(host, kind, new)
}

pub(crate) fn type_create_hvector<H: Host>(
    host: &mut H,
    blocks: i32,
    items: i32,
    stride: i32,
    handle: Handle,
    new: Address,
) -> Result<()> {
    let child = old(host, handle)?;
    let kind = datatype::strided(count(blocks)?, length(items)?, i64::from(stride), &child)?;
    hand_out(host, kind, new)
}

/// How an array of displacements counts.
#[derive(Clone, Copy)]
enum Unit {
    Items,
    Bytes,
}

/// Blocks of the same type.
fn indexed<H: Host>(
    host: &mut H,
    lengths: &[i32],
    displacements: Address,
    handle: Handle,
    unit: Unit,
) -> Result<Datatype> {
    let child = old(host, handle)?;
    let displacements = host.with(|memory| Ok(memory.read_ints(displacements, lengths.len())?))?;
    let block = |(&items, at): (&i32, i32)| {
        Ok(Block {
            at: match unit {
                Unit::Items => bytes(at, &child)?,
                Unit::Bytes => i64::from(at),
            },
            count: length(items)?,
            datatype: child.clone(),
        })
    };
    let blocks: Result<Vec<_>> = lengths.iter().zip(displacements).map(block).collect();
    datatype::list(blocks?)
}

/// How many blocks there may be, if so many are asked for.
fn blocks(items: i32) -> Result<usize> {
    match count(items)? {
        items if items > MAX_PIECES => {
            Err(Class::NoMem.because("the datatype has too many blocks"))
        }
        items => Ok(items as usize),
    }
}

fn read_lengths<H: Host>(host: &mut H, items: i32, lengths: Address) -> Result<Vec<i32>> {
    let items = blocks(items)?;
    host.with(|memory| Ok(memory.read_ints(lengths, items)?))
}

macro_rules! indexed {
    ($($each:ident $same:ident: $unit:expr;)*) => {$(
        pub(crate) fn $each<H: Host>(
            host: &mut H,
            items: i32,
            lengths: Address,
            displacements: Address,
            handle: Handle,
            new: Address,
        ) -> Result<()> {
            let lengths = read_lengths(host, items, lengths)?;
            let kind = indexed(host, &lengths, displacements, handle, $unit)?;
            hand_out(host, kind, new)
        }

        pub(crate) fn $same<H: Host>(
            host: &mut H,
            items: i32,
            length: i32,
            displacements: Address,
            handle: Handle,
            new: Address,
        ) -> Result<()> {
            let lengths = vec![length; blocks(items)?];
            let kind = indexed(host, &lengths, displacements, handle, $unit)?;
            hand_out(host, kind, new)
        }
    )*};
}

indexed! {
    type_indexed type_create_indexed_block: Unit::Items;
    type_create_hindexed type_create_hindexed_block: Unit::Bytes;
}

pub(crate) fn type_create_struct<H: Host>(
    host: &mut H,
    items: i32,
    lengths: Address,
    displacements: Address,
    handles: Address,
    new: Address,
) -> Result<()> {
    let lengths = read_lengths(host, items, lengths)?;
    let displacements = host.with(|memory| Ok(memory.read_ints(displacements, lengths.len())?))?;
    let mut list = Vec::with_capacity(lengths.len());
    for (index, (items, at)) in lengths.into_iter().zip(displacements).enumerate() {
        let handle = handles.item(index, INT_BYTES);
        let handle = host.with(|memory| Ok(Handle(memory.read_word(handle)?)))?;
        list.push(Block {
            at: i64::from(at),
            count: length(items)?,
            datatype: old(host, handle)?,
        });
    }
    hand_out(host, datatype::list(list)?, new)
}

pub(crate) fn type_create_resized<H: Host>(
    host: &mut H,
    handle: Handle,
    lower: i32,
    extent: i32,
    new: Address,
) -> Result<()> {
    let child = old(host, handle)?;
    let kind = datatype::resized(&child, i64::from(lower), i64::from(extent))?;
    hand_out(host, kind, new)
}

pub(crate) fn type_dup<H: Host>(host: &mut H, handle: Handle, new: Address) -> Result<()> {
    let rank = host.rank();
    let datatype = rank.datatype(handle)?.clone();
    // It is committed if the old one is.
    let is_committed = rank.committed(handle).is_ok();
    let handle = rank.add_datatype(datatype, is_committed)?;
    host.with(|memory| Ok(memory.write_word(new, handle.0)?))
}

fn read_handle<H: Host>(host: &mut H, at: Address) -> Result<Handle> {
    host.with(|memory| Ok(Handle(memory.read_word(at)?)))
}

pub(crate) fn type_commit<H: Host>(host: &mut H, at: Address) -> Result<()> {
    let handle = read_handle(host, at)?;
    if datatype::predefined(handle).is_none() {
        host.rank().datatypes.get_mut(handle)?.is_committed = true;
    }
    Ok(())
}

pub(crate) fn type_free<H: Host>(host: &mut H, at: Address) -> Result<()> {
    let handle = read_handle(host, at)?;
    if datatype::predefined(handle).is_some() {
        return Err(Class::Type.because("it is predefined"));
    }
    host.rank().datatypes.remove(handle)?;
    host.with(|memory| Ok(memory.write_word(at, Handle::DATATYPE_NULL.0)?))
}

/// A number as an `int` or an `MPI_Aint`.
fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(UNDEFINED)
}

pub(crate) fn type_size<H: Host>(host: &mut H, handle: Handle, size: Address) -> Result<()> {
    let bytes = old(host, handle)?.size;
    host.with(|memory| Ok(memory.write_int(size, narrow(bytes.cast_signed()))?))
}

pub(crate) fn type_get_extent<H: Host>(
    host: &mut H,
    handle: Handle,
    lower: Address,
    extent: Address,
) -> Result<()> {
    let kind = old(host, handle)?;
    host.with(|memory| {
        memory.write_int(lower, narrow(kind.lower))?;
        Ok(memory.write_int(extent, narrow(kind.extent))?)
    })
}

pub(crate) fn type_get_true_extent<H: Host>(
    host: &mut H,
    handle: Handle,
    lower: Address,
    extent: Address,
) -> Result<()> {
    let kind = old(host, handle)?;
    host.with(|memory| {
        memory.write_int(lower, narrow(kind.true_lower))?;
        Ok(memory.write_int(extent, narrow(kind.true_upper - kind.true_lower))?)
    })
}

pub(crate) fn get_address<H: Host>(host: &mut H, location: Address, at: Address) -> Result<()> {
    host.with(|memory| Ok(memory.write_word(at, location.0)?))
}
