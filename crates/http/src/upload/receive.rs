//! Bodies that are stored.

use faasm_storage::SpooledFile;

use crate::api::Api;
use crate::body::BodyReader;
use crate::error::ApiError;

/// Streams `body` to disk. Nothing of it stays if this fails or is abandoned.
pub(super) async fn receive(api: &Api, mut body: BodyReader) -> Result<SpooledFile, ApiError> {
    let mut file = api.storage.spool().create(body.limit());
    while let Some(piece) = body.next().await? {
        file.write(piece).await?;
    }
    Ok(file.finish().await?)
}
