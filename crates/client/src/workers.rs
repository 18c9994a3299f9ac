//! The servers of a cluster.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::{Client, Error, Listener};

/// A server of a cluster, as it was at most some seconds ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// When it joined, in milliseconds since 1970.
    pub since_ms: u64,
}

#[derive(Deserialize)]
struct List {
    workers: Vec<WorkerInfo>,
}

impl Client {
    /// The servers of the cluster in which the server behind `listener` is; none if it is in none.
    /// Needs a token with the scope `admin`.
    pub async fn list_workers(&self, listener: Listener) -> Result<Vec<WorkerInfo>, Error> {
        let endpoint = self.endpoint(listener);
        let request = endpoint.request(Method::GET, &["workers"]);
        let list: List = endpoint.json(request, self.short()).await?;
        Ok(list.workers)
    }
}
