//! Copying the data of buffers.

use smallvec::{Array, SmallVec};

use super::Layout;
use super::walk::Run;
use crate::memory::{BadAddress, Memory};

fn place(run: Run, size: u64) -> Result<(u32, u32), BadAddress> {
    match (u32::try_from(run.at), u32::try_from(run.len)) {
        (Ok(at), Ok(len)) => Ok((at, len)),
        _ => Err(BadAddress::Outside {
            at: run.at as u32,
            len: run.len,
            size,
        }),
    }
}

/// `len` bytes of a buffer's data from `skip` on, if all of it lies next to each other.
fn rest(layout: &Layout, skip: u64, len: u64) -> Option<Run> {
    let (at, _) = layout.run()?;
    // Both have 32 bits.
    let at = i64::from(at) + skip.cast_signed();
    Some(Run { at, len })
}

/// Where packed data goes.
pub(crate) trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl<A: Array<Item = u8>> Sink for SmallVec<A> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Appends `len` bytes of a buffer's data from `skip` on.
pub(crate) fn pack<M: Memory>(
    memory: &M,
    layout: &Layout,
    skip: u64,
    len: u64,
    out: &mut impl Sink,
) -> Result<(), BadAddress> {
    let mut left = len.min(layout.size.saturating_sub(skip));
    if left == 0 {
        return Ok(());
    }
    if let Some(run) = rest(layout, skip, left) {
        let (at, len) = place(run, memory.size())?;
        out.put(memory.slice(at, len)?);
        return Ok(());
    }
    let mut walk = layout.walk(skip);
    while left > 0
        && let Some(run) = walk.next(left)
    {
        let (at, len) = place(run, memory.size())?;
        out.put(memory.slice(at, len)?);
        left -= run.len;
    }
    Ok(())
}

/// Puts bytes into a buffer's data from `skip` on, as many as it has room for.
pub(crate) fn unpack<M: Memory>(
    memory: &mut M,
    layout: &Layout,
    skip: u64,
    mut bytes: &[u8],
) -> Result<(), BadAddress> {
    let room = layout.size.saturating_sub(skip).min(bytes.len() as u64);
    if room == 0 {
        return Ok(());
    }
    if let Some(run) = rest(layout, skip, room) {
        let (at, len) = place(run, memory.size())?;
        let into = memory.slice_mut(at, len)?;
        into.copy_from_slice(&bytes[..room as usize]);
        return Ok(());
    }
    let mut walk = layout.walk(skip);
    while !bytes.is_empty()
        && let Some(run) = walk.next(bytes.len() as u64)
    {
        let (at, len) = place(run, memory.size())?;
        let (now, rest) = bytes.split_at(len as usize);
        memory.slice_mut(at, len)?.copy_from_slice(now);
        bytes = rest;
    }
    Ok(())
}

/// Whose memory an address was not in.
#[derive(Debug)]
pub(crate) enum Culprit {
    Source(BadAddress),
    Target(BadAddress),
}

/// Copies `len` bytes of one buffer's data to another's, both from `skip` on.
pub(crate) fn copy<M: Memory>(
    (source, from): (&M, &Layout),
    (target, to): (&mut M, &Layout),
    skip: u64,
    len: u64,
) -> Result<(), Culprit> {
    let (mut reading, mut writing) = (from.walk(skip), to.walk(skip));
    let mut left = len;
    let mut pending = Run::default();
    while left > 0 {
        if pending.len == 0 {
            match reading.next(left) {
                Some(run) => pending = run,
                None => break,
            }
        }
        let Some(run) = writing.next(pending.len) else {
            break;
        };
        let read = Run {
            at: pending.at,
            len: run.len,
        };
        let (at, len) = place(read, source.size()).map_err(Culprit::Source)?;
        let bytes = source.slice(at, len).map_err(Culprit::Source)?;
        let (at, len) = place(run, target.size()).map_err(Culprit::Target)?;
        let room = target.slice_mut(at, len).map_err(Culprit::Target)?;
        room.copy_from_slice(bytes);
        pending.at += run.len.cast_signed();
        pending.len -= run.len;
        left -= run.len;
    }
    Ok(())
}

/// Copies the data of one buffer to another of the same memory, piece by piece. They do not overlap
/// other than item on item.
pub(crate) fn duplicate<M: Memory>(
    memory: &mut M,
    from: &Layout,
    to: &Layout,
) -> Result<(), BadAddress> {
    const PIECE: u64 = 64 << 10;
    let total = from.size.min(to.size);
    let mut bytes = Vec::with_capacity(total.min(PIECE) as usize);
    for done in (0..total).step_by(PIECE as usize) {
        bytes.clear();
        pack(memory, from, done, PIECE.min(total - done), &mut bytes)?;
        unpack(memory, to, done, &bytes)?;
    }
    Ok(())
}
