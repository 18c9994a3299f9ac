//! What workers tell one another.

use std::fmt;

use faasm_model::{FunctionName, SharedPath};

/// Something that was changed for all workers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A function was uploaded or removed.
    Function(FunctionName),
    /// A Python function was uploaded or removed.
    Python(FunctionName),
    /// A shared file was written or removed.
    File(SharedPath),
    /// A token was made or revoked: the tokens are to be read again.
    Tokens,
    /// Everything that is kept in memory is to be dropped.
    Flush,
}

/// What a worker has to apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// These changes, in their order.
    Changes(Vec<Change>),
    /// Any change may have been missed: all that is known is to be read again.
    Everything,
}

impl fmt::Display for Change {
    /// As it is written in the stream.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(name) => write!(f, "function {name}"),
            Self::Python(name) => write!(f, "python {name}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Tokens => f.write_str("tokens"),
            Self::Flush => f.write_str("flush"),
        }
    }
}

impl Change {
    /// Reads what was written; `None` for what this version does not know.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (kind, what) = text.split_once(' ').unwrap_or((text, ""));
        let name = || {
            let (user, function) = what.split_once('/')?;
            FunctionName::new(user, function).ok()
        };
        match kind {
            "function" => Some(Self::Function(name()?)),
            "python" => Some(Self::Python(name()?)),
            "file" => Some(Self::File(SharedPath::new(what).ok()?)),
            "tokens" if what.is_empty() => Some(Self::Tokens),
            "flush" if what.is_empty() => Some(Self::Flush),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_as_they_were_written() {
        let name = FunctionName::new("u", "f.x").unwrap();
        for change in [
            Change::Function(name.clone()),
            Change::Python(name),
            Change::File(SharedPath::new("data/a b").unwrap()),
            Change::Tokens,
            Change::Flush,
        ] {
            assert_eq!(Change::read(&change.to_string()), Some(change));
        }
        for other in [
            "",
            "function",
            "function u",
            "function u/f/g",
            "file /../x",
            "tokens all",
            "burn all",
        ] {
            assert_eq!(Change::read(other), None, "{other}");
        }
    }
}
