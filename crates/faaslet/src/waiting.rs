//! Work that keeps its thread for longer than a task should.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Lets other tasks of this thread go on elsewhere while `work` waits or computes.
pub(crate) fn may_wait<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
