//! Reductions by the host.
//!
//! Always in the order of the ranks, so that a world always gives the same result. Little data is
//! put together by the last to come. Much is put together piece by piece, each by whichever rank
//! is free: it reads the piece in all memories, and writes the result where it belongs. Nobody
//! else touches those bytes, so it does not matter whether it is in place.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::exchange::Meeting;
use super::movement::blame;
use super::stage::{Data, Deposit};
use crate::comm::Comm;
use crate::datatype::{self, Layout};
use crate::error::{Class, Result};
use crate::host::Host;
use crate::memory::{BadAddress, Memory};
use crate::op::{Combine, combine};
use crate::progress::Still;
use crate::transfer::{seated_to_read, seated_to_write};
use crate::world::Shared;
use crate::world::wait::step_aside;

/// Bytes of a piece: as much as caches hold a few of.
const PIECE: u64 = 64 << 10;

/// Where the results of a reduction go.
#[derive(Clone, Debug)]
pub(crate) enum Folding {
    /// To these ranks.
    To(Range<usize>),
    /// To each rank the items that are its, given as so many for each.
    Scatter(Vec<u64>),
    /// To each rank that of all up to it.
    Scan { is_exclusive: bool },
}

/// The data of ranks put together, as far as it was put down here.
pub(crate) fn fold_here(deposits: &[Deposit], op: Combine) -> Vec<u8> {
    let mut result = Vec::new();
    for deposit in deposits {
        if let Data::Here(bytes) = &deposit.data {
            match result.is_empty() {
                true => result.extend_from_slice(bytes),
                false => combine(op, &mut result, bytes),
            }
        }
    }
    result
}

/// Works on a reduction of much data until nothing is left to take.
pub(crate) async fn fold<H: Host>(
    host: &mut H,
    comm: &Comm,
    meeting: &Meeting,
    op: Combine,
    folding: &Folding,
) -> Result<()> {
    let mut still = Still::new(host)?;
    let world = &*still.rank().world;
    let mut work = Work {
        world,
        comm,
        deposits: meeting.board.deposits(),
        op,
        result: Vec::new(),
        other: Vec::new(),
    };
    let Some((size, count)) = work.items() else {
        return Err(Class::Intern.into());
    };
    let items = (PIECE / size.max(1)).max(1);
    loop {
        let piece = meeting.board.next.fetch_add(1, Ordering::Relaxed) as u64;
        let first = piece * items;
        if first >= count {
            return Ok(());
        }
        let bytes = first * size..(first + items).min(count) * size;
        work.piece(bytes, size, folding).await?;
        // Others of this thread have pieces to work on, or something else to do.
        world.check()?;
        step_aside().await;
    }
}

struct Work<'a, M> {
    world: &'a Shared<M>,
    comm: &'a Comm,
    deposits: &'a [Deposit],
    op: Combine,
    result: Vec<u8>,
    other: Vec<u8>,
}

impl<M: Memory> Work<'_, M> {
    /// Bytes of an item, and how many there are.
    fn items(&self) -> Option<(u64, u64)> {
        match &self.deposits.first()?.data {
            Data::There(layout) => Some((layout.datatype.size, layout.count)),
            _ => None,
        }
    }

    async fn piece(&mut self, bytes: Range<u64>, size: u64, folding: &Folding) -> Result<()> {
        self.result.clear();
        for rank in 0..self.comm.size() {
            match folding {
                Folding::Scan { is_exclusive: true } if rank > 0 => {
                    // Its data is read before it is written over.
                    let before = self.result.clone();
                    self.add(rank, &bytes).await?;
                    let after = std::mem::replace(&mut self.result, before);
                    self.write(rank, bytes.start, 0..self.result.len()).await?;
                    self.result = after;
                }
                Folding::Scan {
                    is_exclusive: false,
                } => {
                    self.add(rank, &bytes).await?;
                    self.write(rank, bytes.start, 0..self.result.len()).await?;
                }
                _ => self.add(rank, &bytes).await?,
            }
        }
        match folding {
            Folding::Scan { .. } => {}
            Folding::To(ranks) => {
                for rank in ranks.clone() {
                    self.write(rank, bytes.start, 0..self.result.len()).await?;
                }
            }
            Folding::Scatter(counts) => {
                let mut first = 0;
                for (rank, count) in counts.iter().enumerate() {
                    let own = first..first + count * size;
                    let (from, to) = (own.start.max(bytes.start), own.end.min(bytes.end));
                    if from < to {
                        let range = (from - bytes.start) as usize..(to - bytes.start) as usize;
                        self.write(rank, from - own.start, range).await?;
                    }
                    first = own.end;
                }
            }
        }
        Ok(())
    }

    /// Adds a rank's data to the result.
    async fn add(&mut self, rank: usize, bytes: &Range<u64>) -> Result<()> {
        let Some(Data::There(layout)) = self.deposits.get(rank).map(|deposit| &deposit.data) else {
            return Err(Class::Intern.into());
        };
        let member = self.comm.group[rank];
        loop {
            if let Ok(memory) = seated_to_read(self.world, member)
                && let Some(memory) = &*memory
            {
                let added = add(
                    memory,
                    layout,
                    bytes,
                    self.op,
                    &mut self.result,
                    &mut self.other,
                );
                return added.map_err(|error| blame(self.world, member, &error));
            }
            self.world.check()?;
            step_aside().await;
        }
    }

    /// Writes a part of the result to a rank's target, from `skip` bytes on.
    async fn write(&self, rank: usize, skip: u64, part: Range<usize>) -> Result<()> {
        let Some(layout) = self.deposits.get(rank).and_then(|d| d.target.as_ref()) else {
            return Err(Class::Intern.into());
        };
        let member = self.comm.group[rank];
        loop {
            if let Ok(mut memory) = seated_to_write(self.world, member)
                && let Some(memory) = &mut *memory
            {
                let written = datatype::unpack(memory, layout, skip, &self.result[part]);
                return written.map_err(|error| blame(self.world, member, &error));
            }
            self.world.check()?;
            step_aside().await;
        }
    }
}

fn add<M: Memory>(
    memory: &M,
    layout: &Layout,
    bytes: &Range<u64>,
    op: Combine,
    result: &mut Vec<u8>,
    other: &mut Vec<u8>,
) -> std::result::Result<(), BadAddress> {
    let len = bytes.end - bytes.start;
    if result.is_empty() {
        return datatype::pack(memory, layout, bytes.start, len, result);
    }
    if let Some((at, _)) = layout.run() {
        // The whole run was found to lie in the memory before.
        let at = at.saturating_add(bytes.start as u32);
        combine(op, result, memory.slice(at, len as u32)?);
        return Ok(());
    }
    other.clear();
    datatype::pack(memory, layout, bytes.start, len, other)?;
    combine(op, result, other);
    Ok(())
}
