//! Functions' records that are out of force.

use std::sync::{Arc, Mutex};

use super::FunctionRecord;
use crate::keyed_locks::locked;

/// Records out of force, each a holder of its code until nobody has it any more.
#[derive(Default)]
pub(super) struct Retired {
    records: Mutex<Vec<Arc<FunctionRecord>>>,
}

impl Retired {
    /// Takes note that `old` are out of force. Returns those of all such records that nobody
    /// has any more: their code is to be released.
    pub(super) fn add(
        &self,
        old: impl IntoIterator<Item = Arc<FunctionRecord>>,
    ) -> Vec<Arc<FunctionRecord>> {
        let mut records = locked(&self.records);
        records.extend(old);
        // Out of the index, a record that is here alone cannot be shared again.
        records
            .extract_if(.., |record| Arc::get_mut(record).is_some())
            .collect()
    }
}
