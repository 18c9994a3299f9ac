//! What the handlers work with.

use std::ops::Deref;
use std::sync::Arc;

use faasm_auth::Tokens;
use faasm_calls::Calls;
use faasm_state::State;
use faasm_storage::Storage;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::quota::Quotas;
use crate::{HttpOptions, Readiness, Workers};

/// Everything that requests are answered from. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

struct Shared {
    parts: ApiParts,
    quotas: Quotas,
}

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
    /// The tokens that requests need; `None` lets anybody in.
    pub tokens: Option<Tokens>,
    /// The cluster that the server is in.
    pub workers: Option<Arc<dyn Workers>>,
    /// Limits of requests.
    pub options: HttpOptions,
}

impl Api {
    /// Puts the parts together.
    pub fn new(parts: ApiParts) -> Self {
        let quotas = Quotas::new(parts.options.user_quotas.clone());
        Self(Arc::new(Shared { parts, quotas }))
    }

    /// What users are held to.
    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }
}

impl Deref for Api {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.0.parts
    }
}
