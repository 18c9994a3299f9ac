//! What signals have the server do.

use faasm_http::Tls;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Completes at the first SIGTERM or SIGINT; a second one ends the process as usual.
pub fn stop() -> anyhow::Result<impl Future<Output = ()>> {
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
pub fn reload(tls: Tls) -> std::io::Result<()> {
    let hangup = signal(SignalKind::hangup())?;
    tokio::spawn(reload_on(tls, hangup));
    Ok(())
}

async fn reload_on(tls: Tls, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        match tls.reload() {
            Ok(()) => tracing::info!("read the certificate again"),
            Err(error) => tracing::error!(%error, "kept the certificate that was there"),
        }
    }
}
