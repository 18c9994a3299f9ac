//! The versions of what takes part.

use std::collections::BTreeMap;
use std::path::Path;

use crate::tools::{self, Tool};

/// Of the compilers, of wasmtime and of the peers.
pub fn all() -> BTreeMap<String, String> {
    let rustc = Tool {
        name: "rustc",
        install: "",
    };
    let tools = [
        &rustc,
        &tools::WRK,
        &tools::REDIS,
        &tools::WASMTIME,
        &tools::PYTHON,
        &tools::MPIRUN,
    ];
    let mut versions: BTreeMap<_, _> = tools
        .into_iter()
        .map(|tool| (tool.name.to_owned(), tool.version()))
        .collect();
    let clang = faasm_toolchain::Toolchain::find().map(|found| found.describe().version);
    let clang = clang.unwrap_or_else(|error| error.to_string());
    versions.insert("clang, for functions".to_owned(), clang);
    let embedded = embedded_wasmtime().unwrap_or_else(|| "unknown".to_owned());
    let python = faasm_python::Runtime::find().map(|found| match found {
        Some(found) => format!("{} {} ({})", found.name(), found.version(), found.id()),
        None => "not installed".to_owned(),
    });
    let python = python.unwrap_or_else(|error| error.to_string());
    versions.insert("Python, for functions".to_owned(), python);
    versions.insert("wasmtime, in faasm and bare".to_owned(), embedded);
    versions
}

/// The library has no constant for it.
fn embedded_wasmtime() -> Option<String> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = std::fs::read_to_string(lock).ok()?;
    let (_, rest) = lock.split_once("name = \"wasmtime\"\nversion = \"")?;
    Some(rest.split('"').next()?.to_owned())
}
