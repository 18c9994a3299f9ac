//! `faasm`: the server and everything to use it with, in one binary.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod exit;
mod output;
mod units;

fn main() -> std::process::ExitCode {
    cli::run()
}
