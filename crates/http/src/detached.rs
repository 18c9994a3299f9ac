//! Work that goes on when the client goes away.

use crate::error::ApiError;

/// Does `work` to its end, though the one who waits for it be gone: a change that has
/// begun must become known to this worker, too.
pub(crate) async fn detached<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(error) => Err(ApiError::internal("the server failed to answer", error)),
    }
}
