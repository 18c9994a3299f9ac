//! The words that all of faasm's crates share, and nothing else: what a function is
//! called, what a call asks for, and how it ended.
//!
//! ```
//! use faasm_model::{CallId, FunctionName};
//!
//! let name = FunctionName::new("demo", "hello")?;
//! assert_eq!(name.to_string(), "demo/hello");
//! assert!(FunctionName::new("demo", "../etc").is_err());
//! assert_eq!("42".parse::<CallId>()?.get(), 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod call_id;
mod clock;
mod cluster_key;
mod graph;
mod hash;
mod invocation;
mod limits;
mod names;
mod outcome;
mod per_user;
mod record;
mod shared_path;
mod state_key;
mod world_size;

pub use call_id::{CallId, InvalidCallId};
pub use clock::now_ms;
pub use cluster_key::{ClusterKey, InvalidClusterKey};
pub use graph::{ExecGraph, GraphNode, Part};
pub use hash::{ContentHash, InvalidHash};
pub use invocation::{FileAccess, Invocation, Target};
pub use limits::{InvalidLimit, LimitOverrides, Limits};
pub use names::{FunctionName, InvalidName, Name};
pub use outcome::{Failure, FailureKind, Outcome, Timings};
pub use per_user::PerUser;
pub use record::{CallStatus, CallSummary, FinishedCall};
pub use shared_path::{InvalidPath, SharedPath};
pub use state_key::{InvalidKey, Key, StateKey};
pub use world_size::{InvalidWorldSize, WorldSize};
