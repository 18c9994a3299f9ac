//! Files that are kept open, for opening one takes longer than reading it.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, Weak};

use faasm_model::ContentHash;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keyed_locks::locked;
use crate::{Error, Result};

/// Open blobs by hash: those that somebody has open, so that others share them, and of the
/// rest those that were used last. Whoever deletes or replaces a blob
/// [forgets](Self::forget) it afterwards: from then on what was there before is not found
/// here.
pub(super) struct Handles {
    max_kept: usize,
    max_in_use: usize,
    /// As many as files may still be taken into use.
    free: Arc<Semaphore>,
    state: Mutex<State>,
}

/// A blob that somebody has open. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct OpenBlob {
    file: Arc<File>,
    /// Given back when the last one closes it.
    slot: Slot,
}

/// The right of all who have one file open, together.
type Slot = Arc<OwnedSemaphorePermit>;

#[derive(Default)]
struct State {
    open: HashMap<ContentHash, Handle>,
    /// Counts uses.
    clock: u64,
    /// Counts what was to be forgotten.
    forgotten: u64,
    /// How many were added since some were closed.
    added: usize,
}

struct Handle {
    file: Arc<File>,
    /// Theirs who have it open, if anybody has.
    slot: Weak<OwnedSemaphorePermit>,
    used: u64,
}

/// When a file was about to be opened.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    forgotten: u64,
}

impl Handles {
    /// Keeps up to `max_kept` files open that were used, and lets up to `max_in_use` be open
    /// at the same time.
    pub(super) fn new(max_kept: usize, max_in_use: usize) -> Self {
        let max_in_use = max_in_use.min(Semaphore::MAX_PERMITS);
        Self {
            max_kept,
            max_in_use,
            free: Arc::new(Semaphore::new(max_in_use)),
            state: Mutex::default(),
        }
    }

    /// The blob with `hash`, if it was kept open.
    ///
    /// # Errors
    /// [`Error::TooManyOpen`].
    pub(super) fn get(&self, hash: &ContentHash) -> Result<Option<OpenBlob>> {
        let mut state = locked(&self.state);
        state.clock += 1;
        let now = state.clock;
        let Some(handle) = state.open.get_mut(hash) else {
            return Ok(None);
        };
        let slot = match handle.slot.upgrade() {
            Some(slot) => slot,
            None => self.slot()?,
        };
        handle.slot = Arc::downgrade(&slot);
        handle.used = now;
        let file = Arc::clone(&handle.file);
        Ok(Some(OpenBlob { file, slot }))
    }

    /// A blob that is not kept open, and that `open` opens if one more may be open.
    ///
    /// # Errors
    /// [`Error::TooManyOpen`], or that of `open`.
    pub(super) fn open(
        &self,
        open: impl FnOnce() -> Result<Option<File>>,
    ) -> Result<Option<OpenBlob>> {
        let slot = self.slot()?;
        let opened = open()?.map(Arc::new);
        Ok(opened.map(|file| OpenBlob { file, slot }))
    }

    fn slot(&self) -> Result<Slot> {
        let slot = Arc::clone(&self.free).try_acquire_owned();
        let limit = self.max_in_use;
        slot.map(Arc::new).map_err(|_| Error::TooManyOpen { limit })
    }

    /// To be drawn before a file is opened that is to be kept.
    pub(super) fn ticket(&self) -> Ticket {
        let forgotten = locked(&self.state).forgotten;
        Ticket { forgotten }
    }

