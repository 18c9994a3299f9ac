//! Whether calls would succeed now.

use std::sync::Arc;

use tokio::sync::watch;

/// What `/readyz` says, told by whoever starts and stops the server. Cheap to clone; all
/// clones are one.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<Phase>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Ready,
    Stopping,
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Starting)))
    }
}

impl Readiness {
    /// Everything that a call needs is there.
    pub fn set_ready(&self) {
        self.0.send_replace(Phase::Ready);
    }

    /// The server goes down: requests that only wait are answered at once.
    pub fn set_stopping(&self) {
        self.0.send_replace(Phase::Stopping);
    }

    /// Why the server is not ready; `None` if it is.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match *self.0.borrow() {
            Phase::Starting => Some("the server is starting"),
            Phase::Ready => None,
            Phase::Stopping => Some("the server is shutting down"),
        }
    }

    /// Waits until the server goes down.
    pub(crate) async fn stopping(&self) {
        let mut phase = self.0.subscribe();
        // The sender lives in `self`, so the wait ends with the phase and not with it.
        let _ = phase.wait_for(|phase| *phase == Phase::Stopping).await;
    }
}
