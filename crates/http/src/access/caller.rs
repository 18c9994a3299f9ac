//! Who sent a request, for handlers.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use faasm_auth::{Scope, TokenRecord};
use faasm_calls::{CallState, Refused};
use faasm_model::{CallId, FileAccess, Name};

use crate::api::Api;
use crate::error::{ApiError, ErrorCode};

/// Who sent a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Anybody, on a server without tokens: there is nothing that they may not do.
    Anybody,
    /// Who bears this token.
    Bearer(Arc<TokenRecord>),
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        if api.tokens.is_none() {
            return Ok(Self::Anybody);
        }
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| ApiError::internal("the server failed to check the token", "no guard"))
    }
}

impl Caller {
    /// Refuses a token that has none of `scopes`.
    pub(crate) fn needs(&self, scopes: &[Scope]) -> Result<(), ApiError> {
        let Self::Bearer(token) = self else {
            return Ok(());
        };
        match scopes.iter().any(|scope| token.grant.has(*scope)) {
            true => Ok(()),
            false => {
                let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
                let names = names.join(" or ");
                let problem =
                    format!("this needs the scope {names}, which the token does not have");
                Err(ApiError::new(ErrorCode::Forbidden, problem))
            }
        }
    }

    /// What the calls that it makes may do with shared files.
    pub(crate) fn files(&self) -> FileAccess {
        match self {
            Self::Bearer(token) if !token.grant.has(Scope::Files) => FileAccess::Read,
            Self::Anybody | Self::Bearer(_) => FileAccess::Write,
        }
    }

    /// Refuses a token that is not for `user`.
    pub(crate) fn needs_user(&self, user: &str) -> Result<(), ApiError> {
        match self.reaches(user) {
            true => Ok(()),
            false => {
                let problem = format!("the token is not for the user {user}");
                Err(ApiError::new(ErrorCode::Forbidden, problem))
            }
        }
    }

    /// Refuses a token that is for some users only.
    pub(crate) fn needs_all_users(&self) -> Result<(), ApiError> {
        match self.users() {
            None => Ok(()),
            Some(_) => {
                let problem = "this is about all users, and the token is for some";
                Err(ApiError::new(ErrorCode::Forbidden, problem))
            }
        }
    }

    /// Whether it may know what this user has.
    pub(crate) fn reaches(&self, user: &str) -> bool {
        match self {
            Self::Anybody => true,
            Self::Bearer(token) => token.grant.reaches(user),
        }
    }

    /// The users whom it reaches, in their order; `None` for all.
    pub(crate) fn users(&self) -> Option<impl Iterator<Item = &Name>> {
        match self {
            Self::Anybody => None,
            Self::Bearer(token) => token.grant.users().names(),
        }
    }

    /// The same behind `after`, for lists.
    pub(crate) fn users_after(&self, after: Option<&Name>) -> Option<impl Iterator<Item = &Name>> {
        let users = self.users()?;
        Some(users.filter(move |user| after.is_none_or(|after| *user > after)))
    }

    /// Answers for another user's call as if there were none of that id: ids tell nothing.
    pub(crate) async fn needs_call(&self, api: &Api, id: CallId) -> Result<(), ApiError> {
        if self.users().is_none() {
            return Ok(());
        }
        let state = api.calls.state(id, std::time::Duration::ZERO).await?;
        let user = match &state {
            CallState::Running(call) => &call.function.user,
            CallState::Finished(call) => &call.function.user,
        };
        match self.reaches(user.as_str()) {
            true => Ok(()),
            false => Err(Refused::UnknownCall(id).into()),
        }
    }
}
