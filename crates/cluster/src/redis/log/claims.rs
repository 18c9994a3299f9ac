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

    /// The number of the claim to this call, if there is one.
    pub(super) fn of(&self, id: CallId) -> Option<u64> {
        self.lock().get(&id).copied()
    }

    /// This claim is lost or given up. `false` if there is a later one, which stays.
    pub(super) fn end(&self, id: CallId, claim: Option<u64>) -> bool {
        let mut claims = self.lock();
        let is_later = claims.get(&id).is_some_and(|now| Some(*now) != claim);
        if !is_later {
            claims.remove(&id);
        }
        !is_later
    }

    /// The call has ended, and is never claimed again.
    pub(super) fn remove(&self, id: CallId) {
        self.lock().remove(&id);
    }

    pub(super) fn all(&self) -> Vec<CallId> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As scripts are told of it: nothing if there is none.
pub(super) fn told(claim: Option<u64>) -> String {
    claim.map(|claim| claim.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard_of_an_earlier_claim_does_not_end_a_later_one() {
        let (claims, id) = (Claims::default(), CallId::new(7).unwrap());
        claims.add(id, 1);
        claims.add(id, 2);
        assert!(!claims.end(id, Some(1)));
        assert!(!claims.end(id, None));
        assert_eq!(claims.of(id), Some(2));
        assert!(claims.end(id, Some(2)));
        assert!(claims.end(id, Some(2)));
        assert_eq!(claims.of(id), None);
    }
}
