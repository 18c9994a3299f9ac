//! The tokens of a server, at hand for every request.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use faasm_model::now_ms;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use crate::{
    Error, MAX_TOKENS, NewToken, Rejected, Result, Token, TokenId, TokenRecord, TokenStore,
};

/// Between two attempts to read what has changed.
const RETRY: Duration = Duration::from_millis(200);

/// Tells all servers with the same store to [`refresh`](Tokens::refresh), and returns when they
/// have; or else why some may not have.
pub type Announce =
    Box<dyn Fn() -> BoxFuture<'static, std::result::Result<(), String>> + Send + Sync>;

/// All tokens, in memory as they are in a [`TokenStore`]. Cheap to clone; all clones are one.
///
/// [`check`](Self::check) takes no lock and waits for nothing. A change is seen by every check
/// that begins after it was answered.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    store: Arc<dyn TokenStore>,
    known: ArcSwap<Known>,
    /// One change at a time, to the store and to what is known of it.
    turn: Mutex<()>,
    /// How other servers are told of changes.
    announce: OnceLock<Announce>,
}

type Known = HashMap<TokenId, Arc<TokenRecord>>;

impl Tokens {
    /// Reads all tokens of `store`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open(store: Arc<dyn TokenStore>) -> Result<Self> {
        let known = read(store.as_ref()).await?;
        Ok(Self(Arc::new(Inner {
            store,
            known: ArcSwap::from_pointee(known),
            turn: Mutex::new(()),
            announce: OnceLock::new(),
        })))
    }

    /// Has all changes from now on announced before they are answered. Only the first `announce`
    /// counts. It may call [`refresh`](Self::refresh) here, too.
    pub fn announce_to(&self, announce: Announce) {
        // A second one is one too many.
        let _ = self.0.announce.set(announce);
    }

    /// What the bearer of `text` may do.
    ///
    /// # Errors
    /// [`Rejected`] if it is no token, or one that does not count at `now_ms`, in milliseconds since
    /// 1970.
    pub fn check(
        &self,
        text: &str,
        now_ms: u64,
    ) -> std::result::Result<Arc<TokenRecord>, Rejected> {
        let token = Token::parse(text)?;
        let known = self.0.known.load();
        let record = known.get(&token.id()).ok_or(Rejected::Unknown)?;
        if !record.hash.is_of(&token) {
            return Err(Rejected::Unknown);
        }
        match record.is_expired(now_ms) {
            true => Err(Rejected::Expired),
            false => Ok(Arc::clone(record)),
        }
    }

    /// Makes a token. It counts, and is durable, when this returns; what is returned of it is the
    /// only place where its secret is. On other servers it counts, too, unless they could not be
    /// told: then the log says so, and it does as soon as they have heard.
    ///
    /// # Errors
    /// [`Error::TooMany`]; [`Error::NoRandomness`]; those of the store.
    pub async fn create(&self, new: NewToken) -> Result<(Token, TokenRecord)> {
        let token = Token::generate()?;
        let record = self.add(&token, new).await?;
        Ok((token, record))
    }

    /// Has a token that was made before count from now on.
    ///
    /// # Errors
    /// [`Error::TooMany`]; those of the store.
    pub async fn add(&self, token: &Token, new: NewToken) -> Result<TokenRecord> {
        let record = TokenRecord {
            id: token.id(),
            hash: token.hash(),
            label: new.label,
            grant: new.grant,
            created_at_ms: now_ms(),
            expires_at_ms: new.expires_at_ms,
        };
        let added = record.clone();
        self.to_its_end(async move |inner| {
            let turn = inner.turn.lock().await;
            if inner.known.load().len() >= MAX_TOKENS {
                return Err(Error::TooMany(MAX_TOKENS));
            }
            inner.store.add(added.clone()).await?;
            inner.change(|known| drop(known.insert(added.id, Arc::new(added))));
            drop(turn);
            if let Err(error) = inner.announce().await {
                tracing::warn!(error, "other servers may not know a new token yet");
            }
            Ok(())
        })
        .await?;
        Ok(record)
    }

    /// Ends a token; `false` if there is none of that id. No check that begins after this lets it
    /// through, on any server that is [told](Self::announce_to).
    ///
    /// # Errors
    /// Those of the store. The token has ended here all the same, and may count again when the
    /// tokens are read again: revoke it once more when the store is well.
    /// [`Error::Unannounced`]: it has ended here and in the store, and other servers may not know.
    pub async fn revoke(&self, id: TokenId) -> Result<bool> {
        self.to_its_end(async move |inner| {
            let turn = inner.turn.lock().await;
            inner.change(|known| drop(known.remove(&id)));
            let removed = inner.store.remove(id).await?;
            drop(turn);
            // Also if there is none: whoever removed it may have failed to tell.
            let announced = inner.announce().await;
            announced.map_err(|why| Error::Unannounced { id, why })?;
            Ok(removed)
        })
        .await
    }

    /// All tokens, also those that have expired, by their ids.
    pub fn list(&self) -> Vec<Arc<TokenRecord>> {
        let mut all: Vec<_> = self.0.known.load().values().cloned().collect();
        all.sort_unstable_by_key(|record| record.id);
        all
    }

    /// Reads all tokens again, as others may have changed them; tries until that succeeds or the
    /// store is closed. Whatever was changed before this was called is known when it returns.
    pub async fn refresh(&self) {
        loop {
            match self.reload().await {
                Ok(()) | Err(Error::Closed) => return,
                // Until they are read, what was revoked elsewhere still counts here.
                Err(error) => tracing::error!(%error, "cannot read the tokens that have changed"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Keeps what is in memory as the store has it while others change that; never returns.
    pub async fn follow(&self) -> std::convert::Infallible {
        loop {
            self.0.store.changed().await;
            self.refresh().await;
        }
    }

    async fn reload(&self) -> Result<()> {
        let _turn = self.0.turn.lock().await;
        let known = read(self.0.store.as_ref()).await?;
        self.0.known.store(Arc::new(known));
        Ok(())
    }

    /// Runs a change in a task of its own: who asked for it may go away half way through.
    async fn to_its_end<T, F, R>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Inner>) -> R,
        R: Future<Output = Result<T>> + Send + 'static,
    {
        let task = tokio::spawn(change(Arc::clone(&self.0)));
        task.await.unwrap_or(Err(Error::Closed))
    }
}

impl Inner {
    /// Not to be called by whoever has the turn: this server is told as well.
    async fn announce(&self) -> std::result::Result<(), String> {
        match self.announce.get() {
            Some(announce) => announce().await,
            None => Ok(()),
        }
    }

    /// Only to be called by whoever has the turn.
    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = Known::clone(&self.known.load());
        change(&mut known);
        self.known.store(Arc::new(known));
    }
}

async fn read(store: &dyn TokenStore) -> Result<Known> {
    let all = store.all().await?.into_iter();
    Ok(all.map(|record| (record.id, Arc::new(record))).collect())
}
