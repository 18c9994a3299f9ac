//! Faasm's HTTP API: turns requests into calls, functions, state and files, and what became of
//! them into answers.
//!
//! [`Api`] holds what requests are answered from. [`upload_router`] and [`invoke_router`]
//! are the two listeners' routers, which [`serve`] runs on a socket.
//!
//! ```no_run
//! # async fn example(calls: faasm_calls::Calls, storage: faasm_storage::Storage,
//! #     state: faasm_state::State) -> Result<(), Box<dyn std::error::Error>> {
//! use faasm_http::{Api, ApiParts, HttpOptions, Readiness, install_metrics, invoke_router, serve};
//! use tokio::net::TcpListener;
//! use tokio_util::sync::CancellationToken;
//!
//! let (options, readiness) = (HttpOptions::default(), Readiness::default());
//! let api = Api::new(ApiParts {
//!     calls,
//!     storage,
//!     state,
//!     metrics: install_metrics()?,
//!     readiness: readiness.clone(),
//!     tokens: None,
//!     workers: None,
//!     options: options.clone(),
//! });
//! let listener = TcpListener::bind("127.0.0.1:8080").await?;
//! readiness.set_ready();
//! serve(listener, invoke_router(api), &options, CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```
//!
//! An error's answer is one line of text, or with `Accept: application/json`
//! `{"error":{"code","message","hint"}}`; its codes are those of [`ErrorCode`].
#![forbid(unsafe_code)]

mod access;
mod api;
mod body;
mod current;
mod detached;
mod download;
mod error;
mod etag;
mod extract;
mod flush;
mod front;
mod health;
mod invoke;
mod json;
mod linger;
mod metrics;
mod openapi;
mod options;
mod page;
mod query;
mod quota;
mod range;
mod readiness;
mod reply;
mod request_id;
mod routes;
mod serve;
mod tls;
mod upload;
mod workers;

pub use api::{Api, ApiParts};
pub use error::ErrorCode;
pub use metrics::{MetricsError, install_metrics};
pub use options::{CorsOrigin, HttpOptions, InvalidCorsOrigin};
pub use quota::UserQuotas;
pub use readiness::Readiness;
pub use routes::{invoke_router, upload_router};
pub use serve::serve;
pub use tls::{Tls, TlsError};
pub use workers::{WorkerInfo, Workers};
