//! Handles, and what they stand for.

use crate::abi::Handle;
use crate::error::{Class, Result};
use crate::held::{Account, Held};

/// What a handle made at run time is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Comm = 1,
    Group,
    Message,
    Info,
    Request,
    Datatype,
    Op,
    Keyval,
}

impl Kind {
    /// What a wrong handle of this kind is an error of.
    fn class(self) -> Class {
        match self {
            Self::Comm => Class::Comm,
            Self::Group => Class::Group,
            Self::Message | Self::Request => Class::Request,
            Self::Info => Class::Info,
            Self::Datatype => Class::Type,
            Self::Op => Class::Op,
            Self::Keyval => Class::Keyval,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Comm => "communicators",
            Self::Group => "groups",
            Self::Message => "messages",
            Self::Info => "info objects",
            Self::Request => "requests",
            Self::Datatype => "datatypes",
            Self::Op => "operations",
            Self::Keyval => "keys of attributes",
        }
    }
}

/// The things of one kind that a rank has. A handle is the kind in its upper four bits, then twelve
/// that differ for each thing in one place, then sixteen for the place: one that was freed is
/// not mistaken for another.
#[derive(Debug)]
pub(crate) struct Table<T> {
    kind: Kind,
    limit: usize,
    places: Vec<Place<T>>,
    free: Vec<u16>,
    /// For the places.
    held: Held,
}

#[derive(Debug)]
struct Place<T> {
    generation: u16,
    value: Option<T>,
}

const GENERATIONS: u16 = 1 << 12;
const MOST: usize = 1 << 16;

/// What a place takes beside itself, in bytes: room to grow, and what waits for a message.
const BESIDE: usize = 192;

impl<T> Table<T> {
    pub(crate) fn new(kind: Kind, limit: usize, account: &Account) -> Self {
        Self {
            kind,
            limit: limit.min(MOST),
            places: Vec::new(),
            free: Vec::new(),
            held: account.nothing(),
        }
    }

    /// Makes room for one more: the next is not refused.
    pub(crate) fn make_room(&mut self) -> Result<()> {
        if !self.free.is_empty() {
            return Ok(());
        }
        if self.places.len() >= self.limit {
            let (limit, name) = (self.limit, self.kind.name());
            return Err(Class::NoMem.because(format!("a rank may have {limit} {name}")));
        }
        self.held.grow(size_of::<Place<T>>() + BESIDE)?;
        self.free.push(self.places.len() as u16);
        self.places.push(Place {
            generation: 0,
            value: None,
        });
        Ok(())
    }

    pub(crate) fn insert(&mut self, value: T) -> Result<Handle> {
        self.make_room()?;
        let index = self.free.pop().ok_or(Class::Intern)?;
        let place = &mut self.places[usize::from(index)];
        place.value = Some(value);
        let generation = place.generation;
        Ok(self.handle(index, generation))
    }

    fn handle(&self, index: u16, generation: u16) -> Handle {
        let upper = (self.kind as u32) << 28;
        Handle(upper | u32::from(generation) << 16 | u32::from(index))
    }

    fn index(&self, handle: Handle) -> Option<usize> {
        let index = usize::from(handle.0 as u16);
        let generation = self.places.get(index)?.generation;
        (handle == self.handle(index as u16, generation)).then_some(index)
    }

    /// The class of errors about handles of this kind.
    pub(crate) fn unknown(&self, handle: Handle) -> crate::error::Error {
        self.kind
            .class()
            .because(format!("the handle is {handle:?}"))
    }

    pub(crate) fn get(&self, handle: Handle) -> Result<&T> {
        let place = self.index(handle).map(|index| &self.places[index]);
        let value = place.and_then(|place| place.value.as_ref());
        value.ok_or_else(|| self.unknown(handle))
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Result<&mut T> {
        let error = self.unknown(handle);
        let Some(index) = self.index(handle) else {
            return Err(error);
        };
        self.places[index].value.as_mut().ok_or(error)
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Result<T> {
        let error = self.unknown(handle);
        let Some(index) = self.index(handle) else {
            return Err(error);
        };
        let place = &mut self.places[index];
        let value = place.value.take().ok_or(error)?;
        place.generation = (place.generation + 1) % GENERATIONS;
        self.free.push(index as u16);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_handle_is_not_mistaken_for_what_took_its_place() {
        let account = Account::new(1 << 20, &faasm_budget::MemoryBudget::new(1 << 20));
        let mut table = Table::new(Kind::Comm, 1, &account);
        let first = table.insert("first").unwrap();
        assert!(table.insert("no room").is_err());
        assert_eq!(table.remove(first), Ok("first"));
        let second = table.insert("second").unwrap();
        assert_ne!(first, second);
        assert!(table.get(first).is_err() && table.remove(first).is_err());
        assert_eq!(table.get(second), Ok(&"second"));
        assert!(table.get(Handle(7)).is_err());
    }
}
