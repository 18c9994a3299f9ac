//! Which generations this worker reads or writes.
//!
//! The server is told only about those that are superseded or staged: it keeps what is
//! superseded for a while, and each worker asks it, more often, to keep longer what that
//! worker still has pinned. So opening a value writes nothing, and what a worker that died
//! had pinned goes by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use faasm_state::tier::{Generation, Pin};
use tokio::sync::mpsc::UnboundedSender;

/// The pinned generations, and how often each is.
pub(super) struct Pins {
    held: Mutex<HashMap<Generation, usize>>,
    abandoned: UnboundedSender<Generation>,
}

impl Pins {
    /// Tells `abandoned` of each staged generation that is let go of.
    pub(super) fn new(abandoned: UnboundedSender<Generation>) -> Arc<Self> {
        Arc::new(Self {
            held: Mutex::default(),
            abandoned,
        })
    }

    /// Keeps a generation until the pin is dropped.
    pub(super) fn pin(self: &Arc<Self>, generation: Generation, staged: bool) -> Pin {
        *self.lock().entry(generation).or_default() += 1;
        Box::new(Pinned {
            pins: Arc::clone(self),
            generation,
            staged,
        })
    }

    /// What is pinned now.
    pub(super) fn held(&self) -> Vec<Generation> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Generation, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Pinned {
    pins: Arc<Pins>,
    generation: Generation,
    staged: bool,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut held = self.pins.lock();
        if let Some(count) = held.get_mut(&self.generation) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.generation);
            }
        }
        drop(held);
        if self.staged {
            // If it was published meanwhile, nothing happens. Without a receiver the tier
            // is closed, and the server drops it by itself.
            let _ = self.pins.abandoned.send(self.generation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_held_until_its_last_pin_is_dropped() {
        let (sender, mut abandoned) = tokio::sync::mpsc::unbounded_channel();
        let pins = Pins::new(sender);
        let generation = Generation(7);
        let (one, other) = (pins.pin(generation, false), pins.pin(generation, true));
        drop(one);
        assert_eq!(pins.held(), [generation]);
        assert!(abandoned.try_recv().is_err());
        drop(other);
        assert!(pins.held().is_empty());
        assert_eq!(abandoned.try_recv(), Ok(generation));
    }
}
