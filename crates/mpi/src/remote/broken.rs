//! Messages of other parts that cannot be taken.

use std::fmt;

/// What becomes of a message.
pub(super) type Taken = Result<(), Broken>;

/// Why a message of another part cannot be taken.
pub(super) enum Broken {
    /// It does not fit what was sent before: what it is.
    Nonsense(&'static str),
    NoMemory,
    Mismatch(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nonsense(what) => write!(
                f,
                "another server sent a message of MPI that makes no sense, {what}; run one version everywhere"
            ),
            Self::NoMemory => {
                f.write_str("the server's memory budget has no room for what ranks elsewhere sent")
            }
            Self::Mismatch(what) => f.write_str(what),
        }
    }
}
