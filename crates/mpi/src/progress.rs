//! Standing still: waiting for others, and copying meanwhile.

use std::sync::{Arc, PoisonError};

use crate::error::Result;
use crate::host::Host;
use crate::memory::Memory;
use crate::rank::Rank;
use crate::sync::lock;
use crate::transfer::{PIECE, Progress, Transfer};
pub(crate) use crate::world::wait::step_aside;
use crate::world::{Doing, Seat};

/// A rank that stands still: its memory is in its seat, for others to copy from and to.
pub(crate) struct Still<'a, H: Host> {
    pub(crate) host: &'a mut H,
}

impl<'a, H: Host> Still<'a, H> {
    pub(crate) fn new(host: &'a mut H) -> Result<Self> {
        let memory = host.lend()?;
        let rank = host.rank();
        let seat = &rank.world.seat(rank.me).memory;
        *seat.write().unwrap_or_else(PoisonError::into_inner) = Some(memory);
        Ok(Self { host })
    }

    pub(crate) fn rank(&mut self) -> &mut Rank<H::Memory> {
        self.host.rank()
    }

    /// Copies what can be copied until `ready`.
    pub(crate) async fn until(
        &mut self,
        doing: Doing,
        mut ready: impl FnMut(&mut Rank<H::Memory>) -> bool,
    ) -> Result<()> {
        loop {
            let rank = self.host.rank();
            let seen = rank.seat().word.seen();
            // It was told of the end before, if it is not told of it after this.
            rank.world.check()?;
            let progress = rank.progress();
            if ready(rank) {
                return Ok(());
            }
            match progress {
                // It was told of that itself.
                Progress::Done => {}
                Progress::Busy => step_aside().await,
                Progress::Away if rank.world.glance(rank.me, seen) => {}
                Progress::Away => {
                    *lock(&rank.seat().doing) = doing;
                    rank.world.wait(rank.me, seen).await?;
                }
            }
        }
    }
}

impl<H: Host> Drop for Still<'_, H> {
    fn drop(&mut self) {
        // Whoever copies right now finishes the piece first.
        let seat = &self.host.rank().seat().memory;
        let memory = seat.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(memory) = memory {
            self.host.restore(memory);
        }
    }
}

impl<M: Memory> Rank<M> {
    /// Where the others see it.
    fn seat(&self) -> &Seat<M> {
        self.world.seat(self.me)
    }

    /// Copies a piece of everything that can be copied. `Done` if something was finished, `Busy`
    /// if more can be done now, `Away` if nothing can.
    fn progress(&mut self) -> Progress {
        self.meet();
        if self.transfers.is_empty() {
            return Progress::Away;
        }
        let (mut done, mut busy) = (false, false);
        let world = &self.world;
        self.transfers
            .retain(|transfer| match transfer.advance(world) {
                Progress::Done => {
                    done = true;
                    false
                }
                Progress::Busy => {
                    busy = true;
                    true
                }
                Progress::Away => true,
            });
        match (done, busy) {
            (true, _) => Progress::Done,
            (_, true) => Progress::Busy,
            _ => Progress::Away,
        }
    }

    /// Hears of transfers that others have matched.
    fn meet(&mut self) {
        let seat = self.world.seat(self.me);
        let seen = seat.word.seen();
        if seen != self.progressed {
            self.progressed = seen;
            self.transfers.append(&mut lock(&seat.mailbox).matched);
        }
    }

    /// Whether there may be something to copy.
    fn has_transfers(&mut self) -> bool {
        self.meet();
        !self.transfers.is_empty()
    }

    /// Looks after a transfer until it is done.
    pub(crate) fn look_after(&mut self, transfer: Arc<Transfer>) {
        self.transfers.push(transfer);
    }
}

/// Waits until `ready`.
pub(crate) async fn wait_until<H: Host>(
    host: &mut H,
    doing: Doing,
    mut ready: impl FnMut(&mut Rank<H::Memory>) -> bool,
) -> Result<()> {
    if ready(host.rank()) {
        return Ok(());
    }
    let mut still = Still::new(host)?;
    still.until(doing, ready).await
}

/// Copies what can be copied without waiting for anybody: one piece of each message.
pub(crate) fn poll<H: Host>(host: &mut H) -> Result<()> {
    host.rank().world.check()?;
    if !host.rank().has_transfers() {
        return Ok(());
    }
    let mut still = Still::new(host)?;
    still.rank().progress();
    Ok(())
}

/// Starts a transfer: whatever can be copied at once, if it is little.
pub(crate) fn start<H: Host>(host: &mut H, transfer: Arc<Transfer>) -> Result<()> {
    let is_little = transfer.len() <= PIECE;
    host.rank().look_after(transfer);
    match is_little {
        true => poll(host),
        false => Ok(()),
    }
}
