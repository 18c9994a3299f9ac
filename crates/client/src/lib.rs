//! A typed client of a faasm server: store functions, call them, follow their calls, set
//! and read state, and share files.
//!
//! ```no_run
//! use faasm_client::{Client, ClientOptions, FunctionKind, Progress};
//! use faasm_model::{FunctionName, Invocation};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(ClientOptions::default())?;
//! let hello = FunctionName::new("demo", "hello")?;
//! let quiet = |_: Progress| {};
//! let file = std::path::Path::new("hello.wasm");
//! client.put_function(FunctionKind::Wasm, &hello, file, quiet).await?;
//!
//! let call = client.invoke(&Invocation::new(hello, "the input")).await?;
//! println!("{}", String::from_utf8_lossy(&call.output));
//! # Ok(())
//! # }
//! ```
//!
//! A [`Client`] is cheap to clone and keeps its connections. Answers are read up to
//! [`ClientOptions::max_answer_bytes`], whatever their headers announce. An [`Error`]
//! tells a server that is not there from one that refuses.
#![forbid(unsafe_code)]

mod body;
mod call;
mod calls;
mod client;
mod download;
mod endpoint;
mod error;
mod files;
mod function;
mod functions;
mod graph;
mod options;
mod pages;
mod part;
mod state;
mod tokens;
mod upload;
mod workers;

pub use body::{Progress, Source};
pub use call::{CallResult, CallState, CallSummary, Reason};
pub use calls::{CallFilter, Cancelled};
pub use client::{Client, Listener, Readiness};
pub use download::Download;
pub use error::{Error, Position};
pub use files::{DirectoryEntry, EntryKind, FileRecord, FileVersion};
pub use function::{EffectiveLimits, FunctionInfo, FunctionKind, FunctionRecord, Image};
pub use graph::{CallTree, GraphCall};
pub use options::{ClientOptions, IdempotencyKey, Token};
pub use reqwest::Url;
pub use state::{ByteRange, Condition, StateEntry, StateValue};
pub use tokens::{CreatedToken, NewToken, TokenInfo};
pub use workers::WorkerInfo;
