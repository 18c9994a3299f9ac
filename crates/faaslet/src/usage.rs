//! What a guest has grown, within its limits and the server's memory budget.

use faasm_model::{Failure, FailureKind, Limits};

use faasm_budget::{Charge, UsedUp};

/// Memory and table elements of one Faaslet.
pub(crate) struct Usage {
    charge: Charge,
    /// Charged before the instance was made: the memory it starts with.
    prepaid: u64,
    memory_limit: u64,
    /// Memory that was grown to have state mapped over it: it has a limit of its own, and
    /// takes nothing of the budget.
    state_bytes: u64,
    /// Set while the memory grows by so many bytes, of which so many get state.
    growing_for_state: (u64, u64),
    table_limit: u64,
    table_elements: u64,
    refused: Option<Refused>,
}

/// The last growth that was refused; a guest usually fails soon after.
#[derive(Clone, Copy, Debug)]
enum Refused {
    Memory { wanted: u64, limit: u64 },
    Budget { wanted: u64, used_up: UsedUp },
    Table { wanted: u64, limit: u64 },
}

impl Usage {
    /// Usage of a Faaslet for whose first `prepaid` bytes of memory `charge` has paid.
    pub(crate) fn new(limits: &Limits, charge: Charge, prepaid: u64) -> Self {
        Self {
            charge,
            prepaid,
            memory_limit: limits.memory_bytes,
            state_bytes: 0,
            growing_for_state: (0, 0),
            table_limit: limits.table_elements,
            table_elements: 0,
            refused: None,
        }
    }

    /// Takes over an instance, whose memory is paid for, from the Faaslet that had it.
    pub(crate) fn succeed(&mut self, before: &Self) {
        self.prepaid = 0;
        self.table_elements = before.table_elements;
    }

    /// Says that of the next growth of the memory, by `bytes`, so many get state mapped over
    /// them.
    pub(crate) fn grow_for_state(&mut self, bytes: u64, state: u64) {
        self.growing_for_state = (bytes, state.min(bytes));
    }

    /// Whether the last growth that was refused was one that the memory budget had no room for.
    pub(crate) fn is_out_of_budget(&self) -> bool {
        matches!(self.refused, Some(Refused::Budget { .. }))
    }

    /// Names the limit behind a failure: a guest that was refused memory mostly ends
    /// in a trap or an `abort` that says nothing of it.
    pub(crate) fn explain(&self, failure: &mut Failure) {
        let (kind, why) = match self.refused {
            None => return,
            Some(Refused::Memory { wanted, limit }) => (
                FailureKind::MemoryLimit,
                format!(
                    "memory limit: growing to {wanted} bytes was refused, the limit is {limit}"
                ),
            ),
            Some(Refused::Budget { wanted, used_up }) => (
                FailureKind::MemoryLimit,
                format!("memory budget: growing to {wanted} bytes was refused, {used_up}"),
            ),
            Some(Refused::Table { wanted, limit }) => (
                FailureKind::TableLimit,
                format!(
                    "table limit: growing to {wanted} elements was refused, the limit is {limit}"
                ),
            ),
        };
        match failure.kind {
            FailureKind::Trap | FailureKind::NonZeroReturn | FailureKind::Internal => {
                failure.kind = kind;
                failure.message = format!("{why}; then: {}", failure.message);
            }
            _ => {}
        }
    }
}

impl wasmtime::ResourceLimiter for Usage {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = (desired as u64).saturating_sub(current as u64);
        let state = match std::mem::take(&mut self.growing_for_state) {
            (bytes, state) if bytes == more => state,
            _ => 0,
        };
        let more = more - state;
        let wanted = (desired as u64).saturating_sub(self.state_bytes + state);
        if wanted > self.memory_limit {
            let limit = self.memory_limit;
            self.refused = Some(Refused::Memory { wanted, limit });
            return Ok(false);
        }
        let unpaid = more.saturating_sub(self.prepaid);
        let granted = self.charge.grow(unpaid);
        if granted {
            self.prepaid -= more - unpaid;
            self.state_bytes += state;
        }
        if !granted {
            let used_up = self.charge.used_up(unpaid);
            self.refused = Some(Refused::Budget { wanted, used_up });
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.table_elements + (desired.saturating_sub(current)) as u64;
        if wanted > self.table_limit {
            let limit = self.table_limit;
            self.refused = Some(Refused::Table { wanted, limit });
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }
}
