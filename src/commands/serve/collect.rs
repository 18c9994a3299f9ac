//! Clears up in the storage now and then.

use std::time::Duration;

use faasm_storage::{Collector, Storage};
use tokio_util::sync::CancellationToken;

/// Between two runs. What one finds unused the next one deletes, so that this is also how long
/// calls on other servers can go on with what was replaced.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Content that was put later is left alone: it may be of an upload that is under way on another
/// server, and large ones are dated by their beginning.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// Deletes what nothing refers to any more, from time to time, until `stop`. Where the storage is
/// with another server, that one does it.
pub async fn collect(storage: Storage, stop: CancellationToken) {
    let Some(mut collector) = storage.collector() else {
        return;
    };
    let for_ever = async {
        loop {
            tokio::time::sleep(EVERY).await;
            run(&mut collector).await;
        }
    };
    let _ = stop.run_until_cancelled(for_ever).await;
}

/// What goes wrong costs space and nothing else: the next run tries again.
async fn run(collector: &mut Collector) {
    match collector.run(GRACE).await {
        Ok(collected) if collected.left_out > 0 => tracing::warn!(
            records = collected.left_out,
            "nothing is cleared up in the storage: it has records that cannot be used, and unused content may be theirs; upload again what they are of, or delete it"
        ),
        Ok(collected) if collected.objects > 0 => tracing::info!(
            objects = collected.objects,
            bytes = collected.bytes,
            "cleared up in the storage"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot clear up in the storage"),
    }
}
