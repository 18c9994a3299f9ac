//! Datatypes: which bytes of a memory a buffer is made of.

mod build;
mod copy;
mod predefined;
mod walk;

use std::ops::Deref;
use std::sync::Arc;

pub(crate) use build::{Block, contiguous, list, resized, strided};
pub(crate) use copy::{Culprit, copy, duplicate, pack, unpack};
pub(crate) use predefined::{Basic, predefined};

use crate::abi::Address;
use crate::error::{Class, Result};
use crate::held::{Account, Held};
use crate::memory::Memory;
use walk::Walk;

/// A datatype; immutable.
#[derive(Debug)]
pub(crate) struct Datatype {
    /// Bytes of data.
    pub(crate) size: u64,
    /// Where an item starts and how far it is to the next, in bytes.
    pub(crate) lower: i64,
    pub(crate) extent: i64,
    /// Where the data starts and ends.
    pub(crate) true_lower: i64,
    pub(crate) true_upper: i64,
    /// Predefined items in it.
    elements: u64,
    align: i64,
    /// Whether bounds were given by the program, in it or in a part of it.
    is_resized: bool,
    /// Whether the data has no gaps and is in the order of its addresses.
    is_dense: bool,
    depth: u32,
    /// Pieces that it is made of, and what it is made of again.
    pub(crate) weight: u64,
    /// What operations know it as.
    pub(crate) basic: Option<Basic>,
    content: Content,
    /// For as long as anybody has it; none for predefined ones.
    held: Option<Held>,
}

#[derive(Debug)]
enum Content {
    /// An item of a predefined type.
    Item,
    /// Many of the same, in steps of so many bytes.
    Repeat {
        count: u64,
        stride: i64,
        child: TypeRef,
    },
    /// Various ones.
    List(Vec<Piece>),
}

/// `count` items in a row, at a distance from the start.
#[derive(Debug)]
struct Piece {
    at: i64,
    count: u64,
    child: TypeRef,
}

/// A datatype that buffers and other datatypes share.
#[derive(Clone, Debug)]
pub(crate) enum TypeRef {
    /// Nobody counts who has it: the ranks of all threads would count at the same place.
    Predefined(&'static Datatype),
    Made(Arc<Datatype>),
}

impl From<Datatype> for TypeRef {
    fn from(datatype: Datatype) -> Self {
        Self::Made(Arc::new(datatype))
    }
}

impl Deref for TypeRef {
    type Target = Datatype;

    fn deref(&self) -> &Datatype {
        match self {
            Self::Predefined(datatype) => datatype,
            Self::Made(datatype) => datatype,
        }
    }
}

impl Datatype {
    /// Puts a new datatype on the account of a rank.
    pub(crate) fn hold(&mut self, account: &Account) -> Result<()> {
        let pieces = match &self.content {
            // One for blocks of many.
            Content::Item | Content::Repeat { .. } => size_of::<Self>(),
            Content::List(pieces) => pieces.len() * size_of::<Piece>(),
        };
        self.held = Some(account.hold(size_of::<Self>() + pieces)?);
        Ok(())
    }

    /// How many predefined items the first `bytes` bytes of data hold; nothing if they end in the
    /// middle of one.
    fn elements_in(&self, bytes: u64) -> Option<u64> {
        if bytes == self.size {
            return Some(self.elements);
        }
        match &self.content {
            Content::Item => (bytes == 0).then_some(0),
            Content::Repeat { count, child, .. } => child.elements_of(*count, bytes),
            Content::List(pieces) => {
                let (mut elements, mut left) = (0, bytes);
                for piece in pieces {
                    let bytes = left.min(piece.child.size * piece.count);
                    elements += piece.child.elements_of(piece.count, bytes)?;
                    left -= bytes;
                }
                Some(elements)
            }
        }
    }

    /// The same of `count` of them.
    pub(crate) fn elements_of(&self, count: u64, bytes: u64) -> Option<u64> {
        if self.size == 0 {
            return (bytes == 0).then_some(0);
        }
        let whole = (bytes / self.size).min(count);
        Some(whole * self.elements + self.elements_in(bytes - whole * self.size)?)
    }

