//! Ids of calls, taken from the log in blocks so that a synchronous call waits for no
//! disk.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use faasm_calllog::CallLog;
use faasm_model::CallId;

use crate::sharing::complain;

/// Ids reserved at a time. What is left of a block at the end of the process is skipped.
const BLOCK: u64 = 1 << 20;

/// Hands out ids.
pub(crate) struct Ids {
    log: Arc<dyn CallLog>,
    current: ArcSwap<Block>,
    spare: ArcSwapOption<Block>,
    fetching: AtomicBool,
}

struct Block {
    next: AtomicU64,
    end: u64,
}

/// No ids are at hand: the log could not be written for a long time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoIds;

impl Ids {
    pub(crate) async fn new(log: Arc<dyn CallLog>) -> Result<Arc<Self>, faasm_calllog::Error> {
        let first = log.reserve_ids(BLOCK).await?;
        Ok(Arc::new(Self {
            log,
            current: ArcSwap::from_pointee(Block::new(first)),
            spare: ArcSwapOption::empty(),
            fetching: AtomicBool::new(false),
        }))
    }

    /// The next id.
    pub(crate) fn next(self: &Arc<Self>) -> Result<CallId, NoIds> {
        loop {
            let block = self.current.load();
            let id = block.next.fetch_add(1, Ordering::Relaxed);
            if id < block.end {
                if block.end - id == BLOCK / 2 {
                    self.fetch();
                }
                return CallId::new(id).map_err(|_| NoIds);
            }
            let Some(spare) = self.spare.swap(None) else {
                self.fetch();
                // Another thread may have put the spare in place just now.
                if Arc::ptr_eq(&block, &self.current.load()) {
                    return Err(NoIds);
                }
                continue;
            };
            self.current.store(spare);
        }
    }

    /// Reserves the next block in the background.
    fn fetch(self: &Arc<Self>) {
        if self.spare.load().is_some() || self.fetching.swap(true, Ordering::SeqCst) {
            return;
        }
        let ids = Arc::clone(self);
        tokio::spawn(async move {
            match ids.log.reserve_ids(BLOCK).await {
                Ok(range) => ids.spare.store(Some(Arc::new(Block::new(range)))),
                Err(error) => complain(&error, "cannot reserve call ids"),
            }
            ids.fetching.store(false, Ordering::SeqCst);
        });
    }
}

impl Block {
    fn new(range: Range<u64>) -> Self {
        Self {
            next: AtomicU64::new(range.start),
            end: range.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faasm_calllog::EmbeddedLog;

    #[tokio::test]
    async fn ids_go_on_over_blocks_and_restarts_and_none_comes_twice() {
        let dir = tempfile::tempdir().unwrap();
        let mut last = 0;
        for _ in 0..2 {
            let log: Arc<dyn CallLog> = Arc::new(EmbeddedLog::open(dir.path()).unwrap());
            let ids = Ids::new(Arc::clone(&log)).await.unwrap();
            for _ in 0..BLOCK + 10 {
                let id = loop {
                    match ids.next() {
                        Ok(id) => break id.get(),
                        Err(NoIds) => tokio::task::yield_now().await,
                    }
                };
                assert!(id > last);
                last = id;
            }
            log.close().await;
        }
    }
}
