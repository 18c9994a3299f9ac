//! Local read and write locks of state: between the calls of one worker.
//!
//! A call locks through its [`LockSession`]; whatever way it ends, the session is dropped and
//! releases all. The locks are fair, and calls that wait for each other in a circle, for
//! locks or for each other's end, are told so.
//!
//! ```
//! use faasm_model::{CallId, FunctionName, Key, Name, StateKey};
//! use faasm_state::{Locks, Mode, Party};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let locks = Locks::new();
//! let call = locks.session(Party {
//!     call: CallId::new(1)?,
//!     function: FunctionName::new("demo", "count")?,
//! });
//! let key = StateKey { user: Name::new("demo")?, key: Key::new("counter")? };
//! call.lock(&key, Mode::Write).await?;
//! call.unlock(&key, Mode::Write)?;
//! # Ok(())
//! # }
//! ```
//!
//! Below the waiting is a state machine without time (`key_lock` for one key, `session`
//! for one call), generic over its mutex: the tests run it under a model checker.

mod circle;
mod error;
mod handle;
mod key_lock;
#[cfg(test)]
mod models;
mod mutex;
mod party;
mod search;
mod session;
mod table;
mod text;
mod waiter;

pub use error::{Deadlock, LockError, NotHeld};
pub use handle::{AwaitGuard, LockSession, Locks};
pub use party::{Mode, Party};
