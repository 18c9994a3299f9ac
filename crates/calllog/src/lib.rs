//! The durable log of asynchronous calls: what was accepted, how often it was tried, and
//! how it ended.
//!
//! [`CallLog`] is the contract, [`EmbeddedLog`] keeps it in one database file. What a
//! method answered is on the disk: it survives the process and the power.
//! [`SharedLog`] is what several workers that run calls of one log need beyond that.
//!
//! ```
//! use std::sync::Arc;
//! use faasm_calllog::{Accepted, CallLog, EmbeddedLog, LoggedCall, NewCall};
//! use faasm_model::{CallId, ExecGraph, FinishedCall, FunctionName, Invocation, Outcome};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let log = EmbeddedLog::open(dir.path())?;
//! let id = CallId::new(log.reserve_ids(1).await?.start)?;
//! let function = FunctionName::new("demo", "hello")?;
//! let invocation = Arc::new(Invocation::new(function.clone(), "input"));
//! let call = NewCall { id, invocation, accepted_at_ms: 1, idempotency: None };
//! assert_eq!(log.accept(call).await?, Accepted::New);
//!
//! assert_eq!(log.begin(id).await?, 1); // the first attempt
//! let outcome = Outcome { output: "answer".into(), ..Outcome::default() };
//! let finished = FinishedCall {
//!     id, function, accepted_at_ms: 1, finished_at_ms: 2, outcome, graph: ExecGraph::default(),
//! };
//! assert!(log.finish(finished.clone()).await?);
//! assert_eq!(log.get(id).await?, Some(LoggedCall::Finished(finished)));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod call;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod embedded;
mod error;
mod log;
mod shared;

pub use call::{
    Accepted, Idempotency, IdempotencyKey, InvalidIdempotencyKey, LoggedCall, NewCall, PendingCall,
};
pub use embedded::EmbeddedLog;
pub use error::{Error, RecordPart, Result};
pub use log::CallLog;
pub use shared::{Cancelling, ClaimedCall, Renewed, SharedLog};
