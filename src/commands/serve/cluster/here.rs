//! What the others have this server do.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use faasm_auth::Tokens;
use faasm_calls::Calls;
use faasm_cluster::{Change, Load, News, Worker};
use faasm_faaslet::Faaslets;
use faasm_link::{PeerId, Service};
use faasm_state::State;
use faasm_storage::Storage;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;

use super::others::Others;

/// Pause before what others store is read again.
const AGAIN: Duration = Duration::from_millis(200);

/// This server, as the others know it.
pub struct Here {
    storage: Storage,
    faaslets: Faaslets,
    state: State,
    tokens: Option<Tokens>,
    calls: OnceLock<Calls>,
    others: OnceLock<Weak<Others>>,
}

impl Here {
    pub fn new(
        storage: &Storage,
        faaslets: &Faaslets,
        state: &State,
        tokens: Option<&Tokens>,
    ) -> Arc<Self> {
        Arc::new(Self {
            storage: storage.clone(),
            faaslets: faaslets.clone(),
            state: state.clone(),
            tokens: tokens.cloned(),
            calls: OnceLock::new(),
            others: OnceLock::new(),
        })
    }

    /// What its compiled code fits.
    pub(super) fn engine(&self) -> &str {
        self.faaslets.compatibility().as_str()
    }

    /// Whatever is changed here is announced to the others from now on.
    pub(super) fn tell(&self, others: &Arc<Others>) {
        let _ = self.others.set(Arc::downgrade(others));
        self.storage
            .announce_to(Arc::clone(others) as Arc<dyn faasm_storage::Announce>);
        if let Some(tokens) = &self.tokens {
            let others = Arc::clone(others);
            tokens.announce_to(Box::new(move || {
                let others = Arc::clone(&others);
                async move { others.announce(Change::Tokens).await }.boxed()
            }));
        }
    }

    /// Runs calls for others from now on.
    pub fn serve(&self, calls: &Calls) {
        let _ = self.calls.set(calls.clone());
    }

    async fn apply_one(&self, change: Change) {
        let storage = &self.storage;
        match &change {
            Change::Function(name) => read(|| storage.functions().refresh(name)).await,
            Change::Python(name) => read(|| storage.python().refresh(name)).await,
            Change::File(path) => read(|| storage.files().refresh(path)).await,
            Change::Tokens => self.refresh_tokens().await,
            Change::Flush => self.flush().await,
            other => {
                tracing::warn!(change = %other, "does not know this change, and reads everything");
                self.apply_all().await;
            }
        }
    }

    async fn apply_all(&self) {
        let storage = &self.storage;
        futures::join!(
            read(|| storage.functions().refresh_all()),
            read(|| storage.python().refresh_all()),
            read(|| storage.files().refresh_all()),
        );
        self.refresh_tokens().await;
    }

    async fn flush(&self) {
        self.faaslets.flush();
        if let Err(error) = self.state.flush().await {
            tracing::warn!(%error, "not all state was pushed");
        }
    }

    async fn refresh_tokens(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.refresh().await;
        }
    }
}

/// Reads what others have changed, as often as it takes: what was before must not be used, and a
/// server that cannot read is cut off.
async fn read<F>(refresh: impl Fn() -> F)
where
    F: Future<Output = faasm_storage::Result<()>>,
{
    let mut is_told = false;
    loop {
        match refresh().await {
            Ok(()) => return,
            Err(error @ faasm_storage::Error::UnusableRecord { .. }) => {
                tracing::warn!(%error, "does without what cannot be used");
                return;
            }
            Err(error) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(%error, "cannot read what others store; trying again");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

impl Worker for Here {
    fn load(&self) -> Load {
        self.calls
            .get()
            .map(Calls::load)
            .map_or_else(Load::default, |load| Load {
                running: u32::try_from(load.running).unwrap_or(u32::MAX),
                waiting: u32::try_from(load.waiting).unwrap_or(u32::MAX),
            })
    }

    fn apply(&self, news: News) -> BoxFuture<'_, ()> {
        let apply = async {
            match news {
                News::Everything => self.apply_all().await,
                News::Changes(changes) => {
                    for change in changes {
                        self.apply_one(change).await;
                    }
                }
            }
        };
        apply.boxed()
    }
}

impl Service for Here {
    fn request(&self, from: &PeerId, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>> {
        let (calls, from) = (self.calls.get().cloned(), from.clone());
        let run = async move {
            match calls {
                Some(calls) => calls.answer(from.as_str(), body).await,
                None => Calls::decline(&body),
            }
        };
        // A task of its own, since guests compute in it; it ends with this future.
        let running = AbortOnDropHandle::new(tokio::spawn(run));
        let answer = async { running.await.unwrap_or_else(|error| Err(error.to_string())) };
        answer.boxed()
    }

    fn message(&self, from: &PeerId, stream: u64, body: Bytes) -> BoxFuture<'static, ()> {
        if let Some(calls) = self.calls.get() {
            calls.hear(from.as_str(), stream, &body);
        }
        futures::future::ready(()).boxed()
    }

    fn lost(&self, peer: &PeerId) {
        let others = self.others.get().and_then(Weak::upgrade);
        let address = others.and_then(|others| others.address(peer.as_str()));
        tracing::info!(address, id = %peer, "lost the connection to another server");
        if let Some(calls) = self.calls.get() {
            calls.lost(peer.as_str());
        }
    }
}
