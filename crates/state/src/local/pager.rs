//! Fetching on behalf of code that cannot wait asynchronously: a guest that touches a
//! mapped page whose bytes are not here yet.

use std::ops::Range;
use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc;

use super::region::Region;
use crate::error::{Error, Result};
use crate::tier::GlobalTier;

/// A thread that fetches. It has a runtime of its own: the threads of the server's may
/// all be waiting for it.
#[derive(Clone)]
pub(crate) struct Pager(mpsc::UnboundedSender<Request>);

struct Request {
    region: Arc<Region>,
    range: Range<u64>,
    answer: std::sync::mpsc::SyncSender<Result<()>>,
}

impl Pager {
    pub(crate) fn start(tier: Arc<dyn GlobalTier>) -> std::io::Result<Self> {
        let (sender, mut requests) = mpsc::unbounded_channel::<Request>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serve = async move {
            while let Some(request) = requests.recv().await {
                let tier = Arc::clone(&tier);
                tokio::spawn(async move {
                    let Request {
                        region,
                        range,
                        answer,
                    } = request;
                    let pulled = region.pull(tier.as_ref(), range).await;
                    // Before the answer: whoever holds a value keeps it from being dropped.
                    drop(region);
                    // Whoever asked waits for it.
                    let _ = answer.send(pulled);
                });
            }
        };
        std::thread::Builder::new()
            .name("faasm-pager".into())
            .spawn(move || runtime.block_on(serve))?;
        Ok(Self(sender))
    }

    /// Has a part of a value fetched, and waits for it. The other tasks of this thread go
    /// on elsewhere: one of them may hold what the fetching waits for.
    pub(super) fn pull(&self, region: &Arc<Region>, range: Range<u64>) -> Result<()> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let request = Request {
            region: Arc::clone(region),
            range,
            answer,
        };
        let gone = Error::Internal("the pager has ended");
        self.0.send(request).map_err(|_| gone.clone())?;
        let wait = || answered.recv();
        let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
        let answer = match flavor {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            _ => wait(),
        };
        answer.map_err(|_| gone)?
    }
}
