//! Compiles C and C++ functions to the WebAssembly modules that faasm runs: finds a
//! clang and a WASI sysroot on the machine, compiles, links, and checks that what is
//! left over is what the server provides.
//!
//! ```no_run
//! use faasm_toolchain::{BuildOptions, Toolchain};
//!
//! let toolchain = Toolchain::find()?;
//! let built = toolchain.build(&BuildOptions::new(["hello.c"], "hello.wasm"))?;
//! println!("{} bytes, imports {:?}", built.size, built.imports);
//! # Ok::<(), faasm_toolchain::Error>(())
//! ```
//!
//! What is built is a WASI command with the exports the server uses: `_start`, and by
//! their own `__wasm_call_ctors`, `__main_void`, `__wasm_call_dtors`, the zygote where
//! there is one, `malloc` and `free`, the memory and the function table. No export runs
//! constructors behind the server's back; `sdk/c/src/start.c` says how.
#![forbid(unsafe_code)]

mod build;
mod clang;
mod driver;
mod error;
mod find;
mod host_interface;
mod inspect;
mod install;
mod options;
mod project;
mod sdk;
mod template;

pub use build::Built;
pub use clang::{Description, Toolchain};
pub use driver::{Driven, Driver};
pub use error::{Error, Undefined};
pub use find::Search;
pub use options::{BuildOptions, OptLevel};
pub use project::{Code, Project};
pub use template::{Template, UnknownTemplate};
