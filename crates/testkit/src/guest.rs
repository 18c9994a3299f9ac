//! Functions, compiled from source when a test needs them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use faasm_toolchain::{BuildOptions, Toolchain};

/// Compiles a C program; once in a process, however many tests use it.
#[must_use]
pub fn c(source: &str) -> Bytes {
    compile(source, "c")
}

/// Compiles a C++ program.
#[must_use]
pub fn cpp(source: &str) -> Bytes {
    compile(source, "cpp")
}

/// Compiles files, such as an example's.
#[must_use]
pub fn build(sources: &[&Path]) -> Bytes {
    build_with(sources, |_| ())
}

/// Compiles files of a program that uses MPI.
#[must_use]
pub fn build_mpi(sources: &[&Path]) -> Bytes {
    build_with(sources, |options| options.mpi = true)
}

fn build_with(sources: &[&Path], set: impl FnOnce(&mut BuildOptions)) -> Bytes {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("function.wasm");
    let sources: Vec<PathBuf> = sources.iter().map(|path| path.to_path_buf()).collect();
    let mut options = BuildOptions::new(sources, &output);
    set(&mut options);
    let built = toolchain().build(&options);
    built.unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(output).unwrap().into()
}

/// The least function there is, as text.
#[must_use]
pub fn wat_noop() -> &'static str {
    r#"(module (memory (export "memory") 1) (func (export "_start")))"#
}

fn toolchain() -> &'static Toolchain {
    static TOOLCHAIN: OnceLock<Toolchain> = OnceLock::new();
    TOOLCHAIN.get_or_init(|| Toolchain::find().unwrap_or_else(|error| panic!("{error}")))
}

fn compile(source: &str, suffix: &str) -> Bytes {
    type Compiled = Mutex<HashMap<String, Arc<OnceLock<Bytes>>>>;
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    let slot = {
        let mut compiled = COMPILED.get_or_init(Mutex::default).lock().unwrap();
        Arc::clone(compiled.entry(format!("{suffix}:{source}")).or_default())
    };
    let compile = || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("guest.{suffix}"));
        std::fs::write(&path, source).unwrap();
        build(&[&path])
    };
    slot.get_or_init(compile).clone()
}
