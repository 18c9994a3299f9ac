//! How much may be on the way: the sender's view and the receiver's.

use tokio::sync::Semaphore;

use crate::error::Fault;

/// What a body counts in addition to its bytes, so that empty ones do not come without end.
const OVERHEAD: usize = 1024;

/// What a body of `len` bytes counts for in a window. One that is larger than half of the
/// window counts as that half, so that there is always room for it at some time: the receiver
/// holds back less than a quarter (see [`Ledger`]).
fn charge(len: usize, window: u32) -> u32 {
    u32::try_from(len.saturating_add(OVERHEAD))
        .unwrap_or(u32::MAX)
        .min(window / 2)
}

/// The sender's side: waits for room.
pub(crate) struct Window {
    room: Semaphore,
    size: u32,
}

/// The connection has ended.
pub(crate) struct Ended;

impl Window {
    pub(crate) fn new(size: u32) -> Self {
        Self {
            room: Semaphore::new(size as usize),
            size,
        }
    }

    /// Waits until a body of `len` bytes may be on the way. Dropping what it returns gives
    /// the room back; [`Room::used`] keeps it until the receiver does.
    pub(crate) async fn take(&self, len: usize) -> Result<Room<'_>, Ended> {
        let permit = self.room.acquire_many(charge(len, self.size)).await;
        permit.map(Room).map_err(|_| Ended)
    }

    /// The receiver says that `more` bytes may be sent.
    pub(crate) fn give_back(&self, more: u32) -> Result<(), Fault> {
        let room = self.room.available_permits().saturating_add(more as usize);
        if room > self.size as usize {
            return Err(Fault::Violation("credit for what was not sent"));
        }
        self.room.add_permits(more as usize);
        Ok(())
    }

    /// Whether nothing is on the way.
    pub(crate) fn is_idle(&self) -> bool {
        self.room.available_permits() == self.size as usize
    }

    /// Fails who waits and who comes.
    pub(crate) fn close(&self) {
        self.room.close();
    }
}

/// Room in a window.
pub(crate) struct Room<'a>(tokio::sync::SemaphorePermit<'a>);

impl Room<'_> {
    /// Something was sent that fills it.
    pub(crate) fn used(self) {
        self.0.forget();
    }
}

/// The receiver's side: refuses what is too much, and gives credit in larger steps.
#[derive(Debug)]
pub(crate) struct Ledger {
    size: u32,
    /// What the sender has used and was not given back.
    held: u32,
    /// What of it can be given back.
    free: u32,
}

impl Ledger {
    pub(crate) fn new(size: u32) -> Self {
        Self {
            size,
            held: 0,
            free: 0,
        }
    }

    /// A body of `len` bytes begins.
    pub(crate) fn open(&mut self, len: usize) -> Result<(), Fault> {
        let charge = charge(len, self.size);
        match self.held.checked_add(charge) {
            Some(held) if held <= self.size => self.held = held,
            _ => return Err(Fault::Violation("more than there is credit for")),
        }
        Ok(())
    }

    /// A body of `len` bytes is done with. Returns the credit to be sent, if it is worth a frame.
    pub(crate) fn release(&mut self, len: usize) -> Option<u32> {
        self.free += charge(len, self.size);
        if self.free < self.size / 4 {
            None
        } else {
            self.flush()
        }
    }

    /// Returns all the credit that is due.
    pub(crate) fn flush(&mut self) -> Option<u32> {
        let free = std::mem::take(&mut self.free);
        self.held -= free;
        (free > 0).then_some(free)
    }

    /// Whether nothing is on the way.
    pub(crate) fn is_idle(&self) -> bool {
        self.held == self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_body_finds_room_while_the_receiver_holds_credit_back() {
        let size = 64 << 10;
        let mut ledger = Ledger::new(size);
        let mut room = size;
        for len in [0, 1, 5000, 70_000, 32 << 10, usize::MAX, 0, 20_000, 1 << 20].repeat(50) {
            let charge = charge(len, size);
            assert!(charge <= room, "{len} has no room");
            room -= charge;
            assert_eq!(ledger.open(len), Ok(()));
            room += ledger.release(len).unwrap_or(0);
        }
        assert!(ledger.is_idle());
        assert_eq!(room + ledger.flush().unwrap_or(0), size);
    }

    #[test]
    fn more_than_the_window_is_refused() {
        let mut ledger = Ledger::new(64 << 10);
        ledger.open(1 << 20).unwrap();
        ledger.open(1 << 20).unwrap();
        assert!(ledger.open(0).is_err());
    }

    #[test]
    fn credit_for_nothing_is_refused() {
        let window = Window::new(64 << 10);
        assert!(window.give_back(1).is_err());
        assert!(window.give_back(u32::MAX).is_err());
    }
}