    /// Keeps `blob` open, unless anything was forgotten since `ticket` was drawn: it may have
    /// been that.
    pub(super) fn keep(&self, hash: ContentHash, blob: &OpenBlob, ticket: Ticket) {
        let mut state = locked(&self.state);
        if self.max_kept == 0 || state.forgotten != ticket.forgotten {
            return;
        }
        let closed = state.make_room(self.max_kept);
        state.clock += 1;
        state.added += 1;
        let handle = Handle {
            file: Arc::clone(&blob.file),
            slot: Arc::downgrade(&blob.slot),
            used: state.clock,
        };
        let replaced = state.open.insert(hash, handle);
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

impl OpenBlob {
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

impl State {
    /// Takes out files that nobody has open, those that were not used for longest, if there
    /// are more than seven eighths of `max_kept`. It looks at all when it may be worth it:
    /// rarely much work instead of always some.
    fn make_room(&mut self, max_kept: usize) -> Vec<Handle> {
        let open = self.open.len();
        if open < max_kept || self.added < open / 8 {
            return Vec::new();
        }
        self.added = 0;
        let unused = self.open.values().filter(|handle| !handle.is_used());
        let mut unused: Vec<u64> = unused.map(|handle| handle.used).collect();
        let kept = max_kept - (max_kept / 8).max(1);
        let Some(last) = unused.len().checked_sub(kept + 1) else {
            return Vec::new();
        };
        let (_, newest, _) = unused.select_nth_unstable(last);
        let newest = *newest;
        let old = |_: &ContentHash, handle: &mut Handle| !handle.is_used() && handle.used <= newest;
        self.open
            .extract_if(old)
            .map(|(_, handle)| handle)
            .collect()
    }
}

impl Handle {
    /// Whether anybody has it open.
    fn is_used(&self) -> bool {
        self.slot.strong_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(handles: &Handles) -> Result<OpenBlob> {
        let opened = handles.open(|| Ok(Some(tempfile::tempfile().unwrap())));
        opened.map(Option::unwrap)
    }

    /// Opens a file and keeps it.
    fn keep(handles: &Handles, hash: ContentHash) {
        handles.keep(hash, &open(handles).unwrap(), handles.ticket());
    }

    fn is_kept(handles: &Handles, number: usize) -> bool {
        handles.get(&hash(number)).unwrap().is_some()
    }

    fn hash(number: usize) -> ContentHash {
        ContentHash::of(&number.to_le_bytes())
    }

    #[test]
    fn what_is_used_stays_and_the_number_is_bounded() {
        for max in [1, 2, 7, 64] {
            let handles = Handles::new(max, 1);
            for number in 0..1000 {
                keep(&handles, hash(number));
                assert!(locked(&handles.state).open.len() <= max);
                assert!(is_kept(&handles, number));
                assert!(max == 1 || is_kept(&handles, 0), "{max} {number}");
            }
        }
        let handles = Handles::new(0, 1);
        keep(&handles, hash(0));
        assert!(!is_kept(&handles, 0));
    }

    #[test]
    fn what_somebody_has_open_is_shared_however_much_it_is() {
        let handles = Handles::new(8, 200);
        let in_use: Vec<_> = (0..100)
            .map(|number| {
                let blob = open(&handles).unwrap();
                handles.keep(hash(number), &blob, handles.ticket());
                keep(&handles, hash(1000 + number));
                blob
            })
            .collect();
        for (number, blob) in in_use.iter().enumerate() {
            let shared = handles.get(&hash(number)).unwrap().unwrap();
            assert!(Arc::ptr_eq(&shared.file, &blob.file));
        }
        assert_eq!(handles.free.available_permits(), 100);
        drop(in_use);
        for number in 2000..2100 {
            keep(&handles, hash(number));
        }
        assert!(locked(&handles.state).open.len() <= 8);
    }

    #[test]
    fn what_was_opened_before_something_was_forgotten_is_not_kept() {
        let handles = Handles::new(9, 9);
        let early = handles.ticket();
        keep(&handles, hash(1));
        handles.forget(&hash(1));
        assert!(!is_kept(&handles, 1));
        handles.keep(hash(1), &open(&handles).unwrap(), early);
        assert!(!is_kept(&handles, 1));
        keep(&handles, hash(1));
        assert!(is_kept(&handles, 1));
    }

    #[test]
    fn a_file_that_is_forgotten_is_closed() {
        let handles = Handles::new(9, 9);
        let blob = open(&handles).unwrap();
        handles.keep(hash(1), &blob, handles.ticket());
        assert_eq!(Arc::strong_count(&blob.file), 2);
        handles.forget(&hash(1));
        assert_eq!(Arc::strong_count(&blob.file), 1);
    }

    #[test]
    fn a_file_is_in_use_once_however_many_have_it_and_no_more_when_all_closed_it() {
        let handles = Handles::new(9, 2);
        let first = open(&handles).unwrap();
        handles.keep(hash(1), &first, handles.ticket());
        let again = handles.get(&hash(1)).unwrap().unwrap();
        let other = open(&handles).unwrap();
        handles.keep(hash(2), &other, handles.ticket());
        let is_full = || matches!(open(&handles), Err(Error::TooManyOpen { limit: 2 }));
        assert!(is_full());
        drop(first);
        assert!(is_full());
        drop(again);
        drop(open(&handles).unwrap());
        // Kept open, but in use by nobody: that takes a place, too.
        let _third = open(&handles).unwrap();
        let refused = handles.get(&hash(1));
        assert!(matches!(refused, Err(Error::TooManyOpen { limit: 2 })));
        drop(other);
        assert!(is_kept(&handles, 1));
    }
}
