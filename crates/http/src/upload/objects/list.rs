//! Which objects there are.

use axum::extract::State;
use axum::response::Response;
use faasm_storage::{Lent, ObjectInfo};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::error::ApiError;
use crate::extract::QueryOf;
use crate::reply;

/// Which objects to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ObjectsQuery {
    /// A folder, with its slash: `functions/`, `python/`, `files/`, `code/`, `sources/`,
    /// `content/` or `artifacts/`.
    prefix: String,
    /// Most items of the answer: 1 to 10000, 1000 if left out.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Objects by their keys.
#[derive(Serialize, ToSchema)]
struct Objects<'a> {
    /// The objects.
    objects: Vec<ObjectView<'a>>,
    /// Pass it as `after` for the next page; null if this is the last.
    next: Option<&'a str>,
}

/// An object of the storage.
#[derive(Serialize, ToSchema)]
#[schema(as = Object)]
struct ObjectView<'a> {
    /// Its key.
    key: &'a str,
    /// In bytes.
    size: u64,
    /// When it was put, in milliseconds since 1970.
    modified_at_ms: u64,
}

impl<'a> From<&'a ObjectInfo> for ObjectView<'a> {
    fn from(info: &'a ObjectInfo) -> Self {
        Self {
            key: &info.key,
            size: info.size,
            modified_at_ms: info.modified_at_ms,
        }
    }
}

/// The objects of a folder of this server's storage, for other servers of the cluster.
#[utoipa::path(get, path = "/storage", tag = "storage", params(ObjectsQuery),
    responses((status = 200, description = "A page of objects", body = Objects)),
)]
pub(crate) async fn list_objects(
    State(api): State<Api>,
    QueryOf(query): QueryOf<ObjectsQuery>,
) -> Result<Response, ApiError> {
    let limit = query.limit.unwrap_or(1000);
    if !(1..=Lent::MAX_PAGE).contains(&limit) {
        let rule = format!("must be from 1 to {}", Lent::MAX_PAGE);
        return Err(ApiError::field("limit", rule));
    }
    let lent = api.storage.lent();
    let listed = lent.list(&query.prefix, query.after.as_deref(), limit);
    let page = listed.await?;
    reply::json(&Objects {
        objects: page.items.iter().map(ObjectView::from).collect(),
        next: page.next.as_deref(),
    })
}
