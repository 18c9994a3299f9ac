//! The memory budget of the process: one account for everything that grows with what
//! guests and clients do.
//!
//! ```
//! use faasm_budget::MemoryBudget;
//!
//! let budget = MemoryBudget::new(1 << 20);
//! let mut charge = budget.charge();
//! assert!(charge.grow(1 << 20));
//! assert!(!budget.take(1));
//! drop(charge); // gives the bytes back
//! assert_eq!(budget.used(), 0);
//! ```
//!
//! A [part](MemoryBudget::part) of it is a bound of its own; [`UserBudgets`] has one for each user.
#![forbid(unsafe_code)]

mod budget;
mod users;

pub use budget::{Charge, MemoryBudget, Reclaim, UsedUp};
pub use users::UserBudgets;
