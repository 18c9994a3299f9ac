//! The calls that this worker has, each with the number of its claim.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use faasm_model::CallId;

/// A table of claims. The number of a claim tells it from earlier and later ones to the
/// same call.
#[derive(Default)]
pub(super) struct Claims(Mutex<HashMap<CallId, u64>>);

impl Claims {
    pub(super) fn add(&self, id: CallId, claim: u64) {
        self.lock().insert(id, claim);
    }

    pub(super) fn remove(&self, id: CallId) {
        self.lock().remove(&id);
    }

    /// As scripts are told of it: nothing if there is none.
    pub(super) fn of(&self, id: CallId) -> String {
        self.lock().get(&id).map(u64::to_string).unwrap_or_default()
    }

    pub(super) fn all(&self) -> Vec<CallId> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
