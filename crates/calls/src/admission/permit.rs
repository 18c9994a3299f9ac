//! Permits, and those that are lent out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::{Shared, User};

/// The right to have a Faaslet, or all those of a world. Dropping it lets the next call start.
#[derive(Debug)]
pub(crate) struct Permit {
    shared: Arc<Shared>,
    user: Arc<User>,
    /// For how many Faaslets it is.
    count: i64,
}

/// A permit lent out while its holder waits for a callee, until it is taken back.
#[derive(Debug)]
pub(crate) struct Lent {
    shared: Arc<Shared>,
    user: Arc<User>,
    is_out: AtomicBool,
}

impl Permit {
    /// For so many Faaslets, which have been counted.
    pub(super) fn new(shared: &Arc<Shared>, user: Arc<User>, count: i64) -> Self {
        let shared = Arc::clone(shared);
        Self {
            shared,
            user,
            count,
        }
    }

    /// Lends the permit for one Faaslet out. Nobody gets it before [`Lent::offer`].
    pub(crate) fn lend(&self) -> Lent {
        self.user.running.fetch_sub(1, SeqCst);
        self.shared.running.fetch_sub(1, SeqCst);
        Lent {
            shared: Arc::clone(&self.shared),
            user: Arc::clone(&self.user),
            is_out: AtomicBool::new(true),
        }
    }
}

impl Lent {
    /// Lets others start.
    pub(crate) fn offer(&self) {
        self.shared.hand_out();
    }

    /// Takes the permit back, once. That never waits: one who has started is always let
    /// finish.
    pub(crate) fn take_back(&self) {
        if self.is_out.swap(false, SeqCst) {
            self.user.running.fetch_add(1, SeqCst);
            self.shared.running.fetch_add(1, SeqCst);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // In this order, or it could seem as if all that live were waiting for others.
        self.shared.live.fetch_sub(self.count, SeqCst);
        self.user.running.fetch_sub(self.count, SeqCst);
        self.shared.running.fetch_sub(self.count, SeqCst);
        self.shared.hand_out();
    }
}
