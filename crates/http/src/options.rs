//! What an operator can set about HTTP.

use std::str::FromStr;
use std::time::Duration;

use axum::http::HeaderValue;
use faasm_model::{ClusterKey, PerUser, WorldSize};
use faasm_state::tier::MAX_VALUE_BYTES;
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use crate::{Tls, UserQuotas};

/// Settings of the routers and of [`serve`](crate::serve).
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Largest input of a call, in bytes: 16 MiB.
    pub max_input_bytes: u64,
    /// Largest function that can be uploaded, in bytes: 128 MiB.
    pub max_function_bytes: u64,
    /// Largest state value that can be set, in bytes: 2 GiB - 1, which no value can exceed.
    pub max_state_value_bytes: u64,
    /// Largest shared file that can be put, in bytes: 16 GiB.
    pub max_file_bytes: u64,
    /// Ranks of an MPI world whose size a call does not say: 5.
    pub mpi_default_world_size: WorldSize,
    /// What each user may have.
    pub user_quotas: PerUser<UserQuotas>,
    /// Longest time for which a client's `wait_ms` holds an answer: 60 s. A client that
    /// asks for more is answered after this.
    pub max_wait: Duration,
    /// Whose pages may use the API from a browser; `None`, nobody's.
    pub cors_origin: Option<CorsOrigin>,
    /// Whether `/metrics` needs no token.
    pub open_metrics: bool,
    /// What other servers show to use this one's storage. Without it they may on a server without
    /// tokens, as all may, and else not.
    pub cluster_key: Option<ClusterKey>,
    /// The certificate with which a listener speaks TLS; `None`, plain HTTP.
    pub tls: Option<Tls>,
    /// Time for the head of a request to arrive, for TLS to shake hands before that, and for a kept connection to stay idle.
    ///
    /// Not a round number by default (12.5 s): a client that polls every 10 or 15 s would
    /// meet the very moment in which its connection is closed.
    pub header_timeout: Duration,
    /// Longest pause within a request's body: 30 s.
    pub body_idle_timeout: Duration,
    /// Most connections of a listener: 10,000. More wait to be accepted.
    pub max_connections: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            max_input_bytes: 16 << 20,
            max_function_bytes: 128 << 20,
            max_state_value_bytes: MAX_VALUE_BYTES,
            max_file_bytes: 16 << 30,
            mpi_default_world_size: WorldSize::DEFAULT,
            user_quotas: PerUser::default(),
            max_wait: Duration::from_secs(60),
            cors_origin: None,
            open_metrics: false,
            cluster_key: None,
            tls: None,
            header_timeout: Duration::from_millis(12_500),
            body_idle_timeout: Duration::from_secs(30),
            max_connections: 10_000,
        }
    }
}

/// The origin whose pages may use the API from a browser: `*`, or one such as
/// `https://app.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsOrigin(HeaderValue);

/// The text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a CORS origin is `*`, or scheme, host and port without a path: `https://app.example`")]
pub struct InvalidCorsOrigin;

impl FromStr for CorsOrigin {
    type Err = InvalidCorsOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidCorsOrigin> {
        let host = text.split_once("://").map(|(_, host)| host);
        let is_origin = host.is_some_and(|host| {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && b != b'/' && b != b',')
        });
        match text == "*" || is_origin {
            true => HeaderValue::from_str(text)
                .map(Self)
                .map_err(|_| InvalidCorsOrigin),
            false => Err(InvalidCorsOrigin),
        }
    }
}

impl CorsOrigin {
    /// What grants the pages of this origin everything that the API has.
    pub(crate) fn layer(&self) -> CorsLayer {
        let origin = match self.0 == "*" {
            true => AllowOrigin::any(),
            false => AllowOrigin::exact(self.0.clone()),
        };
        CorsLayer::new()
            .allow_origin(origin)
            .allow_methods(Any)
            // A star would leave out the one with the token.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(Any)
            .max_age(Duration::from_secs(600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_star_or_has_a_scheme_and_no_path() {
        for good in ["*", "https://app.example", "http://localhost:3000"] {
            assert!(good.parse::<CorsOrigin>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "app.example",
            "https://",
            "https://a/b",
            "https://a, https://b",
            "x\ny",
        ] {
            assert!(bad.parse::<CorsOrigin>().is_err(), "{bad}");
        }
    }
}
