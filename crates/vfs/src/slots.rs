//! A table that gives out the lowest free number.

/// Values by number. POSIX wants the lowest number that is free to be given out next.
pub(crate) struct Slots<T> {
    slots: Vec<Option<T>>,
    /// No slot below this one is free.
    full_below: usize,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            full_below: 0,
        }
    }

    /// Whether nothing was ever in it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.slots.is_empty()
    }

    /// One more than the highest number ever given out.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.slots.get_mut(number)?.as_mut()
    }

    /// The number that the next [`insert`](Slots::insert) gives out.
    pub(crate) fn vacant(&mut self) -> usize {
        let rest = &self.slots[self.full_below..];
        self.full_below += rest.iter().position(Option::is_none).unwrap_or(rest.len());
        self.full_below
    }

    pub(crate) fn insert(&mut self, value: T) -> usize {
        let number = self.vacant();
        match self.slots.get_mut(number) {
            Some(slot) => *slot = Some(value),
            None => self.slots.push(Some(value)),
        }
        number
    }

    pub(crate) fn remove(&mut self, number: usize) -> Option<T> {
        let value = self.slots.get_mut(number)?.take()?;
        self.full_below = self.full_below.min(number);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_given_out_whatever_was_removed() {
        let mut slots = Slots::new();
        assert_eq!([0; 4].map(|_| slots.insert('x')), [0, 1, 2, 3]);
        assert_eq!(slots.remove(2), Some('x'));
        assert_eq!(slots.remove(0), Some('x'));
        assert_eq!(slots.remove(0), None);
        assert_eq!([0; 3].map(|_| slots.insert('y')), [0, 2, 4]);
        assert_eq!(slots.get_mut(2), Some(&mut 'y'));
        assert_eq!(slots.get_mut(9), None);
        assert_eq!(slots.len(), 5);
    }
}
