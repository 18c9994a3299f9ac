//! The same C as a program of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::report::Missing;

/// Compiles with `-O3`, with the compiler of functions if it has a code generator for this
/// machine, or with the `clang` on the path.
pub fn compile(
    sources: &[&Path],
    flags: &[&str],
    output: &Path,
) -> anyhow::Result<Result<PathBuf, Missing>> {
    let of_functions = faasm_toolchain::Toolchain::find()?.describe().clang;
    let mut said = String::new();
    for clang in [of_functions.as_path(), Path::new("clang")] {
        let mut command = Command::new(clang);
        // No contraction, as WebAssembly has none: the results must be the same.
        command.args(["-O3", "-ffp-contract=off"]).args(flags);
        command.args(sources).arg("-lm").arg("-o").arg(output);
        match command.output() {
            Ok(ended) if ended.status.success() => return Ok(Ok(output.to_owned())),
            Ok(ended) => said += &String::from_utf8_lossy(&ended.stderr),
            Err(_) => {}
        }
    }
    // An error in the source is not a missing compiler.
    if said.contains(": error: ") {
        bail!("{said}");
    }
    Ok(Err(Missing {
        peer: "a clang for this machine, with a static C library".to_owned(),
        install: "apt-get install clang libc6-dev".to_owned(),
    }))
}
