//! Which file or directory a request is about.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use faasm_model::SharedPath;
use utoipa::IntoParams;

use crate::error::{ApiError, ErrorCode};
use crate::extract::{UNESCAPED, is_escaped};

/// The header that names a path.
pub(super) const HEADER: &str = "FilePath";

/// What the URL's part behind `/file/` is called.
pub(super) const PARAMETER: &str = "path";

/// The path of a shared file or directory.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents what is taken apart by hand")]
pub(crate) struct PathParams {
    /// Where functions open it: 1 to 1024 bytes of printable UTF-8, without `.`, `..` and
    /// empty names. A `/` at the beginning is the root, one at the end stands for a directory.
    #[param(rename = "FilePath")]
    path: String,
}

/// Where a file is to be.
pub(crate) struct FilePath(pub(super) SharedPath);

/// What may be there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The directory that everything is in.
    Root,
    /// A directory: the path ends with a slash.
    Directory(SharedPath),
    /// A file or a directory.
    Either(SharedPath),
}

/// A path as the client wrote it.
struct Given {
    /// The header or the parameter that it was in.
    field: &'static str,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for FilePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let given = Given::of(parts, state).await?;
        Ok(Self(given.check(&given.path)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let given = Given::of(parts, state).await?;
        Ok(match given.path.strip_suffix('/') {
            Some("") => Self::Root,
            Some(directory) => Self::Directory(given.check(directory)?),
            None => Self::Either(given.check(&given.path)?),
        })
    }
}

impl Given {
    async fn of<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let in_url = in_url(parts, state).await?;
        let (field, path) = match (in_header(&parts.headers)?, in_url) {
            (Some(header), Some(url)) if !is_same(&header, &url) => {
                let problem = format!("`{HEADER}`: names another path than the URL does");
                return Err(ApiError::new(ErrorCode::InvalidPath, problem));
            }
            (Some(header), _) => (HEADER, header),
            (None, Some(url)) => (PARAMETER, url),
            (None, None) if parts.uri.path().ends_with('/') => (PARAMETER, "/".into()),
            (None, None) => {
                let problem = format!(
                    "the header `{HEADER}` is missing: it names the shared file, or a directory"
                );
                return Err(ApiError::new(ErrorCode::MissingField, problem));
            }
        };
        Ok(Self { field, path })
    }

    fn check(&self, path: &str) -> Result<SharedPath, ApiError> {
        SharedPath::new(path).map_err(|rule| invalid(self.field, rule))
    }
}

fn in_header(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let (value, more) = (values.next(), values.next());
    if more.is_some() {
        return Err(invalid(HEADER, "must be there once"));
    }
    let text = value.map(|value| str::from_utf8(value.as_bytes()));
    let text = text.transpose();
    let text = text.map_err(|_| invalid(HEADER, "is not valid UTF-8"))?;
    Ok(text.map(str::to_owned))
}

/// The path behind `/file/`, decoded; `None` if there is nothing.
async fn in_url<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Option<String>, ApiError> {
    if !is_escaped(parts.uri.path()) {
        return Err(invalid(PARAMETER, UNESCAPED));
    }
    let params = RawPathParams::from_request_parts(parts, state).await;
    let params =
        params.map_err(|_| invalid(PARAMETER, "is not valid UTF-8 where the path is decoded"))?;
    let path = params.iter().find(|(name, _)| *name == PARAMETER);
    Ok(path.map(|(_, path)| path.to_owned()))
}

fn is_same(one: &str, other: &str) -> bool {
    let below_root = |path: &str| path.strip_prefix('/').unwrap_or(path).to_owned();
    below_root(one) == below_root(other)
}

fn invalid(field: &str, rule: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::InvalidPath, format!("`{field}`: {rule}"))
}
