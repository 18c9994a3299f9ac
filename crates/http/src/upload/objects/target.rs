//! Which object a request is about.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use faasm_storage::ObjectKey;
use utoipa::IntoParams;

use crate::error::ApiError;

/// The key of an object in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents what is taken apart by hand")]
pub(crate) struct ObjectParams {
    /// The key, with its slashes: `functions/demo/hello.json`
    key: String,
}

/// An object that a storage may have.
pub(crate) struct Target(pub(super) ObjectKey);

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| ApiError::field("key", "is not valid UTF-8"))?;
        let key = params.iter().find(|(name, _)| *name == "key");
        let key = key.map_or("", |(_, key)| key);
        Ok(Self(key.parse::<ObjectKey>()?))
    }
}
