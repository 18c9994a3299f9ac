//! A key's lock for all workers, as one call holds it.

use std::sync::Arc;
use std::time::Duration;

use faasm_model::StateKey;
use tokio::task::AbortHandle;

use crate::error::Result;
use crate::tier::{Fence, GlobalTier};

/// How long a lock outlives a holder that cannot renew it.
const LEASE: Duration = Duration::from_secs(30);

/// How often it is renewed: two renewals may be lost.
const RENEWAL: Duration = Duration::from_secs(10);

/// First and longest pause between attempts to take a lock that somebody has.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A held lock. Its lease is renewed until it is released or dropped.
pub(crate) struct GlobalLock {
    tier: Arc<dyn GlobalTier>,
    key: StateKey,
    fence: Fence,
    renewing: AbortHandle,
    released: bool,
}

impl GlobalLock {
    /// Takes the lock of `key`, and waits as long as others have it.
    pub(crate) async fn take(tier: Arc<dyn GlobalTier>, key: StateKey) -> Result<Self> {
        let mut pause = FIRST_PAUSE;
        loop {
            // A task of its own: a lock that was granted to somebody who went away is
            // given back.
            let (asked, wanted) = (Arc::clone(&tier), key.clone());
            let take = async move {
                let fence = asked.lock(&wanted, LEASE).await?;
                Ok::<_, crate::tier::Error>(fence.map(|fence| Self::held(asked, wanted, fence)))
            };
            let taken = tokio::spawn(take).await;
            let taken = taken.map_err(|_| crate::tier::Error::Closed)?;
            if let Some(lock) = taken? {
                return Ok(lock);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn held(tier: Arc<dyn GlobalTier>, key: StateKey, fence: Fence) -> Self {
        let (renewed, name) = (Arc::clone(&tier), key.clone());
        let renew = async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                match renewed.renew(&name, fence, LEASE).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::warn!(key = %name, "a global lock was lost before its holder ended");
                        return;
                    }
                    // The lease lasts for another attempt.
                    Err(error) => {
                        tracing::warn!(key = %name, %error, "a global lock was not renewed")
                    }
                }
            }
        };
        Self {
            renewing: tokio::spawn(renew).abort_handle(),
            tier,
            key,
            fence,
            released: false,
        }
    }

    pub(crate) fn fence(&self) -> Fence {
        self.fence
    }

    /// Gives the lock back.
    pub(crate) async fn release(mut self) -> Result<()> {
        self.renewing.abort();
        self.tier.unlock(&self.key, self.fence).await?;
        self.released = true;
        Ok(())
    }
}

impl Drop for GlobalLock {
    fn drop(&mut self) {
        self.renewing.abort();
        if self.released {
            return;
        }
        let (tier, key, fence) = (Arc::clone(&self.tier), self.key.clone(), self.fence);
        // Outside of a runtime the lease ends it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = tier.unlock(&key, fence).await {
                    tracing::warn!(%key, %error, "a global lock was not given back");
                }
            });
        }
    }
}
