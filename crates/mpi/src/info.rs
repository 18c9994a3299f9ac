//! Hints: keys and values.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Class, Result};

/// Most bytes that all hints of a rank may take.
const MAX_BYTES: usize = 1 << 20;

/// What an entry takes beside its text, in bytes.
const ENTRY: usize = 64;

/// What all hints of a rank take, in bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account(Arc<AtomicUsize>);

/// An `MPI_Info`.
#[derive(Debug)]
pub(crate) struct Info {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    account: Account,
    /// What it has taken of the account.
    bytes: usize,
}

impl Account {
    fn take(&self, bytes: usize) -> Result<()> {
        if self.0.fetch_add(bytes, Ordering::Relaxed) + bytes <= MAX_BYTES {
            return Ok(());
        }
        self.0.fetch_sub(bytes, Ordering::Relaxed);
        Err(Class::NoMem.because("the info objects take too much memory"))
    }
}

impl Info {
    pub(crate) fn new(account: &Account) -> Self {
        Self {
            entries: Vec::new(),
            account: account.clone(),
            bytes: 0,
        }
    }

    pub(crate) fn copy(&self) -> Result<Self> {
        self.account.take(self.bytes)?;
        Ok(Self {
            entries: self.entries.clone(),
            account: self.account.clone(),
            bytes: self.bytes,
        })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|(name, _)| name == key);
        entry.map(|(_, value)| value.as_slice())
    }

    pub(crate) fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        let bytes = weight(&key, &value);
        self.account.take(bytes)?;
        self.bytes += bytes;
        match self.entries.iter().position(|(name, _)| *name == key) {
            Some(index) => {
                let old = std::mem::replace(&mut self.entries[index], (key, value));
                self.give(&old);
            }
            None => self.entries.push((key, value)),
        }
        Ok(())
    }

    fn give(&mut self, (key, value): &(Vec<u8>, Vec<u8>)) {
        let bytes = weight(key, value);
        self.bytes -= bytes;
        self.account.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<()> {
        let index = self.entries.iter().position(|(name, _)| name == key);
        let old = self.entries.remove(index.ok_or(Class::InfoNoKey)?);
        self.give(&old);
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

impl Drop for Info {
    fn drop(&mut self) {
        self.account.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
