//! Lists of users and of their functions.

use axum::extract::State;
use axum::response::Response;
use faasm_model::Name;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::FunctionView;
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{QueryOf, UserParams, UserPath, name, optional};
use crate::page::{self, PageQuery};
use crate::reply;

/// Users, sorted.
#[derive(Serialize, ToSchema)]
pub(super) struct Users {
    /// Those who have something of what is listed.
    #[schema(value_type = Vec<String>)]
    pub(super) users: Vec<Name>,
    /// Pass it as `after` for the next page; null if this is the last.
    #[schema(value_type = Option<String>)]
    pub(super) next: Option<Name>,
}

/// A user's functions, sorted by name.
#[derive(Serialize, ToSchema)]
struct Functions<'a> {
    /// The functions.
    functions: Vec<FunctionView<'a>>,
    /// Pass it as `after` for the next page; null if this is the last.
    #[schema(value_type = Option<String>)]
    next: Option<Name>,
}

/// The users who have functions.
#[utoipa::path(get, path = "/f", tag = "functions", params(PageQuery),
    responses((status = 200, description = "A page of users", body = Users)),
)]
pub(crate) async fn list_users(
    State(api): State<Api>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, ApiError> {
    let after = optional("after", query.after.as_deref(), name)?;
    let page = api
        .storage
        .functions()
        .users(after.as_ref(), page::limit(query.limit)?);
    reply::json(&Users {
        users: page.items,
        next: page.next,
    })
}

/// A user's functions.
#[utoipa::path(get, path = "/f/{user}", tag = "functions", params(UserParams, PageQuery),
    responses((status = 200, description = "A page of functions", body = Functions)),
)]
pub(crate) async fn list_functions(
    State(api): State<Api>,
    UserPath(user): UserPath,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, ApiError> {
    let after = optional("after", query.after.as_deref(), name)?;
    let limit = page::limit(query.limit)?;
    let page = api.storage.functions().list(&user, after.as_ref(), limit);
    reply::json(&Functions {
        functions: page
            .items
            .iter()
            .map(|record| record.as_ref().into())
            .collect(),
        next: page.next.clone(),
    })
}
