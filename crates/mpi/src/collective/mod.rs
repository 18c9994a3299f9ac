//! What all ranks of a communicator do together.
//!
//! They meet at the communicator's [`Stage`]. Each puts down what it has for the others: little
//! data itself, of much only where it is in its memory. When all have come, each takes what is
//! for it; who has put down only where its data is stays until the others have taken it. So
//! there is one wake for each rank, and much data is copied once.
//!
//! Ranks of other parts of the world meet them through the same [`exchange`]: the last to come of a
//! part ships what its ranks have put down to the other parts, and all is there when that of all
//! parts has come.

mod exchange;
mod fold;
mod guest;
mod movement;
mod stage;

pub(crate) use exchange::{
    Given, Make, Meeting, Place, Reach, describe, exchange, exchange_at, mismatch,
};
pub(crate) use fold::{Folding, fold, fold_here};
pub(crate) use guest::{ByGuest, Scratch, reduce_by_guest};
pub(crate) use movement::{Job, take};
pub(crate) use stage::{Board, Data, Deposit, Key, Outcome, Parts, Signature, Span, Stage};
