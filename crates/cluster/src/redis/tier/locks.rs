//! The global locks.

use std::time::Duration;

use faasm_model::StateKey;
use faasm_state::tier::{Fence, Result};

use super::super::link::only;
use super::super::scripts;
use super::RedisTier;

/// Longest lease: far ahead, and still a number that the server takes.
const LONGEST_LEASE: Duration = Duration::from_secs(365 * 24 * 3_600);

/// How long the latest fence of a lock is remembered after its lease. After that no
/// fence of it counts.
const FENCE_MEMORY: Duration = Duration::from_secs(24 * 3_600);

impl RedisTier {
    pub(super) async fn take_lock(&self, key: &StateKey, lease: Duration) -> Result<Option<Fence>> {
        let lease = lease.clamp(Duration::from_millis(1), LONGEST_LEASE);
        let call = self.call_on(&scripts::LOCK, key);
        let call = call
            .arg(lease.as_millis())
            .arg((lease + FENCE_MEMORY).as_millis());
        let fields = self.run(call, &key.user).await?;
        match only(&fields) {
            b"" => Ok(None),
            fence => Ok(Some(Fence(self.number("a fence", fence)?))),
        }
    }

    /// Extends a lease, or ends it when it is 0.
    pub(super) async fn extend(
        &self,
        key: &StateKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<bool> {
        let lease = lease.min(LONGEST_LEASE);
        let call = self.call_on(&scripts::RENEW, key).repeatable().arg(fence.0);
        let call = call
            .arg(lease.as_millis())
            .arg((lease + FENCE_MEMORY).as_millis());
        Ok(only(&self.run(call, &key.user).await?) == b"1")
    }
}
