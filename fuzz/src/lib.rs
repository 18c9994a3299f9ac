//! What the fuzz targets do with their input. It is here, and not in the targets, so that tests can
//! run it without a fuzzer.

pub mod archive;
#[path = "../../crates/vfs/tests/common/mod.rs"]
mod common;
pub mod descriptors;
mod input;
pub mod paths;
mod watched;
