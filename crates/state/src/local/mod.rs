//! The local tier: values in this worker's memory.

mod account;
mod chunks;
#[cfg(test)]
mod chunks_model;
mod diff;
mod entry;
mod pager;
mod pull;
mod push;
mod region;
mod store;
mod view;

pub(crate) use entry::Entry;
pub(crate) use pager::Pager;
pub(crate) use region::{PAGE, Region, chunks_of};
pub(crate) use store::Store;
pub use view::{Opened, View};
