//! Starts the server, and ends it in order.

use std::time::Duration;

use faasm_http::{Api, HttpOptions, Readiness};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bound::Listeners;
use super::collect::collect;
use super::parts::Parts;
use super::plan::Plan;
use super::{open_files, signals};
use crate::output::Output;

/// How long clients may take to receive answers at the end of a shutdown.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Serves what `plan` says until a signal comes, then shuts down in order: no new
/// requests, running calls end, the log is closed.
pub async fn serve(mut plan: Plan, out: &Output) -> anyhow::Result<()> {
    limit_to_descriptors(&mut plan);
    if plan.is_eavesdropped() {
        tracing::warn!(
            "tokens and data go over the network as they are: --tls-cert and --tls-key encrypt them, and so does a proxy"
        );
    }
    let stop = signals::stop()?;
    let (options, grace) = (plan.http.clone(), plan.shutdown_grace);
    let has_uploads = plan.upload_addr.is_some();
    let readiness = Readiness::default();
    let (parts, listeners) = Parts::start(plan, &readiness).await?;
    if let Some(tls) = options.tls.clone() {
        signals::reload(tls)?;
    }
    let bound = listeners.bound(options.tls.as_ref().map_or("http", |_| "https"))?;
    parts.storage().lock().update(&bound.to_string())?;
    let shutdown = CancellationToken::new();
    let mut serving = spawn(listeners, parts.api(), &options, &shutdown);
    if has_uploads {
        serving.spawn(collect(parts.storage().clone(), shutdown.clone()));
    }
    readiness.set_ready();
    bound.announce(out)?;

    stop.await;
    tracing::info!("shutting down");
    readiness.set_stopping();
    shutdown.cancel();
    let deadline = Instant::now() + grace;
    parts.end_calls(grace).await;
    // The calls have ended and only need to be answered; uploads have the rest of the grace.
    let deadline = deadline.max(Instant::now() + LAST_ANSWERS);
    let answered = async { while serving.join_next().await.is_some() {} };
    if tokio::time::timeout_at(deadline, answered).await.is_err() {
        tracing::warn!("requests still under way were cut off");
    }
    parts.close().await;
    tracing::info!("shut down");
    Ok(())
}

/// Open files are for the state and for shared files, a part each: connections and the rest of
/// the server need some, too.
fn limit_to_descriptors(plan: &mut Plan) {
    let part = usize::try_from(open_files::raise() / 4).unwrap_or(usize::MAX);
    plan.state.max_local_values = plan.state.max_local_values.min(part);
    plan.storage.files = plan.storage.files.within_descriptors(part);
}

/// Serves both listeners, each in a task.
fn spawn(
    listeners: Listeners,
    api: &Api,
    options: &HttpOptions,
    shutdown: &CancellationToken,
) -> JoinSet<()> {
    let routers = [
        (listeners.upload, faasm_http::upload_router(api.clone())),
        (listeners.invoke, faasm_http::invoke_router(api.clone())),
    ];
    let mut serving = JoinSet::new();
    for (listener, router) in routers {
        let Some(listener) = listener else { continue };
        let (options, shutdown) = (options.clone(), shutdown.clone());
        serving.spawn(async move {
            faasm_http::serve(listener, router, &options, shutdown).await;
        });
    }
    serving
}
