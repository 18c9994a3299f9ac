//! Tokens: making, listing and revoking them.

use std::fmt;
use std::time::Duration;

use futures::Stream;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::pages::List;
use crate::{Client, Error};

/// A token to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewToken {
    /// What it is for, in words.
    pub label: String,
    /// What it lets its bearer do: `upload`, `invoke`, `read`, `files`, `admin`.
    pub scopes: Vec<String>,
    /// For whom: users, or `*` alone.
    pub users: Vec<String>,
    /// When it no longer counts, from now; `None`, never.
    #[serde(rename = "expires_in_ms", serialize_with = "millis")]
    pub expires_in: Option<Duration>,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Its public part.
    pub id: String,
    /// What it is for, in words.
    pub label: String,
    /// What it lets its bearer do.
    pub scopes: Vec<String>,
    /// For whom: users, or `*` alone.
    pub users: Vec<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// From when on it no longer counts; `None`, never.
    pub expires_at_ms: Option<u64>,
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedToken {
    /// The token itself: nobody can ask for it again.
    pub token: String,
    /// What it is.
    #[serde(flatten)]
    pub info: TokenInfo,
}

impl fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CreatedToken({:?})", self.info)
    }
}

impl Client {
    /// Makes a token; needs one with the scope `admin`.
    pub async fn create_token(&self, new: &NewToken) -> Result<CreatedToken, Error> {
        let request = self.upload().request(Method::POST, &["tokens"]).json(new);
        self.upload().json(request, self.short()).await
    }

    /// The tokens that were made and not revoked, fetched as the stream is read.
    pub fn list_tokens(&self) -> impl Stream<Item = Result<TokenInfo, Error>> + Send + use<> {
        self.list(List::stored(&["tokens"]))
    }

    /// Ends a token.
    pub async fn revoke_token(&self, id: &str) -> Result<(), Error> {
        let request = self.upload().request(Method::DELETE, &["tokens", id]);
        let response = self.upload().send_ok(request, self.short()).await?;
        self.upload().read(response).await.map(drop)
    }
}

fn millis<S: serde::Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    let millis = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    millis.serialize(to)
}
