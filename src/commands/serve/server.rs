//! Wires the parts of the server together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use faasm_calllog::{CallLog, EmbeddedLog};
use faasm_calls::Calls;
use faasm_faaslet::{Faaslets, MemoryBudget};
use faasm_http::{Api, ApiParts, Readiness, Tls};
use faasm_state::State;
use faasm_storage::{DataDirLock, Storage, StorageOptions};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::plan::Plan;
use super::settings::Auth;
use super::{open_files, python, tier, tokens};
use crate::output::Output;

/// How long clients may take to receive answers at the end of a shutdown.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Serves what `plan` says until a signal comes, then shuts down in order: no new
/// requests, running calls end, the log is closed.
pub async fn serve(mut plan: Plan, out: &Output) -> anyhow::Result<()> {
    // A part of them each: connections and the rest of the server need some, too.
    let part = usize::try_from(open_files::raise() / 4).unwrap_or(usize::MAX);
    plan.state.max_local_values = plan.state.max_local_values.min(part);
    plan.files = plan.files.within_descriptors(part);
    if plan.is_eavesdropped() {
        tracing::warn!(
            "tokens and data go over the network as they are: --tls-cert and --tls-key encrypt them, and so does a proxy"
        );
    }
    let stop = stop_signal()?;
    let metrics = faasm_http::install_metrics()?;
    let lock = DataDirLock::acquire(&plan.data_dir, "starting")?;
    let options = StorageOptions {
        files: plan.files,
        ..StorageOptions::default()
    };
    let storage = Storage::open_with(lock, options).await?;
    let budget = MemoryBudget::new(plan.faaslets.memory_budget);
    let tier = tier::open(&plan.data_dir.join("state"), plan.tier, plan.redis.take()).await?;
    let state = State::new(tier, &budget, plan.state)?;
    plan.faaslets.python = python::find(&plan.python)?;
    let faaslets = Faaslets::new(plan.faaslets, storage.clone(), state.clone())?;
    let log = EmbeddedLog::open(&plan.data_dir.join("calls"))?;
    let log: Arc<dyn CallLog> = Arc::new(log);
    let token_store = match plan.auth {
        Auth::Off => None,
        Auth::Tokens => Some(tokens::embedded(&plan.data_dir)?),
    };
    let tokens = match &token_store {
        None => None,
        Some(store) => Some(tokens::open(Arc::clone(store), &plan.data_dir).await?),
    };
    // Ports are taken before calls of an earlier process are taken up: a server that
    // cannot listen must not run them.
    let upload = listen(plan.upload_addr, "--upload-addr").await?;
    let invoke = listen(plan.invoke_addr, "--invoke-addr").await?;
    python::prepare(&faaslets);
    let calls = Calls::start(plan.calls, faaslets, log).await?;

    let readiness = Readiness::default();
    let api = Api::new(ApiParts {
        calls: calls.clone(),
        storage: storage.clone(),
        state: state.clone(),
        metrics,
        readiness: readiness.clone(),
        tokens,
        options: plan.http.clone(),
    });
    if let Some(tls) = plan.http.tls.clone() {
        tokio::spawn(reload(tls, signal(SignalKind::hangup())?));
    }
    let scheme = plan.http.tls.as_ref().map_or("http", |_| "https");
    let bound = Bound::of(scheme, upload.as_ref(), invoke.as_ref())?;
    storage.lock().update(&bound.to_string())?;
    let shutdown = CancellationToken::new();
    let mut listeners = JoinSet::new();
    let routers = [
        (upload, faasm_http::upload_router(api.clone())),
        (invoke, faasm_http::invoke_router(api)),
    ];
    for (listener, router) in routers {
        let Some(listener) = listener else { continue };
        let (options, shutdown) = (plan.http.clone(), shutdown.clone());
        listeners.spawn(async move {
            faasm_http::serve(listener, router, &options, shutdown).await;
        });
    }
    readiness.set_ready();
    announce(&bound, out)?;

    stop.await;
    tracing::info!("shutting down");
    readiness.set_stopping();
    shutdown.cancel();
    let deadline = Instant::now() + plan.shutdown_grace;
    calls.shut_down(plan.shutdown_grace).await;
    // The calls have ended and only need to be answered; uploads have the rest of the grace.
    let deadline = deadline.max(Instant::now() + LAST_ANSWERS);
    let answered = async { while listeners.join_next().await.is_some() {} };
    if tokio::time::timeout_at(deadline, answered).await.is_err() {
        tracing::warn!("requests still under way were cut off");
    }
    // What failed calls left is visible to others here, and would be gone.
    if let Err(error) = state.flush().await {
        tracing::warn!(%error, "not all state was pushed");
    }
    state.close().await;
    if let Some(store) = token_store {
        store.close().await;
    }
    tracing::info!("shut down");
    Ok(())
}

/// Completes at the first SIGTERM or SIGINT; a second one ends the process as usual.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::warn!("ended by a second signal");
            std::process::exit(130);
        });
    })
}

/// Reads the certificate again at each SIGHUP, as those who renew certificates send it.
async fn reload(tls: Tls, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        match tls.reload() {
            Ok(()) => tracing::info!("read the certificate again"),
            Err(error) => tracing::error!(%error, "kept the certificate that was there"),
        }
    }
}

async fn listen(addr: Option<SocketAddr>, option: &str) -> anyhow::Result<Option<TcpListener>> {
    let Some(addr) = addr else { return Ok(None) };
    let listener = TcpListener::bind(addr).await.with_context(|| {
        format!("cannot listen on {addr}; choose another address with {option}")
    })?;
    Ok(Some(listener))
}

/// Where the server listens.
struct Bound {
    scheme: &'static str,
    upload: Option<SocketAddr>,
    invoke: Option<SocketAddr>,
}

impl Bound {
    fn of(
        scheme: &'static str,
        upload: Option<&TcpListener>,
        invoke: Option<&TcpListener>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            scheme,
            upload: upload.map(TcpListener::local_addr).transpose()?,
            invoke: invoke.map(TcpListener::local_addr).transpose()?,
        })
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |addr: Option<SocketAddr>| match addr {
            Some(addr) => format!("{}://{addr}", self.scheme),
            None => "off".to_owned(),
        };
        write!(
            f,
            "upload {}, invoke {}",
            show(self.upload),
            show(self.invoke)
        )
    }
}

/// The line by which programs learn where the server listens.
#[derive(Serialize)]
struct Listening {
    event: &'static str,
    upload: Option<SocketAddr>,
    invoke: Option<SocketAddr>,
}

fn announce(bound: &Bound, out: &Output) -> std::io::Result<()> {
    let json = Listening {
        event: "listening",
        upload: bound.upload,
        invoke: bound.invoke,
    };
    out.answer(&json, format_args!("faasm listens: {bound}"))
}
