//! Who else is in the cluster.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::error::ApiError;
use crate::reply;

/// A server of the cluster, as it was at most some seconds ago.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Worker)]
pub struct WorkerInfo {
    /// Where the others reach it.
    pub address: String,
    /// Random, and new at every start.
    pub id: String,
    /// How many calls it runs at a time; 0 if it only stores.
    pub capacity: u32,
    /// Calls that run.
    pub running: u32,
    /// Calls that wait for a place there.
    pub waiting: u32,
    /// Its version of faasm.
    pub version: String,
    /// When it joined, in milliseconds since 1970 by the clock of the Redis.
    pub since_ms: u64,
}

/// The servers of a cluster.
pub trait Workers: Send + Sync {
    /// Those that live, this one among them.
    fn list(&self) -> Vec<WorkerInfo>;
}

/// Servers by their addresses.
#[derive(Serialize, ToSchema)]
#[schema(as = Workers)]
struct WorkerList {
    /// None if this server is in no cluster.
    workers: Vec<WorkerInfo>,
}

/// The servers of the cluster.
#[utoipa::path(get, path = "/workers", tag = "server",
    responses((status = 200, description = "All of them", body = WorkerList)),
)]
pub(crate) async fn list_workers(State(api): State<Api>) -> Result<Response, ApiError> {
    let workers = api.workers.as_ref().map(|workers| workers.list());
    let mut workers = workers.unwrap_or_default();
    workers.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
    reply::json(&WorkerList { workers })
}
