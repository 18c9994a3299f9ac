//! Hints: keys and values.

use crate::error::{Class, Result};

/// Most keys in one.
const MAX_KEYS: usize = 1024;

/// An `MPI_Info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info(Vec<(Vec<u8>, Vec<u8>)>);

impl Info {
    pub(crate) const EMPTY: Self = Self(Vec::new());

    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let entry = self.0.iter().find(|(name, _)| name == key);
        entry.map(|(_, value)| value.as_slice())
    }

    pub(crate) fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        if let Some((_, old)) = self.0.iter_mut().find(|(name, _)| *name == key) {
            *old = value;
            return Ok(());
        }
        if self.0.len() == MAX_KEYS {
            return Err(Class::NoMem.because("the info object has too many keys"));
        }
        self.0.push((key, value));
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<()> {
        let index = self.0.iter().position(|(name, _)| name == key);
        self.0.remove(index.ok_or(Class::InfoNoKey)?);
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys in the order in which they were set.
    pub(crate) fn key(&self, index: usize) -> Option<&[u8]> {
        self.0.get(index).map(|(name, _)| name.as_slice())
    }
}
