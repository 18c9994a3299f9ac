//! Whether this worker knows what the others know.
//!
//! Whoever changes something waits for all workers with a lease. So one with a lease is
//! waited for, and one without must not trust what it knows until it has read everything
//! again. Nobody waits for it meanwhile, however long that takes: when it has read, it says so,
//! is waited for from then on, and applies what was announced before that. The lease is counted here from before it was asked for, and ends a little
//! early: never later than the server thinks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long a worker lives that does not renew its lease.
pub(super) const LEASE: Duration = Duration::from_secs(8);

/// For clocks that run at different speeds.
const MARGIN: Duration = Duration::from_millis(500);

/// A moment, in µs since the machine was started; the time that it slept counts, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    pub(super) fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
        Self(seconds * 1_000_000 + nanos / 1_000)
    }

    fn plus(self, duration: Duration) -> Self {
        Self(self.0 + u64::try_from(duration.as_micros()).unwrap_or(0))
    }
}

/// How this worker stands.
#[derive(Default)]
pub(super) struct Standing {
    /// Until when it is current.
    until: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Until when the lease lasts.
    granted: u64,
    /// How often the worker was found without a lease.
    lapses: u64,
    /// After how many of these it has read everything again.
    read: u64,
    /// And applied what was announced meanwhile.
    mended: u64,
    applying_since: Option<u64>,
    has_left: bool,
}

impl Standing {
    pub(super) fn is_current(&self) -> bool {
        Moment::now().0 < self.until.load(Ordering::Acquire)
    }

    /// The lease was renewed by a request sent at `sent`; `unbroken` if the server says that it
    /// had not run out. Returns whether it had: also if it has by this clock, since the server may
    /// have given it anew in answer to an earlier request, whose answer was lost.
    pub(super) fn renewed(&self, sent: Moment, unbroken: bool) -> bool {
        let mut state = self.lock();
        let lapsed = !unbroken || Moment::now().0 >= state.granted;
        state.granted = sent.plus(LEASE - MARGIN).0;
        state.lapses += u64::from(lapsed);
        self.settle(&state);
        lapsed
    }

    /// How often the worker has been without a lease, if it has not read everything since.
    pub(super) fn owed(&self) -> Option<u64> {
        let state = self.lock();
        (state.lapses != state.read).then_some(state.lapses)
    }

    /// After how many lapses the worker has read everything.
    pub(super) fn read(&self) -> u64 {
        self.lock().read
    }

    /// The worker has read everything, as it owed for this many lapses.
    pub(super) fn has_read(&self, lapses: u64) {
        self.lock().read = lapses;
    }

    /// It has applied what was announced since it read everything, for this many lapses. Returns
    /// whether it had not before.
    pub(super) fn caught_up(&self, lapses: u64) -> bool {
        let mut state = self.lock();
        let is_new = state.mended != lapses;
        state.mended = lapses;
        self.settle(&state);
        is_new
    }

    /// The worker begins to apply changes for which others wait.
    pub(super) fn applying(&self) {
        self.lock().applying_since = Some(Moment::now().0);
    }

    /// It has.
    pub(super) fn applied(&self) {
        self.lock().applying_since = None;
    }

    /// The worker ends its membership.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.has_left = true;
        self.settle(&state);
    }

    pub(super) fn has_left(&self) -> bool {
        self.lock().has_left
    }

    /// Whether the worker has been applying the same changes for longer than a lease lasts:
    /// nobody should wait for it.
    pub(super) fn is_stuck(&self) -> bool {
        let since = self.lock().applying_since;
        since.is_some_and(|since| Moment::now() >= Moment(since).plus(LEASE))
    }

    fn settle(&self, state: &State) {
        let until = match state.lapses == state.mended && !state.has_left {
            true => state.granted,
            false => 0,
        };
        self.until.store(until, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_current_once_it_has_a_lease_and_has_read_everything_since() {
        let standing = Standing::default();
        assert!(!standing.is_current());
        standing.renewed(Moment::now(), false);
        assert!(!standing.is_current());
        standing.has_read(1);
        assert!(!standing.is_current() && standing.owed().is_none());
        assert!(standing.caught_up(1) && standing.is_current());
        assert!(!standing.caught_up(1) && standing.is_current());
        standing.renewed(Moment::now(), true);
        assert!(standing.is_current());
    }

    #[test]
    fn a_lapse_while_everything_is_read_makes_it_read_again() {
        let standing = Standing::default();
        standing.renewed(Moment::now(), false);
        assert_eq!(standing.owed(), Some(1));
        standing.renewed(Moment::now(), false);
        standing.has_read(1);
        standing.caught_up(1);
        assert!(!standing.is_current());
        assert_eq!(standing.owed(), Some(2));
    }

    #[test]
    fn a_lease_ends_by_itself() {
        let standing = Standing::default();
        standing.renewed(Moment(0), false);
        standing.has_read(1);
        standing.caught_up(1);
        assert!(!standing.is_current());
    }
}
