//! MPI worlds: ranks that send to each other within one process.

#![forbid(unsafe_code)]

pub mod abi;
mod buffer;
mod cart;
mod collective;
mod comm;
mod datatype;
mod error;
pub mod functions;
mod host;
mod info;
mod keyval;
mod mailbox;
mod memory;
mod message;
mod op;
mod progress;
mod rank;
mod request;
mod status;
mod sync;
mod table;
mod transfer;
mod world;

pub use error::{Aborted, Class, Error, Fault, Stop};
pub use host::{Callback, Host};
pub use memory::{BadAddress, Memory, within};
pub use rank::Rank;
pub use world::{Options, World};
