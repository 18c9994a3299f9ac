//! The local tier over a real global tier, without WebAssembly: a guest's stores through a
//! mapping are made through the mapping's file.
#![allow(clippy::unwrap_used, reason = "a failing test is what a panic is for")]

mod common;
mod limits;
mod mapped;
mod model;
mod sharing;
