//! Names of engine versions.

use std::fmt;

use faasm_model::Name;

use crate::{Error, Result};

/// What native code depends on: the engine's version, its settings and the machine.
/// Written as a name is: 1 to 128 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Compat(Name);

impl Compat {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`Error::InvalidCompat`] if it cannot be a directory's name.
    pub fn new(text: &str) -> Result<Self> {
        let name = Name::new(text).map_err(|_| Error::InvalidCompat(text.to_owned()))?;
        Ok(Self(name))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
