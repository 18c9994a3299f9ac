//! Lists of users and of their functions.

use axum::extract::State;
use axum::response::Response;
use faasm_model::Name;
use faasm_storage::Page;
use serde::Serialize;
use utoipa::ToSchema;

use super::kind::Kind;
use super::view::FunctionView;
use crate::access::Caller;
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
#[schema(as = Functions)]
pub(super) struct FunctionList<'a> {
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
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, ApiError> {
    users(&api, &caller, Kind::Wasm, &query)
}

/// A page of the users who have functions of that kind, as far as the caller may know of them.
pub(super) fn users(
    api: &Api,
    caller: &Caller,
    kind: Kind,
    query: &PageQuery,
) -> Result<Response, ApiError> {
    let after = optional("after", query.after.as_deref(), name)?;
    let limit = page::limit(query.limit)?;
    let functions = kind.functions(api);
    let page = match caller.users_after(after.as_ref()) {
        None => functions.users(after.as_ref(), limit),
        Some(users) => {
            let has_some = |user: &&Name| !functions.list(user, None, 1).items.is_empty();
            let users: Vec<Name> = users.filter(has_some).take(limit).cloned().collect();
            let next = page::next(&users, limit, Name::clone);
            Page { items: users, next }
        }
    };
    reply::json(&Users {
        users: page.items,
        next: page.next,
    })
}

/// A user's functions.
#[utoipa::path(get, path = "/f/{user}", tag = "functions", params(UserParams, PageQuery),
    responses((status = 200, description = "A page of functions", body = FunctionList)),
)]
pub(crate) async fn list_functions(
    State(api): State<Api>,
    UserPath(user): UserPath,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, ApiError> {
    functions(&api, Kind::Wasm, &user, &query)
}

/// A page of a user's functions of that kind.
pub(super) fn functions(
    api: &Api,
    kind: Kind,
    user: &Name,
    query: &PageQuery,
) -> Result<Response, ApiError> {
    let after = optional("after", query.after.as_deref(), name)?;
    let limit = page::limit(query.limit)?;
    let page = kind.functions(api).list(user, after.as_ref(), limit);
    reply::json(&FunctionList {
        functions: page
            .items
            .iter()
            .map(|record| record.as_ref().into())
            .collect(),
        next: page.next.clone(),
    })
}
