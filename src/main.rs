//! `faasm`: the server and everything to use it with, in one binary.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod compiler;
mod exit;
mod output;
mod units;

fn main() -> std::process::ExitCode {
    match compiler::Called::as_compiler() {
        Some(compiler) => compiler.run(),
        None => cli::run(),
    }
}
