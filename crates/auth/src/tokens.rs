//! The tokens of a server, at hand for every request.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use faasm_model::now_ms;
use tokio::sync::Mutex;

use crate::{Error, NewToken, Rejected, Result, Token, TokenId, TokenRecord, TokenStore};

/// Most tokens: all of them are in memory.
const MAX_TOKENS: usize = 100_000;

/// Between two attempts to read what has changed.
const RETRY: Duration = Duration::from_millis(200);

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
        })))
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
    /// only place where its secret is.
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
            let _turn = inner.turn.lock().await;
            if inner.known.load().len() >= MAX_TOKENS {
                return Err(Error::TooMany(MAX_TOKENS));
            }
            inner.store.add(added.clone()).await?;
            inner.change(|known| drop(known.insert(added.id, Arc::new(added))));
            Ok(())
        })
        .await?;
        Ok(record)
    }

    /// Ends a token; `false` if there is none of that id. No check that begins after this lets it
    /// through.
    ///
    /// # Errors
    /// Those of the store. The token has ended here all the same, and may count again after a
    /// restart: revoke it once more when the store is well.
    pub async fn revoke(&self, id: TokenId) -> Result<bool> {
        self.to_its_end(async move |inner| {
            let _turn = inner.turn.lock().await;
            inner.change(|known| drop(known.remove(&id)));
            inner.store.remove(id).await
        })
        .await
    }

    /// All tokens, also those that have expired, by their ids.
    pub fn list(&self) -> Vec<Arc<TokenRecord>> {
        let mut all: Vec<_> = self.0.known.load().values().cloned().collect();
        all.sort_unstable_by_key(|record| record.id);
        all
    }

    /// Keeps what is in memory as the store has it while others change that; never returns.
    pub async fn follow(&self) -> std::convert::Infallible {
        loop {
            self.0.store.changed().await;
            // Until it is read, what was revoked elsewhere still counts here.
            while let Err(error) = self.reload().await {
                tracing::error!(%error, "cannot read the tokens that have changed");
                tokio::time::sleep(RETRY).await;
            }
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
