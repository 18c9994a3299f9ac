//! Shared state of functions: values by user and key, in two tiers.
//!
//! The **local tier** keeps values in memory files of this worker. Calls of a user share
//! them: they read and write them through a [`Session`], or map them as [`View`]s and see
//! each other's stores at once. The **global tier** ([`tier::GlobalTier`]) keeps them
//! durably and for all workers. What of a value is needed is fetched chunk by chunk, and
//! what a call has changed is found and pushed when the call ends.
//!
//! ```
//! use std::sync::Arc;
//! use faasm_budget::MemoryBudget;
//! use faasm_model::{CallId, FunctionName, Key};
//! use faasm_state::tier::{EmbeddedOptions, EmbeddedTier};
//! use faasm_state::{Options, Party, State};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let tier = EmbeddedTier::open(dir.path(), EmbeddedOptions::default())?;
//! let budget = MemoryBudget::new(64 << 20);
//! let state = State::new(Arc::new(tier), &budget, Options::default())?;
//!
//! let function = FunctionName::new("demo", "hello")?;
//! let call = state.session(Party { call: CallId::new(1).unwrap(), function });
//! let key = Key::new("greeting")?;
//! call.write(&key, b"hello").await?;
//! assert_eq!(call.read(&key, 1, 3).await?, b"ell");
//! call.finish().await?; // now it is durable
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod error;
mod global_lock;
mod local;
mod locks;
mod options;
mod reading;
mod session;
mod state;
pub mod tier;
mod upload;

pub use error::{Error, Result};
pub use local::{Opened, View};
pub use locks::{AwaitGuard, Deadlock, LockError, LockSession, Locks, Mode, NotHeld, Party};
pub use options::Options;
pub use reading::Reading;
pub use session::{NewValue, Part, Replacement, Session};
pub use state::{LocalUsage, State};
pub use upload::Upload;
