//! Files that are kept open, for opening one takes longer than reading it.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex};

use faasm_model::ContentHash;

use crate::keyed_locks::locked;

/// Open blobs by hash, those that were used last. Whoever deletes or replaces a blob
/// [forgets](Self::forget) it afterwards: from then on what was there before is not found
/// here.
pub(super) struct Handles {
    max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<ContentHash, Handle>,
    /// Counts uses.
    clock: u64,
    /// Counts what was to be forgotten.
    forgotten: u64,
}

struct Handle {
    file: Arc<File>,
    used: u64,
}

/// When a file was about to be opened.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    forgotten: u64,
}

impl Handles {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            state: Mutex::default(),
        }
    }

    pub(super) fn get(&self, hash: &ContentHash) -> Option<Arc<File>> {
        let mut state = locked(&self.state);
        state.clock += 1;
        let now = state.clock;
        let handle = state.open.get_mut(hash)?;
        handle.used = now;
        Some(Arc::clone(&handle.file))
    }

    /// To be drawn before a file is opened that is to be kept.
    pub(super) fn ticket(&self) -> Ticket {
        let forgotten = locked(&self.state).forgotten;
        Ticket { forgotten }
    }

    /// Keeps `file`, unless anything was forgotten since `ticket` was drawn: it may have
    /// been that.
    pub(super) fn keep(&self, hash: ContentHash, file: &Arc<File>, ticket: Ticket) {
        let mut state = locked(&self.state);
        if self.max == 0 || state.forgotten != ticket.forgotten {
            return;
        }
        let closed = match state.open.len() >= self.max {
            true => state.evict(),
            false => Vec::new(),
        };
        state.clock += 1;
        let (file, used) = (Arc::clone(file), state.clock);
        let replaced = state.open.insert(hash, Handle { file, used });
        drop(state);
        // Closed without the lock, as is what was replaced: that may take a while.
        drop((closed, replaced));
    }

    /// Closes the file with `hash`, which is no longer the one that has this name.
    pub(super) fn forget(&self, hash: &ContentHash) {
        let mut state = locked(&self.state);
        state.forgotten += 1;
        let closed = state.open.remove(hash);
        drop(state);
        drop(closed);
    }
}

impl State {
    /// Takes out an eighth, at least one, that was not used for longest: rarely much work
    /// instead of always some.
    fn evict(&mut self) -> Vec<Handle> {
        let mut used: Vec<u64> = self.open.values().map(|handle| handle.used).collect();
        let eighth = (used.len() / 8).max(1);
        let (_, newest, _) = used.select_nth_unstable(eighth - 1);
        let newest = *newest;
        let old = |_: &ContentHash, handle: &mut Handle| handle.used <= newest;
        self.open
            .extract_if(old)
            .map(|(_, handle)| handle)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<File> {
        Arc::new(tempfile::tempfile().unwrap())
    }

    fn hash(number: usize) -> ContentHash {
        ContentHash::of(&number.to_le_bytes())
    }

    #[test]
    fn what_is_used_stays_and_the_number_is_bounded() {
        for max in [1, 2, 7, 64] {
            let handles = Handles::new(max);
            for number in 0..1000 {
                handles.keep(hash(number), &file(), handles.ticket());
                assert!(locked(&handles.state).open.len() <= max);
                assert!(handles.get(&hash(number)).is_some());
                assert!(
                    max == 1 || handles.get(&hash(0)).is_some(),
                    "{max} {number}"
                );
            }
        }
        let handles = Handles::new(0);
        handles.keep(hash(0), &file(), handles.ticket());
        assert!(handles.get(&hash(0)).is_none());
    }

    #[test]
    fn what_was_opened_before_something_was_forgotten_is_not_kept() {
        let handles = Handles::new(9);
        let early = handles.ticket();
        handles.keep(hash(1), &file(), handles.ticket());
        handles.forget(&hash(1));
        assert!(handles.get(&hash(1)).is_none());
        handles.keep(hash(1), &file(), early);
        assert!(handles.get(&hash(1)).is_none());
        handles.keep(hash(1), &file(), handles.ticket());
        assert!(handles.get(&hash(1)).is_some());
    }

    #[test]
    fn a_file_that_is_forgotten_is_closed() {
        let (handles, file) = (Handles::new(9), file());
        handles.keep(hash(1), &file, handles.ticket());
        assert_eq!(Arc::strong_count(&file), 2);
        handles.forget(&hash(1));
        assert_eq!(Arc::strong_count(&file), 1);
    }
}
