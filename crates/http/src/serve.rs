//! The accept loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::HttpOptions;

/// How long nothing is accepted after the system refused to, as when file descriptors run
/// out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Most bytes of a request's head, and of what is read ahead on a connection.
const MAX_HEAD: usize = 128 << 10;

/// Answers the connections of `listener` with `router` until `shutdown`; then accepts no
/// more, closes idle connections, and returns when the requests under way are answered.
///
/// A client that closes its connection drops the future that answers it. Dropping this
/// future closes all connections.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: &HttpOptions,
    shutdown: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(MAX_HEAD);
    // Without a slot nothing would ever be answered; and a semaphore has its own maximum.
    let slots = options.max_connections.clamp(1, Semaphore::MAX_PERMITS);
    let slots = Arc::new(Semaphore::new(slots));
    let mut connections = JoinSet::new();
    while let Some((stream, slot)) = next(&listener, &slots, &shutdown).await {
        while connections.try_join_next().is_some() {}
        let (http, router, shutdown) = (http.clone(), router.clone(), shutdown.clone());
        let (tls, limit) = (options.tls.clone(), options.header_timeout);
        connections.spawn(async move {
            // Answers are small, and a client waits for each.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
            match tls {
                None => connection(http, stream, router, shutdown).await,
                Some(tls) => {
                    let shaken = tokio::select! {
                        shaken = tls.accept(stream, limit) => shaken,
                        () = shutdown.cancelled() => None,
                    };
                    if let Some(stream) = shaken {
                        connection(http, stream, router, shutdown).await;
                    }
                }
            }
            drop(slot);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

type Slot = tokio::sync::OwnedSemaphorePermit;

/// The next connection; `None` at the shutdown.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, Slot)> {
    let accept = async {
        let slot = Arc::clone(slots).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, slot)),
                Err(error) if is_of_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections for now");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        accepted = accept => accepted,
    }
}

/// Whether only the connection that was to be accepted is lost.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

async fn connection(
    http: http1::Builder,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    shutdown: CancellationToken,
) {
    let service = TowerToHyperService::new(router);
    let served = http.serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}
