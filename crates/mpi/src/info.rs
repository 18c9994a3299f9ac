//! Hints: keys and values.

use crate::error::{Class, Result};
use crate::held::{Account, Held};

/// What an entry takes beside its text, in bytes.
const ENTRY: usize = 64;

/// An `MPI_Info`.
#[derive(Debug)]
pub(crate) struct Info {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    held: Held,
}

impl Info {
    pub(crate) fn new(account: &Account) -> Self {
        Self {
            entries: Vec::new(),
            held: account.nothing(),
        }
    }

    pub(crate) fn copy(&self) -> Result<Self> {
        Ok(Self {
            held: self.held.again()?,
            entries: self.entries.clone(),
        })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|(name, _)| name == key);
        entry.map(|(_, value)| value.as_slice())
    }

    pub(crate) fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.held.grow(weight(&key, &value))?;
        match self.entries.iter().position(|(name, _)| *name == key) {
            Some(index) => {
                let (key, old) = std::mem::replace(&mut self.entries[index], (key, value));
                self.held.shrink(weight(&key, &old));
            }
            None => self.entries.push((key, value)),
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<()> {
        let index = self.entries.iter().position(|(name, _)| name == key);
        let (key, value) = self.entries.remove(index.ok_or(Class::InfoNoKey)?);
        self.held.shrink(weight(&key, &value));
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The keys in the order in which they were set.
    pub(crate) fn key(&self, index: usize) -> Option<&[u8]> {
        self.entries.get(index).map(|(name, _)| name.as_slice())
    }
}

fn weight(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY
}
