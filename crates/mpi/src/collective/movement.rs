//! Taking what others have put down.

use super::exchange::Meeting;
use super::stage::Data;
use crate::comm::Comm;
use crate::datatype::{self, Culprit, Layout};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::memory::{BadAddress, Memory};
use crate::progress::Still;
use crate::transfer::{PIECE, seated_to_read, seated_to_write};
use crate::world::Shared;
use crate::world::wait::step_aside;

/// Something to take: the part of a rank's data that is for `part`, and where it goes.
pub(crate) struct Job {
    pub(crate) from: usize,
    pub(crate) part: usize,
    pub(crate) into: Layout,
}

/// Takes what is for this rank. The errors that come of it do not keep the others waiting.
pub(crate) async fn take<H: Host>(
    host: &mut H,
    comm: &Comm,
    meeting: &Meeting,
    jobs: &[Job],
) -> Result<Option<Class>> {
    let deposits = meeting.board.deposits();
    let mut error = None;
    let mut is_all_here = true;
    host.with(|memory| {
        for job in jobs {
            let (data, parts) = match deposits.get(job.from) {
                Some(deposit) => (&deposit.data, &deposit.parts),
                None => return Err(Class::Intern.into()),
            };
            let bytes = match data {
                Data::Here(bytes) => bytes,
                Data::There(_) => {
                    is_all_here = false;
                    continue;
                }
                Data::None => continue,
                Data::Failed(class) => {
                    error = Some(*class);
                    continue;
                }
            };
            let range = parts.bytes(job.part, bytes.len());
            let bytes = bytes.get(range).ok_or(Class::Intern)?;
            if bytes.len() as u64 > job.into.size {
                error = Some(Class::Truncate);
            }
            put(memory, &job.into, bytes)?;
        }
        Ok(())
    })?;
    if !is_all_here {
        let mut still = Still::new(host)?;
        let world = &*still.rank().world;
        for job in jobs {
            if let Data::There(source) = &deposits[job.from].data {
                let parts = &deposits[job.from].parts;
                let (first, count) = parts.of(job.part, source.count);
                let source = source.part(first, count)?;
                if source.size > job.into.size {
                    error = Some(Class::Truncate);
                }
                let from = comm.group[job.from];
                copy(
                    world,
                    (from, &source),
                    (comm.group[comm.rank as usize], &job.into),
                )
                .await?;
            }
        }
    }
    Ok(error)
}

fn put<M: Memory>(memory: &mut M, into: &Layout, bytes: &[u8]) -> Result<()> {
    into.check_write(memory)?;
    Ok(datatype::unpack(memory, into, 0, bytes)?)
}

/// Copies between ranks of the world that stand still.
async fn copy<M: Memory>(
    world: &Shared<M>,
    (from, source): (u32, &Layout),
    (to, target): (u32, &Layout),
) -> Result<()> {
    if from == to && source.address == target.address {
        return Ok(());
    }
    let total = source.size.min(target.size);
    let mut done = 0;
    while done < total {
        let len = PIECE.min(total - done);
        if copy_piece(world, (from, source), (to, target), (done, len))? {
            done += len;
        }
        if done < total {
            world.check()?;
            step_aside().await;
        }
    }
    Ok(())
}

/// `false` if a memory is in use.
fn copy_piece<M: Memory>(
    world: &Shared<M>,
    (from, source): (u32, &Layout),
    (to, target): (u32, &Layout),
    (skip, len): (u64, u64),
) -> Result<bool> {
    let Ok(mut writing) = seated_to_write(world, to) else {
        return Ok(false);
    };
    let Some(memory) = &mut *writing else {
        return Ok(false);
    };
    if from == to {
        let mut bytes = Vec::new();
        datatype::pack(memory, source, skip, len, &mut bytes)?;
        datatype::unpack(memory, target, skip, &bytes)?;
        return Ok(true);
    }
    let Ok(reading) = seated_to_read(world, from) else {
        return Ok(false);
    };
    let Some(other) = &*reading else {
        return Ok(false);
    };
    match datatype::copy((other, source), (memory, target), skip, len) {
        Ok(()) => Ok(true),
        Err(Culprit::Target(error)) => Err(error.into()),
        Err(Culprit::Source(error)) => Err(blame(world, from, &error)),
    }
}

/// Ends the world for the memory of another rank.
pub(super) fn blame<M: Memory>(
    world: &Shared<M>,
    rank: u32,
    error: &BadAddress,
) -> crate::error::Error {
    world.blame(rank, "collective", error);
    match world.check() {
        Err(stop) => stop.into(),
        Ok(()) => Class::Intern.into(),
    }
}
