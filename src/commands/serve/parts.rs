//! Wires the parts of the server together.

use std::sync::Arc;
use std::time::Duration;

use faasm_auth::TokenStore;
use faasm_calllog::EmbeddedLog;
use faasm_calls::{Calls, Company};
use faasm_faaslet::{Faaslets, MemoryBudget};
use faasm_http::{Api, ApiParts, Readiness};
use faasm_state::State;
use faasm_state::tier::{EmbeddedTier, GlobalTier};
use faasm_storage::{DataDirLock, Storage};

use super::bound::Listeners;
use super::cluster::{Here, Joined, Joining};
use super::plan::Plan;
use super::settings::Auth;
use super::{python, tokens};

/// The parts of a server that runs.
pub struct Parts {
    api: Api,
    calls: Calls,
    storage: Storage,
    state: State,
    token_store: Option<Arc<dyn TokenStore>>,
    cluster: Option<Joined>,
}

impl Parts {
    /// Opens everything, and takes up calls that wait.
    pub async fn start(mut plan: Plan, readiness: &Readiness) -> anyhow::Result<(Self, Listeners)> {
        let metrics = faasm_http::install_metrics()?;
        let lock = DataDirLock::acquire(&plan.data_dir, "starting")?;
        let joining = match plan.cluster.take() {
            None => None,
            Some(cluster) => Some(Joining::start(cluster, &plan.data_dir).await?),
        };
        let storage = Storage::open_with(lock, plan.storage.clone()).await?;
        if let Some(joining) = &joining {
            joining
                .check_storage(&storage, &plan.storage.location)
                .await?;
        }
        let budget = MemoryBudget::new(plan.faaslets.memory_budget);
        let state = State::new(
            tier(&plan, joining.as_ref()).await?,
            &budget,
            plan.state.clone(),
        )?;
        plan.faaslets.python = python::find(&plan.python)?;
        let faaslets = Faaslets::new(plan.faaslets.clone(), storage.clone(), state.clone())?;
        let token_store = token_store(&plan, joining.as_ref())?;
        let tokens = match &token_store {
            None => None,
            Some(store) => {
                Some(tokens::open(Arc::clone(store), &plan.first_token, &plan.data_dir).await?)
            }
        };
        // Ports are taken before calls of an earlier process are taken up: a server that
        // cannot listen must not run them.
        let listeners = Listeners::bind(plan.upload_addr, plan.invoke_addr).await?;
        python::prepare(&faaslets);
        let here = Here::new(&storage, &faaslets, &state, tokens.as_ref());
        let (cluster, company) = match joining {
            Some(joining) => {
                let (joined, company) = joining.join(&here).await?;
                (Some(joined), company)
            }
            None => {
                let log = EmbeddedLog::open(&plan.data_dir.join("calls"))?;
                (None, Company::Alone(Arc::new(log)))
            }
        };
        let calls = match Calls::start(plan.calls, faaslets, company).await {
            Ok(calls) => calls,
            Err(error) => {
                if let Some(cluster) = &cluster {
                    cluster.leave().await;
                }
                return Err(error.into());
            }
        };
        here.serve(&calls);
        let api = Api::new(ApiParts {
            calls: calls.clone(),
            storage: storage.clone(),
            state: state.clone(),
            metrics,
            readiness: readiness.clone(),
            tokens,
            workers: cluster.as_ref().map(Joined::workers),
            options: plan.http,
        });
        let parts = Self {
            api,
            calls,
            storage,
            state,
            token_store,
            cluster,
        };
        Ok((parts, listeners))
    }

    pub fn api(&self) -> &Api {
        &self.api
    }

    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Takes no new calls, and lets those that run end within `grace`.
    pub async fn end_calls(&self, grace: Duration) {
        self.calls.shut_down(grace).await;
        if let Some(cluster) = &self.cluster {
            cluster.leave().await;
        }
    }

    /// Writes down what is not written yet.
    pub async fn close(self) {
        // What failed calls left is visible to others here, and would be gone.
        if let Err(error) = self.state.flush().await {
            tracing::warn!(%error, "not all state was pushed");
        }
        self.state.close().await;
        if let Some(store) = self.token_store {
            store.close().await;
        }
    }
}

/// Where the state is durable: here, or in what the servers of a cluster share.
async fn tier(plan: &Plan, cluster: Option<&Joining>) -> anyhow::Result<Arc<dyn GlobalTier>> {
    match cluster {
        Some(cluster) => cluster.tier().await,
        None => {
            let dir = plan.data_dir.join("state");
            Ok(Arc::new(EmbeddedTier::open(&dir, plan.tier.clone())?))
        }
    }
}

/// Where tokens are, if there are any.
fn token_store(
    plan: &Plan,
    cluster: Option<&Joining>,
) -> anyhow::Result<Option<Arc<dyn TokenStore>>> {
    match (plan.auth, cluster) {
        (Auth::Off, _) => Ok(None),
        (Auth::Tokens, Some(cluster)) => Ok(Some(Arc::new(cluster.tokens()))),
        (Auth::Tokens, None) => Ok(Some(tokens::embedded(&plan.data_dir)?)),
    }
}
