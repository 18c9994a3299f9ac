//! How the program ends: exit codes and the one message of a failure.

use std::process::ExitCode;

use faasm_client::{Error as ClientError, Reason};
use faasm_python::Error as PythonError;
use faasm_toolchain::Error as BuildError;
use serde_json::json;

use crate::output::{Format, Output};

/// The exit codes, as `faasm --help` explains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The call failed.
    CallFailed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// No faasm server was reached.
    Unreachable = 3,
    /// The server refused, or broke off an answer.
    Refused = 4,
    /// A file, a build or a tool on this machine.
    Local = 5,
}

/// A call ended badly.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct CallFailed(pub Reason);

/// The arguments cannot be carried out, which only the verb could tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Something on this machine is wrong, and this is what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Local {
    /// A stable word for scripts.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// An error as it is printed.
#[derive(Debug)]
struct Report {
    exit: Exit,
    code: String,
    message: String,
    hint: Option<String>,
}

/// Prints `error` on stderr and chooses the exit code.
pub fn report(error: &anyhow::Error, out: &Output) -> ExitCode {
    if is_closed_pipe(error) {
        // `faasm … | head` has all it wanted.
        return ExitCode::SUCCESS;
    }
    let report = Report::of(error);
    match out.format() {
        Format::Text => out.error(&report.message, report.hint.as_deref()),
        Format::Json => out.error_json(&json!({ "error": {
            "code": report.code,
            "message": report.message,
            "hint": report.hint,
        }})),
    }
    ExitCode::from(report.exit as u8)
}

impl Report {
    fn of(error: &anyhow::Error) -> Self {
        let (exit, code, hint) =
            error
                .chain()
                .find_map(classify)
                .unwrap_or((Exit::Local, "local".to_owned(), None));
        Self {
            exit,
            code,
            message: message(error),
            hint,
        }
    }
}

fn classify(cause: &(dyn std::error::Error + 'static)) -> Option<(Exit, String, Option<String>)> {
    if let Some(error) = cause.downcast_ref::<ClientError>() {
        return Some(classify_client(error));
    }
    if let Some(error) = cause.downcast_ref::<BuildError>() {
        return Some((Exit::Local, build_code(error).into(), None));
    }
    if cause.is::<PythonError>() {
        return Some((Exit::Local, "python".into(), None));
    }
    if let Some(CallFailed(reason)) = cause.downcast_ref() {
        return Some((Exit::CallFailed, reason.code.clone(), None));
    }
    if let Some(Usage(_)) = cause.downcast_ref() {
        let hint = "`--help` shows how it is used".to_owned();
        return Some((Exit::Usage, "usage".into(), Some(hint)));
    }
    let local = cause.downcast_ref::<Local>()?;
    Some((Exit::Local, local.code.into(), Some(local.hint.clone())))
}

fn classify_client(error: &ClientError) -> (Exit, String, Option<String>) {
    match error {
        ClientError::Unreachable { .. } => {
            let hint =
                "start a server with `faasm serve`, or name one with --upload-url and --invoke-url";
            (Exit::Unreachable, "unreachable".into(), Some(hint.into()))
        }
        ClientError::Protocol { .. } => {
            let hint =
                "check --upload-url and --invoke-url: storing and calling have different ports";
            (Exit::Unreachable, "not_faasm".into(), Some(hint.into()))
        }
        ClientError::Refused {
            code,
            hint,
            retry_after,
            ..
        } => {
            let again =
                retry_after.map(|after| format!("try again in {} s", after.as_secs().max(1)));
            let hint = own_hint(code).map(str::to_owned).or_else(|| hint.clone());
            (Exit::Refused, code.clone(), hint.or(again))
        }
        ClientError::CutShort { .. } => (Exit::Refused, "cut_short".into(), None),
        ClientError::IsADirectory(_) => (Exit::Refused, "is_a_directory".into(), None),
        ClientError::Io { .. } => (Exit::Local, "file".into(), None),
        ClientError::Invalid(_) => (Exit::Usage, "usage".into(), None),
    }
}

/// What to do in terms of verbs, where the server can only name requests.
fn own_hint(code: &str) -> Option<&'static str> {
    match code {
        "function_not_found" => {
            Some("`faasm func ls` lists what is there, and `faasm py ls` what is in Python")
        }
        "route_not_found" => Some(
            "another listener does that, or another server: name a server's upload address with --upload-url, and its invoke address with --invoke-url",
        ),
        "call_not_found" => Some("`faasm calls` lists the calls that are known"),
        "state_not_found" => Some("`faasm state ls` lists the user's keys"),
        "no_token" => Some("set FAASM_TOKEN, or name the token's file with --token-file"),
        "token_not_found" => Some("`faasm token ls` lists the tokens"),
        "file_not_found" => Some("`faasm file ls` lists the shared files"),
        _ => None,
    }
}

/// These errors carry what to do in their text, where the compiler's own words are too.
fn build_code(error: &BuildError) -> &'static str {
    match error {
        BuildError::NoToolchain { .. }
        | BuildError::BrokenWasiSdk { .. }
        | BuildError::NoCxxLibrary { .. } => "toolchain",
        BuildError::Io { .. } | BuildError::NoSource(_) | BuildError::NotEmpty(_) => "file",
        BuildError::BadProject { .. } => "project",
        _ => "build",
    }
}

/// The chain of causes in one line. An error that already speaks for its cause is not
/// followed by it once more.
fn message(error: &anyhow::Error) -> String {
    let mut whole = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if whole.is_empty() {
            whole = cause;
        } else if !whole.contains(&cause) {
            whole = format!("{whole}: {cause}");
        }
    }
    whole
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = |cause: &(dyn std::error::Error + 'static)| {
        let kind = cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        kind == Some(std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::time::Duration;

    #[test]
    fn an_exit_code_tells_whose_fault_it_is_through_any_context() {
        let refused = ClientError::Refused {
            status: 404,
            code: "not_found".into(),
            message: "no function demo/x".into(),
            hint: None,
            position: None,
            retry_after: Some(Duration::from_secs(2)),
        };
        let error = Err::<(), _>(refused).context("calling demo/x").unwrap_err();
        let report = Report::of(&error);
        assert_eq!(
            (report.exit, report.code.as_str()),
            (Exit::Refused, "not_found")
        );
        assert_eq!(report.message, "calling demo/x: no function demo/x");
        assert_eq!(report.hint.as_deref(), Some("try again in 2 s"));
        assert_eq!(Report::of(&anyhow::anyhow!("x")).exit, Exit::Local);
        assert_eq!(Report::of(&Usage("x".into()).into()).exit, Exit::Usage);
    }

    #[test]
    fn what_to_do_is_a_verb_of_the_command_line() {
        let missing = ClientError::Refused {
            status: 404,
            code: "file_not_found".into(),
            message: "there is no x".into(),
            hint: Some("GET /file/ lists the shared files".into()),
            position: None,
            retry_after: None,
        };
        let hint = Report::of(&missing.into()).hint.unwrap();
        assert!(hint.contains("`faasm file ls`"), "{hint}");
    }

    #[test]
    fn a_cause_is_not_said_twice() {
        let error = ClientError::Io {
            path: "f.wasm".into(),
            source: std::io::Error::other("no such thing"),
        };
        assert_eq!(Report::of(&error.into()).message, "f.wasm: no such thing");
    }

    #[test]
    fn a_reader_that_has_enough_is_no_error() {
        let closed = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(is_closed_pipe(
            &anyhow::Error::from(closed).context("printing")
        ));
    }
}
