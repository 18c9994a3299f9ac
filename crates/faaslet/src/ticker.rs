//! The clock that interrupts guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How often running guests are interrupted to yield and to look at their deadline.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without a Faaslet after which the clock stops, so that an idle server sleeps.
const IDLE_TICKS: u32 = 100;

/// Advances the engine's epoch while Faaslets are alive.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    live: AtomicUsize,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

/// Keeps the clock running.
#[derive(Debug)]
pub(crate) struct Alive(Arc<Shared>);

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (engine, theirs) = (engine.weak(), Arc::clone(&shared));
        let handle = thread::Builder::new()
            .name("faasm-ticker".into())
            .spawn(move || {
                while !theirs.stopped.load(Ordering::Relaxed) {
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                    theirs.pause();
                }
            })?;
        let thread = handle.thread().clone();
        Ok(Self { shared, thread })
    }

    /// Notes one more live Faaslet until the value is dropped.
    pub(crate) fn keep_alive(&self) -> Alive {
        self.shared.live.fetch_add(1, Ordering::SeqCst);
        // The plain look first: it is shared by all calls, and nearly always false.
        let asleep = &self.shared.asleep;
        if asleep.load(Ordering::SeqCst) && asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
        Alive(Arc::clone(&self.shared))
    }

    /// How many Faaslets are alive.
    pub(crate) fn live(&self) -> usize {
        self.shared.live.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Sleeps one tick, or until a Faaslet comes when none was there for a while.
    fn pause(&self) {
        for _ in 0..IDLE_TICKS {
            thread::sleep(TICK);
            if self.live.load(Ordering::Relaxed) > 0 {
                return;
            }
        }
        self.asleep.store(true, Ordering::SeqCst);
        // A Faaslet that came before `asleep` was set did not wake us: look again.
        if self.live.load(Ordering::SeqCst) == 0 {
            while self.asleep.load(Ordering::SeqCst) {
                thread::park();
            }
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.asleep.store(false, Ordering::SeqCst);
        self.thread.unpark();
    }
}
