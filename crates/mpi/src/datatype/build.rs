//! Making datatypes of others.

use super::{Content, Datatype, Piece, TypeRef};
use crate::error::{Class, Result};

/// How deep types may be made of each other.
const MAX_DEPTH: u32 = 64;

/// No type reaches further than this, in bytes: memories have 4 GiB.
const FARTHEST: i128 = 1 << 40;

/// Most items in a type, so that numbers of them can be added up.
const MOST: u64 = 1 << 48;

/// Items in a row, at a distance in bytes.
pub(crate) struct Block {
    pub(crate) at: i64,
    pub(crate) count: u64,
    pub(crate) datatype: TypeRef,
}

/// Bounds that grow with what is put in.
#[derive(Clone, Copy, Default)]
struct Bounds(Option<(i128, i128)>);

impl Bounds {
    fn add(&mut self, lower: i128, upper: i128) {
        self.0 = Some(match self.0 {
            None => (lower, upper),
            Some((from, to)) => (from.min(lower), to.max(upper)),
        });
    }

    /// Adds `count` times the bounds, each `stride` further.
    fn repeat(&mut self, at: i128, (lower, upper): (i128, i128), count: u64, stride: i64) {
        let last = i128::from(stride) * i128::from(count - 1);
        self.add(at + lower + last.min(0), at + upper + last.max(0));
    }
}

/// The sums over all parts of a new type.
#[derive(Default)]
struct Sum {
    size: u64,
    elements: u64,
    align: i64,
    depth: u32,
    weight: u64,
    bounds: Bounds,
    resized: Bounds,
    data: Bounds,
    /// Where the data so far ends, as long as it has no gaps.
    dense_to: Option<Option<i64>>,
}

impl Sum {
    fn add(&mut self, at: i64, count: u64, stride: i64, child: &Datatype) -> Result<()> {
        let too_large = || Class::Arg.because("the datatype is too large");
        self.depth = self.depth.max(child.depth + 1);
        self.weight = self.weight.saturating_add(child.weight);
        if self.depth > MAX_DEPTH {
            return Err(Class::Arg.because("datatypes are nested too deeply"));
        }
        if count == 0 {
            return Ok(());
        }
        let times = |value: u64| value.checked_mul(count).filter(|&all| all <= MOST);
        let size = times(child.size).ok_or_else(too_large)?;
        self.size += size;
        self.elements += times(child.elements).ok_or_else(too_large)?;
        if self.size > MOST || self.elements > MOST {
            return Err(too_large());
        }
        self.align = self.align.max(child.align);
        let here = i128::from(at);
        let bounds = (
            i128::from(child.lower),
            i128::from(child.lower) + i128::from(child.extent),
        );
        self.bounds.repeat(here, bounds, count, stride);
        if child.is_resized {
            self.resized.repeat(here, bounds, count, stride);
        }
        if size > 0 {
            let data = (i128::from(child.true_lower), i128::from(child.true_upper));
            self.data.repeat(here, data, count, stride);
            let is_row = child.is_dense && (count == 1 || stride.cast_unsigned() == child.size);
            let start = at.checked_add(child.true_lower).ok_or_else(too_large)?;
            let follows = match self.dense_to {
                None => true,
                Some(end) => end == Some(start),
            };
            let end = start.checked_add(size.cast_signed());
            self.dense_to = Some(end.filter(|_| is_row && follows));
        }
        Ok(())
    }

    fn finish(self, pieces: usize, content: Content) -> Result<Datatype> {
        let is_resized = self.resized.0.is_some();
        let bounds = self.resized.0.or(self.bounds.0).unwrap_or_default();
        let data = self.data.0.unwrap_or_default();
        let far = |&(lower, upper): &(i128, i128)| lower < -FARTHEST || upper > FARTHEST;
        if [bounds, data].iter().any(far) {
            return Err(Class::Arg.because("the datatype reaches too far"));
        }
        // All within 41 bits.
        let narrow = |(lower, upper): (i128, i128)| (lower as i64, upper as i64);
        let (lower, upper) = narrow(bounds);
        let (true_lower, true_upper) = narrow(data);
        let mut extent = upper - lower;
        if !is_resized && self.align > 0 {
            extent = (extent + self.align - 1).div_euclid(self.align) * self.align;
        }
        Ok(Datatype {
            size: self.size,
            lower,
            extent,
            true_lower,
            true_upper,
            elements: self.elements,
            align: self.align,
            is_resized,
            is_dense: self.dense_to.is_none_or(|end| end.is_some()),
            depth: self.depth,
            weight: self.weight.saturating_add(pieces as u64),
            basic: None,
            content,
            held: None,
        })
    }
}

/// `count` items in steps of `stride` bytes.
fn repeat(count: u64, stride: i64, child: &TypeRef) -> Result<Datatype> {
    // A stride that is not used may be anything, and then does not count.
    let stride = if count > 1 { stride } else { 0 };
    let mut sum = Sum::default();
    sum.add(0, count, stride, child)?;
    let content = Content::Repeat {
        count,
        stride,
        child: child.clone(),
    };
    sum.finish(1, content)
}

/// `MPI_Type_contiguous`.
pub(crate) fn contiguous(count: u64, child: &TypeRef) -> Result<Datatype> {
    repeat(count, child.extent, child)
}

/// `MPI_Type_create_hvector`: `count` blocks of `length` items, in steps of `stride` bytes.
pub(crate) fn strided(count: u64, length: u64, stride: i64, child: &TypeRef) -> Result<Datatype> {
    match length {
        0 => repeat(0, 0, child),
        1 => repeat(count, stride, child),
        _ => repeat(count, stride, &contiguous(length, child)?.into()),
    }
}

/// `MPI_Type_create_struct` and all that are like it.
pub(crate) fn list(blocks: Vec<Block>) -> Result<Datatype> {
    let mut sum = Sum::default();
    for block in &blocks {
        sum.add(
            block.at,
            block.count,
            block.datatype.extent,
            &block.datatype,
        )?;
    }
    let used = blocks.into_iter().filter(|block| block.count > 0);
    let pieces: Vec<Piece> = used
        .map(|block| Piece {
            at: block.at,
            count: block.count,
            child: block.datatype,
        })
        .collect();
    sum.finish(pieces.len(), Content::List(pieces))
}

/// `MPI_Type_create_resized`.
pub(crate) fn resized(child: &TypeRef, lower: i64, extent: i64) -> Result<Datatype> {
    Ok(Datatype {
        lower,
        extent,
        is_resized: true,
        ..repeat(1, 0, child)?
    })
}
