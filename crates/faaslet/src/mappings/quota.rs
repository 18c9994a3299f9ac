//! How many of the kernel's memory mappings state may take. A process that has used up all
//! of them cannot start threads, nor undo mappings.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicIsize, Ordering};

use faasm_state::Error;

/// What state takes in the whole process.
static TAKEN: AtomicIsize = AtomicIsize::new(0);

/// The kernel's default.
const MAX_MAP_COUNT: isize = 65_530;

/// What one Faaslet takes: a mapping for each border between parts that differ.
#[derive(Default)]
pub(super) struct Quota {
    taken: AtomicIsize,
}

impl Quota {
    /// What a new mapping takes: its own, and the rest of the memory behind it.
    pub(super) const MAPPING: isize = 2;

    /// Takes `borders`, or gives them back.
    pub(super) fn change(&self, borders: isize) -> Result<(), Error> {
        let own = self.taken.fetch_add(borders, Ordering::Relaxed) + borders;
        let all = TAKEN.fetch_add(borders, Ordering::Relaxed) + borders;
        if borders > 0 && (own > most_of_a_call() || all > most()) {
            self.taken.fetch_sub(borders, Ordering::Relaxed);
            TAKEN.fetch_sub(borders, Ordering::Relaxed);
            return Err(Error::TooManyMappings);
        }
        Ok(())
    }

    /// Whether this Faaslet has all that one may have.
    pub(super) fn is_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) + Self::MAPPING > most_of_a_call()
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        TAKEN.fetch_sub(*self.taken.get_mut(), Ordering::Relaxed);
    }
}

/// A quarter of what the process may have: Faaslets themselves take most of the rest.
fn most() -> isize {
    static MOST: OnceLock<isize> = OnceLock::new();
    *MOST.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/vm/max_map_count");
        let count = text.ok().and_then(|text| text.trim().parse().ok());
        count.unwrap_or(MAX_MAP_COUNT) / 4
    })
}

fn most_of_a_call() -> isize {
    most() / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_takes_its_share_at_most_and_what_it_gives_back_can_be_taken_again() {
        let quota = Quota::default();
        let share = most_of_a_call();
        assert_eq!(quota.change(share - 1), Ok(()));
        assert!(quota.is_full());
        assert_eq!(quota.change(2), Err(Error::TooManyMappings));
        assert_eq!(quota.change(1), Ok(()));
        assert_eq!(quota.change(-5), Ok(()));
        assert!(!quota.is_full());
        assert_eq!(quota.change(5), Ok(()));
    }
}
