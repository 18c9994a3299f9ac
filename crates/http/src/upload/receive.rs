//! Bodies that are stored.

use axum::body::Body;
use faasm_storage::SpooledFile;

use crate::api::Api;
use crate::body::BodyReader;
use crate::error::ApiError;

/// Streams a body of at most `limit` bytes to disk. Nothing of it stays if this fails or is
/// abandoned.
pub(super) async fn receive(api: &Api, body: Body, limit: u64) -> Result<SpooledFile, ApiError> {
    let mut body = BodyReader::new(body, limit, api.options.body_idle_timeout)?;
    let mut file = api.storage.spool().create(limit);
    while let Some(piece) = body.next().await? {
        file.write(piece).await?;
    }
    Ok(file.finish().await?)
}
