//! Tokens: who may do what.
//!
//! A [`Token`] is a secret that a client sends; a server keeps a [`TokenRecord`] of it, which has
//! a hash of the secret and the [`Grant`]: scopes and users. [`TokenStore`] is where records are
//! kept, [`EmbeddedTokens`] keeps them in one database file. [`Tokens`] answers requests from
//! memory, and changes the store.
//!
//! ```
//! use std::sync::Arc;
//! use faasm_auth::{EmbeddedTokens, Grant, Label, NewToken, Scope, Tokens, Users};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let tokens = Tokens::open(Arc::new(EmbeddedTokens::open(dir.path())?)).await?;
//! let grant = Grant::new([Scope::Invoke], Users::only(["demo".parse()?])?)?;
//! let label: Label = "the shop".parse()?;
//! let (token, record) = tokens.create(NewToken { label, grant, expires_at_ms: None }).await?;
//!
//! let found = tokens.check(&token.expose(), faasm_model::now_ms())?;
//! assert!(found.grant.has(Scope::Invoke) && found.grant.reaches("demo"));
//! assert!(!found.grant.has(Scope::Upload) && !found.grant.reaches("other"));
//!
//! assert!(tokens.revoke(record.id).await?);
//! assert!(tokens.check(&token.expose(), faasm_model::now_ms()).is_err());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "conformance")]
pub mod conformance;
mod embedded;
mod error;
mod grant;
mod label;
mod record;
mod scope;
mod store;
mod token;
mod tokens;
mod users;

pub use embedded::EmbeddedTokens;
pub use error::{Error, Rejected, Result};
pub use grant::{Grant, InvalidGrant};
pub use label::{InvalidLabel, Label};
pub use record::{NewToken, TokenRecord};
pub use scope::{InvalidScope, Scope};
pub use store::{MAX_TOKENS, TokenStore};
pub use token::{InvalidTokenId, SecretHash, Token, TokenId};
pub use tokens::{Announce, Tokens};
pub use users::{InvalidUsers, Users};