    /// Whether items follow each other without gaps.
    pub(crate) fn is_packed(&self) -> bool {
        self.is_dense && self.extent.cast_unsigned() == self.size
    }
}

/// A buffer: so many items of a type in somebody's memory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) address: Address,
    pub(crate) count: u64,
    pub(crate) datatype: TypeRef,
    /// Bytes of data in all.
    pub(crate) size: u64,
}

impl Layout {
    pub(crate) fn new(address: Address, count: i32, datatype: &TypeRef) -> Result<Self> {
        let count = u64::try_from(count).map_err(|_| Class::Count)?;
        if address == Address::IN_PLACE && count > 0 {
            return Err(Class::Buffer.because("MPI_IN_PLACE is not allowed here"));
        }
        Self::of(address, count, datatype.clone())
    }

    pub(crate) fn of(address: Address, count: u64, datatype: TypeRef) -> Result<Self> {
        let size = datatype.size.checked_mul(count);
        Ok(Self {
            address,
            count,
            size: size.ok_or_else(|| Class::Count.because("the buffer is too large"))?,
            datatype,
        })
    }

    /// A part of it: `count` items from the item `first` on.
    pub(crate) fn part(&self, first: i64, count: u64) -> Result<Self> {
        if count == 0 {
            // Wherever nothing is.
            return Self::of(self.address, 0, self.datatype.clone());
        }
        let address =
            i128::from(first) * i128::from(self.datatype.extent) + i128::from(self.address.0);
        let address = u32::try_from(address)
            .map_err(|_| Class::Buffer.because("a part of the buffer is outside of all memory"))?;
        Self::of(Address(address), count, self.datatype.clone())
    }

    /// Checks that all of it lies in a memory, to be read.
    pub(crate) fn check_read<M: Memory>(&self, memory: &M) -> Result<()> {
        if let Some((at, len)) = self.span()? {
            memory.slice(at, len)?;
        }
        Ok(())
    }

    /// Checks that all of it lies in a memory, to be written.
    pub(crate) fn check_write<M: Memory>(&self, memory: &mut M) -> Result<()> {
        if let Some((at, len)) = self.span()? {
            memory.slice_mut(at, len)?;
        }
        Ok(())
    }

    /// The addresses from the first byte of data to the last.
    fn span(&self) -> Result<Option<(u32, u32)>> {
        if self.size == 0 {
            return Ok(None);
        }
        if let Some(run) = self.run() {
            return Ok(Some(run));
        }
        let kind = &*self.datatype;
        let steps = i128::from(kind.extent) * i128::from(self.count - 1);
        let base = i128::from(self.address.0);
        let lower = base + i128::from(kind.true_lower) + steps.min(0);
        let upper = base + i128::from(kind.true_upper) + steps.max(0);
        match (u32::try_from(lower), u32::try_from(upper - lower)) {
            (Ok(at), Ok(len)) => Ok(Some((at, len))),
            _ => Err(crate::memory::BadAddress::Unusable(format!(
                "a buffer from {lower:#x} to {upper:#x} is outside of all memory"
            ))
            .into()),
        }
    }

    /// Bytes from its address to the end of its data. For predefined types, which lie behind it.
    pub(crate) fn reach(&self) -> u64 {
        self.count
            .saturating_mul(self.datatype.extent.unsigned_abs())
    }

    /// Its bytes in the order of the data, without the first `skip` of them.
    fn walk(&self, skip: u64) -> Walk<'_> {
        Walk::new(&self.datatype, self.count, i64::from(self.address.0), skip)
    }

    /// The bytes of data, if they lie next to each other.
    pub(crate) fn run(&self) -> Option<(u32, u32)> {
        let kind = &*self.datatype;
        let is_run = kind.is_dense && (self.count == 1 || kind.is_packed());
        let at = i64::from(self.address.0).checked_add(kind.true_lower)?;
        match is_run {
            true => Some((u32::try_from(at).ok()?, u32::try_from(self.size).ok()?)),
            false => None,
        }
    }
}
