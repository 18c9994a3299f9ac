//! The handles by which a guest knows the calls it has made.

use std::sync::Arc;

use faasm_model::{CallId, Outcome};

/// Handles 1, 2, … of one Faaslet.
#[derive(Debug, Default)]
pub(crate) struct Handles(Vec<Handle>);

/// A call that the guest has made.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) id: CallId,
    /// Kept, so that awaiting twice gives the same answer twice.
    pub(crate) outcome: Option<Arc<Outcome>>,
}

impl Handles {
    /// The handle of a new call.
    pub(crate) fn add(&mut self, id: CallId) -> u32 {
        self.0.push(Handle { id, outcome: None });
        // Bounded far below by the limit of chained calls.
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, handle: u32) -> Option<&Handle> {
        self.0.get(index(handle)?)
    }

    pub(crate) fn finish(&mut self, handle: u32, outcome: Arc<Outcome>) {
        if let Some(entry) = index(handle).and_then(|i| self.0.get_mut(i)) {
            entry.outcome = Some(outcome);
        }
    }
}

fn index(handle: u32) -> Option<usize> {
    usize::try_from(handle).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_count_from_one_and_unknown_ones_are_none() {
        let mut handles = Handles::default();
        assert_eq!(handles.add(CallId::new(77).unwrap()), 1);
        assert_eq!(handles.add(CallId::new(78).unwrap()), 2);
        assert_eq!(handles.get(2).unwrap().id.get(), 78);
        assert!(handles.get(0).is_none());
        assert!(handles.get(3).is_none());
    }
}
