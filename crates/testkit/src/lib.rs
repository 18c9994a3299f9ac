//! Real servers and real guests for faasm's tests and benchmarks: a server process over
//! real sockets in a directory of its own, and functions compiled from C.
//!
//! A [`Network`] has machines of its own for servers, joined by links that can be cut.
//!
//! Nothing is left behind: a [`Server`] that is dropped is killed, and its directory
//! removed. What it logged is printed when the test failed.
//!
//! ```no_run
//! use faasm_testkit::{Server, c};
//!
//! # async fn example() {
//! let server = Server::start().await;
//! server.put("demo/hi", c(r#"#include <stdio.h>
//!     int main() { puts("hi"); }"#)).await;
//! assert_eq!(server.call("demo/hi", "").await.text(), "hi\n");
//! # }
//! ```
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a failing test is what a panic is for"
)]

mod answer;
mod apart;
mod builder;
mod cluster;
mod guest;
mod network;
mod raw;
mod redis;
mod s3;
mod server;

pub use answer::Answer;
pub use apart::Apart;
pub use builder::{Builder, binary};
pub use cluster::Cluster;
pub use guest::{build, build_mpi, c, cpp, wat_noop};
pub use network::{Fault, Host, Network};
pub use raw::Raw;
pub use redis::Redis;
pub use rustix::process::Signal;
pub use s3::S3;
pub use server::{Server, client, metric};
