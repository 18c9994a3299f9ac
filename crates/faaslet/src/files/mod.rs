//! The shared files as calls see them: the tree under each call's own files, and what calls
//! change in it through `faasm://`.

mod change;
mod patient;
mod tree;

pub(crate) use change::{Refused, carry_out};
pub(crate) use patient::Patient;
pub(crate) use tree::{ReadOnly, SharedTree};
