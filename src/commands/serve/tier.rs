//! Where the state is durable: here, or in a Redis that several servers share.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use faasm_cluster::{RedisOptions, RedisTier};
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier, GlobalTier};

/// Names the cluster that the data directory belongs to, so that no other one is joined by
/// mistake.
const CLUSTER: &str = "cluster";

/// Opens the tier; `dir` is for what this server keeps of the state.
pub async fn open(
    dir: &Path,
    embedded: EmbeddedOptions,
    redis: Option<RedisOptions>,
) -> anyhow::Result<Arc<dyn GlobalTier>> {
    let Some(options) = redis else {
        return Ok(Arc::new(EmbeddedTier::open(dir, embedded)?));
    };
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let path = dir.join(CLUSTER);
    let known = match std::fs::read_to_string(&path) {
        Ok(id) => Some(id.trim().to_owned()).filter(|id| !id.is_empty()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let is_new = known.is_none();
    let options = RedisOptions {
        cluster: known,
        ..options
    };
    let tier = RedisTier::connect(options).await?;
    if is_new {
        std::fs::write(&path, tier.cluster())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    tracing::info!(cluster = tier.cluster(), "the state is in Redis");
    Ok(Arc::new(tier))
}
