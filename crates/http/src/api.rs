//! What the handlers work with.

use std::ops::Deref;
use std::sync::Arc;

use faasm_calls::Calls;
use faasm_state::State;
use faasm_storage::Storage;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{HttpOptions, Readiness};

/// Everything that requests are answered from. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<ApiParts>);

/// The parts of an [`Api`].
pub struct ApiParts {
    /// Runs calls, and publishes functions through its Faaslets.
    pub calls: Calls,
    /// Where functions and shared files are.
    pub storage: Storage,
    /// Where state is.
    pub state: State,
    /// What `/metrics` renders; from [`install_metrics`](crate::install_metrics).
    pub metrics: PrometheusHandle,
    /// What `/readyz` says.
    pub readiness: Readiness,
    /// Limits of requests.
    pub options: HttpOptions,
}

impl Api {
    /// Puts the parts together.
    pub fn new(parts: ApiParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Api {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.0
    }
}
