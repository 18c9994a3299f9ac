//! Calls that ended lately, for those who ask about them by id.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use faasm_model::{CallId, CallSummary, FinishedCall, Name};

use crate::live::Root;

/// The store is split so that calls that end at the same time seldom meet.
const SHARDS: usize = 16;
/// Calls kept in one shard.
const MAX_CALLS: usize = 256;
/// Bytes of their outcomes.
const MAX_BYTES: usize = 2 << 20;

/// The last few thousand calls that ended, within a fixed amount of memory (32 MiB).
pub(crate) struct Recent(Vec<Mutex<Shard>>);

/// Oldest first. Looking one up walks over them, which is rare and short; adding one,
/// which every call does, costs next to nothing.
#[derive(Default)]
struct Shard {
    calls: VecDeque<RecentCall>,
    bytes: usize,
}

/// An ended call, with its root to see how the calls below it got on since.
#[derive(Clone)]
pub(crate) struct RecentCall {
    pub(crate) finished: Arc<FinishedCall>,
    pub(crate) root: Arc<Root>,
}

impl Default for Recent {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl Recent {
    fn shard(&self, id: CallId) -> MutexGuard<'_, Shard> {
        let index = usize::try_from(id.get() % SHARDS as u64).unwrap_or(0);
        self.0[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a call; one too large to keep is left out.
    pub(crate) fn add(&self, call: RecentCall) {
        let size = size(&call.finished);
        if size > MAX_BYTES {
            return;
        }
        let mut shard = self.shard(call.finished.id);
        while shard.calls.len() >= MAX_CALLS || shard.bytes + size > MAX_BYTES {
            shard.drop_oldest();
        }
        shard.bytes += size;
        shard.calls.push_back(call);
    }

    pub(crate) fn get(&self, id: CallId) -> Option<RecentCall> {
        let shard = self.shard(id);
        let mut newest_first = shard.calls.iter().rev();
        newest_first.find(|call| call.finished.id == id).cloned()
    }

    /// Forgets the calls that ended before then, in milliseconds since 1970.
    pub(crate) fn expire(&self, finished_before_ms: u64) {
        for shard in &self.0 {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            while shard
                .oldest()
                .is_some_and(|call| call.finished_at_ms < finished_before_ms)
            {
                shard.drop_oldest();
            }
        }
    }

    /// The calls of one user or of all, below `before`, in no order.
    pub(crate) fn list(&self, user: Option<&Name>, before: Option<CallId>) -> Vec<CallSummary> {
        let mut found = Vec::new();
        for shard in &self.0 {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let calls = shard.calls.iter().map(|call| &call.finished);
            let of_user = calls.filter(|c| user.is_none_or(|user| c.function.user == *user));
            let wanted = of_user.filter(|c| before.is_none_or(|before| c.id < before));
            found.extend(wanted.map(|call| call.summary()));
        }
        found
    }
}

impl Shard {
    fn oldest(&self) -> Option<&FinishedCall> {
        Some(&self.calls.front()?.finished)
    }

    fn drop_oldest(&mut self) {
        if let Some(call) = self.calls.pop_front() {
            self.bytes -= size(&call.finished);
        }
    }
}

fn size(call: &FinishedCall) -> usize {
    // A graph node with its names and its reason is of this order.
    call.outcome.bytes() + 512 * (1 + call.graph.calls.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::LiveCall;
    use faasm_model::{FunctionName, Invocation, Outcome};

    fn ended(id: u64, output: usize) -> RecentCall {
        let function = FunctionName::new("a", "f").unwrap();
        let invocation = Arc::new(Invocation::new(function, ""));
        let live = LiveCall::root(CallId::new(id).unwrap(), invocation, 0);
        let outcome = Outcome {
            output: vec![0; output].into(),
            ..Outcome::default()
        };
        RecentCall {
            finished: Arc::new(live.finished(outcome)),
            root: Arc::clone(&live.root),
        }
    }

    #[test]
    fn the_oldest_calls_go_when_there_is_no_room() {
        let recent = Recent::default();
        let ids = || (1..=300u64).map(|i| i * SHARDS as u64);
        for id in ids() {
            recent.add(ended(id, 16));
        }
        let kept: Vec<_> = ids()
            .filter(|id| recent.get(CallId::new(*id).unwrap()).is_some())
            .collect();
        assert_eq!(kept.len(), MAX_CALLS);
        assert_eq!(kept.first(), Some(&(45 * SHARDS as u64)));
    }

    #[test]
    fn the_memory_is_bounded_and_a_huge_outcome_is_not_kept() {
        let recent = Recent::default();
        for i in 1..=10u64 {
            recent.add(ended(i * SHARDS as u64, 512 << 10));
        }
        assert!(recent.list(None, None).len() < 4);
        recent.add(ended(1, MAX_BYTES + 1));
        assert!(recent.get(CallId::new(1).unwrap()).is_none());
    }
}
