//! Who locks, and how.

use std::fmt;

use faasm_model::{CallId, FunctionName};

/// A call as a party to locks: who holds and who waits, by the names that people know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The call.
    pub call: CallId,
    /// What it runs.
    pub function: FunctionName,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {} ({})", self.call, self.function)
    }
}

/// What a lock allows to its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// To read, together with other readers.
    Read,
    /// To read and write, alone.
    Write,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

#[cfg(test)]
pub(super) mod samples {
    use faasm_model::{Key, Name, StateKey};

    use super::*;

    pub(crate) fn party(call: u64) -> Party {
        Party {
            call: CallId::new(call).unwrap(),
            function: FunctionName::new("demo", "f").unwrap(),
        }
    }

    pub(crate) fn key(key: &str) -> StateKey {
        StateKey {
            user: Name::new("demo").unwrap(),
            key: Key::new(key).unwrap(),
        }
    }
}
