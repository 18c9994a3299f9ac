//! What is kept for a rank, and its account of that.
//!
//! A program makes the world keep things: infos, datatypes, messages that nobody has received. All
//! that grows with what a program does is held through the [`Account`] of its rank, which has a
//! bound and takes what it holds out of the memory budget of the process.

use std::sync::{Arc, Mutex};

use faasm_budget::{Charge, MemoryBudget};

use crate::error::{Class, Result};
use crate::sync::lock;

/// Accounts take from the budget in steps, so that few changes reach it.
const STEP: u64 = 16 << 10;

/// What is kept for one rank. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Account(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Most bytes.
    limit: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Bytes that are held.
    used: u64,
    /// For as many bytes or a few more.
    charge: Charge,
}

/// Bytes of an account; dropping gives them back.
#[derive(Debug)]
pub(crate) struct Held {
    account: Account,
    bytes: u64,
}

impl Account {
    pub(crate) fn new(limit: u64, budget: &MemoryBudget) -> Self {
        Self(Arc::new(Shared {
            limit,
            state: Mutex::new(State {
                used: 0,
                charge: budget.charge(),
            }),
        }))
    }

    /// Nothing yet, to be grown.
    pub(crate) fn nothing(&self) -> Held {
        Held {
            account: self.clone(),
            bytes: 0,
        }
    }

    /// Holds so many bytes.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Held> {
        let mut held = self.nothing();
        held.grow(bytes)?;
        Ok(held)
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let limit = self.0.limit;
        let mut state = lock(&self.0.state);
        let used = state.used.saturating_add(bytes);
        if used > limit {
            let what = format!("MPI keeps at most {limit} bytes for a rank");
            return Err(Class::NoMem.because(what));
        }
        let missing = used.saturating_sub(state.charge.bytes());
        if missing > 0 && !state.charge.grow(missing.next_multiple_of(STEP)) {
            return Err(Class::NoMem.because("the server's memory budget is used up"));
        }
        state.used = used;
        Ok(())
    }

    fn give(&self, bytes: u64) {
        let mut state = lock(&self.0.state);
        state.used = state.used.saturating_sub(bytes);
        let spare = state.charge.bytes().saturating_sub(state.used);
        if spare > 2 * STEP {
            state.charge.shrink((spare - STEP) / STEP * STEP);
        }
    }
}

impl Held {
    /// Holds so many bytes more.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        self.account.take(more as u64)?;
        self.bytes += more as u64;
        Ok(())
    }

    /// Holds so many bytes less.
    pub(crate) fn shrink(&mut self, less: usize) {
        let less = self.bytes.min(less as u64);
        self.bytes -= less;
        self.account.give(less);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// As much of the same account again.
    pub(crate) fn again(&self) -> Result<Self> {
        self.account.hold(self.bytes())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.account.give(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_comes_out_of_the_budget_and_goes_back() {
        let budget = MemoryBudget::new(1 << 20);
        let account = Account::new(100_000, &budget);
        let mut first = account.hold(60_000).unwrap();
        assert!((60_000..60_000 + STEP).contains(&budget.used()));
        assert!(account.hold(40_001).is_err() && first.again().is_err());
        let second = account.hold(40_000).unwrap();
        first.shrink(59_000);
        assert!(budget.used() < 41_000 + 3 * STEP);
        drop((first, second));
        assert!(budget.used() <= 2 * STEP);
        drop(account);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_budget_that_is_used_up_holds_nothing_more() {
        let budget = MemoryBudget::new(STEP);
        let account = Account::new(u64::MAX, &budget);
        let _held = account.hold(STEP as usize).unwrap();
        let error = account.hold(1).unwrap_err();
        assert!(error.to_string().contains("budget"), "{error}");
        assert!(account.hold(usize::MAX).is_err());
    }
}
