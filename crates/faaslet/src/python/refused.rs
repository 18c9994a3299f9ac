//! What is wrong with a Python function.

use faasm_model::{Failure, FailureKind};

/// Why an uploaded file or archive cannot be a function.
#[derive(Debug, thiserror::Error)]
pub enum PythonRefused {
    /// It is not Python.
    #[error("{message}{}", place(*line, *column))]
    Syntax {
        /// What Python says.
        message: String,
        /// The line, from 1 on; 0 if it is no particular one.
        line: u32,
        /// The character of the line, from 1 on; 0 if it is no particular one.
        column: u32,
    },
    /// Its top-level code raised an exception, or did what it may not do.
    #[error("importing it failed: {0}")]
    Import(String),
    /// It is neither text nor an archive.
    #[error("not a Python file in UTF-8: {0}")]
    Encoding(std::str::Utf8Error),
    /// The archive cannot be used.
    #[error("the archive cannot be used: {0}")]
    Archive(String),
}

/// A place in a file, to follow a message.
fn place(line: u32, column: u32) -> String {
    match (line, column) {
        (0, _) => String::new(),
        (_, 0) => format!(" (line {line})"),
        _ => format!(" (line {line}, column {column})"),
    }
}

/// What the interpreter says of its own failure.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    kind: Kind,
    line: u32,
    column: u32,
    message: String,
}

/// Classes of the interpreter's failures, by the numbers that it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Exception,
    Syntax,
    Exit,
    Entry,
    Memory,
    Result,
}

impl Failed {
    /// What the interpreter reports; `None` if the kind is unknown.
    pub(crate) fn new(kind: u32, line: u32, column: u32, message: String) -> Option<Self> {
        let kind = match kind {
            1 => Kind::Exception,
            2 => Kind::Syntax,
            3 => Kind::Exit,
            4 => Kind::Entry,
            5 => Kind::Memory,
            6 => Kind::Result,
            _ => return None,
        };
        Some(Self {
            kind,
            line,
            column,
            message,
        })
    }

    /// Why a call failed that ended with `status`.
    pub(crate) fn of_call(self, status: i32) -> Failure {
        let (kind, message) = match self.kind {
            Kind::Exception | Kind::Result => (FailureKind::PythonException, self.message),
            Kind::Syntax => (
                FailureKind::PythonException,
                format!("SyntaxError: {}{}", self.message, place(self.line, 0)),
            ),
            Kind::Entry => (FailureKind::PythonEntry, self.message),
            Kind::Memory => (FailureKind::MemoryLimit, self.message),
            Kind::Exit if self.message.is_empty() => (
                FailureKind::NonZeroReturn,
                format!("the function called sys.exit({status})"),
            ),
            Kind::Exit => (
                FailureKind::NonZeroReturn,
                format!("the function called sys.exit: {}", self.message),
            ),
        };
        Failure { kind, message }
    }

    /// Why an upload is refused; `printed` is what its code has printed.
    pub(crate) fn of_upload(self, printed: &str) -> PythonRefused {
        match self.kind {
            Kind::Syntax => PythonRefused::Syntax {
                message: self.message,
                line: self.line,
                column: self.column,
            },
            Kind::Exit => PythonRefused::Import(format!("it called sys.exit{printed}")),
            _ => PythonRefused::Import(format!("{}{printed}", self.message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: u32, message: &str) -> Failed {
        Failed::new(kind, 3, 7, message.to_owned()).unwrap()
    }

    #[test]
    fn calls_fail_with_the_kind_that_the_interpreter_says() {
        for (kind, message, expected, text) in [
            (
                1,
                "KeyError: 'k'",
                FailureKind::PythonException,
                "KeyError: 'k'",
            ),
            (
                2,
                "bad",
                FailureKind::PythonException,
                "SyntaxError: bad (line 3)",
            ),
            (
                3,
                "",
                FailureKind::NonZeroReturn,
                "the function called sys.exit(9)",
            ),
            (
                3,
                "why",
                FailureKind::NonZeroReturn,
                "the function called sys.exit: why",
            ),
            (4, "no f", FailureKind::PythonEntry, "no f"),
            (5, "MemoryError", FailureKind::MemoryLimit, "MemoryError"),
            (6, "a set", FailureKind::PythonException, "a set"),
        ] {
            let failure = failed(kind, message).of_call(9);
            assert_eq!((failure.kind, failure.message.as_str()), (expected, text));
        }
        assert!(Failed::new(0, 0, 0, String::new()).is_none());
        assert!(Failed::new(7, 0, 0, String::new()).is_none());
    }

    #[test]
    fn an_upload_is_refused_with_the_place_or_with_what_was_printed() {
        let syntax = failed(2, "invalid syntax").of_upload("");
        assert_eq!(syntax.to_string(), "invalid syntax (line 3, column 7)");
        let nowhere = Failed::new(2, 0, 0, "too deep".to_owned()).unwrap();
        assert_eq!(nowhere.clone().of_upload("").to_string(), "too deep");
        assert_eq!(nowhere.of_call(1).message, "SyntaxError: too deep");
        let import = failed(1, "ValueError: x").of_upload("; stdout: \"y\"");
        let text = "importing it failed: ValueError: x; stdout: \"y\"";
        assert_eq!(import.to_string(), text);
    }
}
