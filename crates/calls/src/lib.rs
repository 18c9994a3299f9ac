//! The life of a call: it is admitted or refused, waits for its place, runs in a
//! Faaslet, is awaited, and leaves a result.
//!
//! [`Calls`] is the handle. Synchronous calls ([`Calls::run`]) live in memory and touch
//! no disk. Asynchronous ones ([`Calls::submit`]) are in the durable log before they are
//! acknowledged, and run at least once whatever happens to the process. Chained calls
//! belong to the root call below which they were made.
#![forbid(unsafe_code)]

mod admission;
mod background;
mod calls;
mod chain;
mod cluster;
mod execute;
mod gang;
mod handover;
mod ids;
mod live;
mod lookup;
mod metrics;
mod options;
mod recent;
mod refused;
mod serving;
mod sharing;
mod waiters;
mod world;

pub use admission::Load;
pub use calls::Calls;
pub use cluster::{Cluster, Company, Line, NotAnswered, Peers, Worker};
pub use faasm_calllog::{Idempotency, IdempotencyKey, InvalidIdempotencyKey};
pub use handover::{Handed, HandedOver};
pub use lookup::{CallState, Cancelled};
pub use options::Options;
pub use refused::Refused;
