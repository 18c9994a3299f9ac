//! Functions that are being stored.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use faasm_model::Name;

use crate::upload::Kind;

/// A function among those of its user.
pub(super) type Slot = (Kind, Name);

/// Uploads that have passed the quota, and of which nobody knows yet whether they will be stored.
#[derive(Clone, Default)]
pub(super) struct Uploads(Arc<Inner>);

#[derive(Default)]
struct Inner {
    by_user: DashMap<Name, Vec<Upload>>,
    count: AtomicU64,
}

struct Upload {
    number: u64,
    slot: Slot,
    bytes: u64,
}

/// An upload that counts until this is dropped.
pub(crate) struct Room {
    uploads: Uploads,
    user: Name,
    number: u64,
}

impl Uploads {
    /// Lets an upload of so many bytes begin, if the user has at most `most` with it, however the
    /// others end; or if it is no more than what it replaces. `stored` tells what there is. Otherwise, how
    /// many bytes there would be.
    pub(super) fn begin(
        &self,
        user: &Name,
        slot: Slot,
        bytes: u64,
        most: u64,
        stored: impl FnOnce() -> Vec<(Slot, u64)>,
    ) -> Result<Room, u64> {
        // One at a time looks and is counted: what one of them finds free, no other does.
        let mut uploads = self.0.by_user.entry(user.clone()).or_default();
        // In place of what they replace, where that is less.
        let mut coming: HashMap<&Slot, u64> = HashMap::from([(&slot, bytes)]);
        for upload in uploads.iter() {
            let largest = coming.entry(&upload.slot).or_default();
            *largest = upload.bytes.max(*largest);
        }
        let (mut then, mut replaced) = (0_u64, 0);
        for (there, size) in stored() {
            if there == slot {
                replaced = size;
            }
            let coming = coming.remove(&there).unwrap_or(0);
            then = then.saturating_add(size.max(coming));
        }
        then = coming
            .values()
            .fold(then, |sum, more| sum.saturating_add(*more));
        // Who is over a limit that was lowered may still change what is there, and make less of it.
        if then > most && bytes > replaced {
            let is_idle = uploads.is_empty();
            drop(uploads);
            if is_idle {
                self.forget(user);
            }
            return Err(then);
        }
        let number = self.0.count.fetch_add(1, Ordering::Relaxed);
        uploads.push(Upload {
            number,
            slot,
            bytes,
        });
        Ok(Room {
            uploads: self.clone(),
            user: user.clone(),
            number,
        })
    }

    /// Users without uploads are not remembered: others could be made up without end.
    fn forget(&self, user: &Name) {
        self.0
            .by_user
            .remove_if(user, |_, uploads| uploads.is_empty());
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(mut uploads) = self.uploads.0.by_user.get_mut(&self.user) {
            uploads.retain(|upload| upload.number != self.number);
        }
        self.uploads.forget(&self.user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// An upload of `demo`, who may have 100 bytes.
    fn begin(
        uploads: &Uploads,
        function: &str,
        bytes: u64,
        stored: &[(&str, u64)],
    ) -> Result<Room, u64> {
        let slot = |function: &str| (Kind::Wasm, name(function));
        let stored = || {
            stored
                .iter()
                .map(|(function, size)| (slot(function), *size))
                .collect()
        };
        uploads.begin(&name("demo"), slot(function), bytes, 100, stored)
    }

    #[test]
    fn uploads_count_until_they_have_ended_and_nobody_is_remembered_then() {
        let uploads = Uploads::default();
        let first = begin(&uploads, "a", 60, &[]).ok();
        assert_eq!(begin(&uploads, "b", 41, &[]).err(), Some(101));
        let second = begin(&uploads, "b", 40, &[]).ok();
        // Stored, and not yet given back: it counts once.
        assert_eq!(begin(&uploads, "c", 1, &[("a", 60)]).err(), Some(101));
        drop(second);
        assert!(begin(&uploads, "c", 40, &[("a", 60)]).is_ok());
        drop(first);
        assert_eq!(begin(&uploads, "b", 101, &[]).err(), Some(101));
        assert!(uploads.0.by_user.is_empty());
    }

    #[test]
    fn what_is_replaced_counts_as_the_larger_of_the_two() {
        let uploads = Uploads::default();
        let smaller = begin(&uploads, "a", 10, &[("a", 60)]).ok();
        assert_eq!(begin(&uploads, "b", 41, &[("a", 60)]).err(), Some(101));
        drop(smaller);
        let larger = begin(&uploads, "a", 90, &[("a", 60)]).ok();
        let again = begin(&uploads, "a", 100, &[("a", 60)]).ok();
        assert!(larger.is_some() && again.is_some());
        assert_eq!(begin(&uploads, "b", 1, &[("a", 60)]).err(), Some(101));
        // Over a limit that was lowered.
        assert!(begin(&uploads, "a", 120, &[("a", 120)]).is_ok());
        assert!(begin(&uploads, "a", 121, &[("a", 120)]).is_err());
    }

    #[test]
    fn a_python_function_is_another_one() {
        let uploads = Uploads::default();
        let _module = begin(&uploads, "a", 60, &[]).unwrap();
        let python = (Kind::Python, name("a"));
        let both = uploads.begin(&name("demo"), python.clone(), 41, 100, Vec::new);
        assert_eq!(both.err(), Some(101));
        let others = uploads.begin(&name("other"), python, 100, 100, Vec::new);
        assert!(others.is_ok());
    }
}
