//! The commands that make and change networks.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// Runs a command, written as its words with single spaces, which must succeed.
#[track_caller]
pub fn run(command: &str) {
    attempt(command).unwrap_or_else(|why| panic!("{why}"));
}

/// Runs a command; why it failed, if it did.
pub fn attempt(command: &str) -> Result<(), String> {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let ended = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command}: {error}"))?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{command}: {}",
            String::from_utf8_lossy(&ended.stderr).trim_end()
        )),
    }
}

/// A command that starts a program in a network namespace, or here. It becomes the program, so
/// that a signal for the one is for the other.
pub(crate) fn in_namespace(namespace: Option<&str>, program: impl AsRef<OsStr>) -> Command {
    let Some(namespace) = namespace else {
        return Command::new(program);
    };
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    command
}
