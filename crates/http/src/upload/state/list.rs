//! Lists of users and of their keys.

use axum::extract::State;
use axum::response::Response;
use faasm_model::{Key, Name};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::KeyView;
use crate::access::Caller;
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{QueryOf, UserParams, UserPath, key, name, optional};
use crate::page::{self, PageQuery};
use crate::reply;
use crate::upload::list::Users;

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysQuery {
    /// Only keys that begin with this.
    prefix: Option<String>,
    /// Most items of the answer: 1 to 1000, 100 if left out.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A user's keys, sorted by their bytes.
#[derive(Serialize, ToSchema)]
struct Keys {
    /// The keys.
    keys: Vec<KeyView>,
    /// Pass it as `after` for the next page; null if this is the last.
    #[schema(value_type = Option<String>)]
    next: Option<Key>,
}

/// The users who have state.
#[utoipa::path(get, path = "/s", tag = "state", params(PageQuery),
    responses((status = 200, description = "A page of users", body = Users)),
)]
pub(crate) async fn list_state_users(
    State(api): State<Api>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, ApiError> {
    let after = optional("after", query.after.as_deref(), name)?;
    let limit = page::limit(query.limit)?;
    let users = match caller.users_after(after.as_ref()) {
        None => api.state.users(after.as_ref(), limit).await?,
        Some(users) => {
            let mut with_state = Vec::new();
            for user in users {
                let has_some = !api.state.list(user, "", None, 1).await?.is_empty();
                if has_some && with_state.len() < limit {
                    with_state.push(user.clone());
                }
            }
            with_state
        }
    };
    let next = page::next(&users, limit, Name::clone);
    reply::json(&Users { users, next })
}

/// A user's keys.
#[utoipa::path(get, path = "/s/{user}", tag = "state", params(UserParams, KeysQuery),
    responses((status = 200, description = "A page of keys", body = Keys)),
)]
pub(crate) async fn list_keys(
    State(api): State<Api>,
    UserPath(user): UserPath,
    QueryOf(query): QueryOf<KeysQuery>,
) -> Result<Response, ApiError> {
    let after = optional("after", query.after.as_deref(), key)?;
    let limit = page::limit(query.limit)?;
    let prefix = query.prefix.unwrap_or_default();
    let keys = api
        .state
        .list(&user, &prefix, after.as_ref(), limit)
        .await?;
    let next = page::next(&keys, limit, |listed| listed.key.clone());
    let keys = keys.into_iter().map(KeyView::from).collect();
    reply::json(&Keys { keys, next })
}
