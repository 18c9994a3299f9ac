//! Shared files.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

#[path = "../common/mod.rs"]
mod common;

mod concurrency;
mod damage;
mod directories;
mod full_disk;
mod helpers;
mod kill;
mod lists;
mod many;
mod opening;
mod putting;
mod quota;
mod renaming;
