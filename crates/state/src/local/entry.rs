//! One key in this worker.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use faasm_model::StateKey;

use super::account::Account;
use super::push::{Push, Pushed};
use super::region::Region;
use crate::error::{Error, Result};
use crate::tier::{self, Fence, GlobalTier, Meta};

/// A key, and the value that calls find under it now.
pub(crate) struct Entry {
    key: StateKey,
    account: Arc<Account>,
    current: Mutex<Current>,
    /// Held while the current region is chosen or replaced.
    choosing: tokio::sync::Mutex<()>,
    /// Held while something is brought to the global tier. The order of the last set that
    /// is there: older ones must not land on it.
    pushing: tokio::sync::Mutex<u64>,
    used_at: AtomicU64,
}

#[derive(Default)]
struct Current {
    region: Option<Arc<Region>>,
    /// How often the value was set in this worker.
    order: u64,
}

impl Entry {
    pub(super) fn new(key: StateKey, account: Arc<Account>) -> Self {
        Self {
            key,
            account,
            current: Mutex::default(),
            choosing: tokio::sync::Mutex::default(),
            pushing: tokio::sync::Mutex::default(),
            used_at: AtomicU64::new(0),
        }
    }

    pub(crate) fn key(&self) -> &StateKey {
        &self.key
    }

    pub(super) fn touch(&self, now: u64) {
        self.used_at.store(now, Ordering::Relaxed);
    }

    pub(super) fn used_at(&self) -> u64 {
        self.used_at.load(Ordering::Relaxed)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value as calls find it, if it is known here.
    pub(crate) fn region(&self) -> Option<Arc<Region>> {
        self.current().region.clone()
    }

    /// The value; `None` if there is none.
    pub(crate) async fn open(&self, tier: &dyn GlobalTier) -> Result<Option<Arc<Region>>> {
        if let Some(region) = self.region() {
            return Ok(Some(region));
        }
        let _choosing = self.choosing.lock().await;
        self.choose(tier).await
    }

    async fn choose(&self, tier: &dyn GlobalTier) -> Result<Option<Arc<Region>>> {
        if let Some(region) = self.region() {
            return Ok(Some(region));
        }
        let Some((meta, pin)) = tier.open(&self.key).await? else {
            return Ok(None);
        };
        let region = Arc::new(Region::copy_of(meta, pin, &self.account)?);
        self.install_chosen(&region);
        Ok(Some(region))
    }

    /// The value with at least `size` bytes: made, or extended with zeros, if need be.
    /// Also says whether it was.
    pub(crate) async fn at_least(
        &self,
        tier: &dyn GlobalTier,
        size: u64,
    ) -> Result<(Arc<Region>, bool)> {
        if let Some(region) = self.region()
            && region.size() >= size
        {
            return Ok((region, false));
        }
        let _choosing = self.choosing.lock().await;
        match self.choose(tier).await? {
            Some(region) if region.size() >= size => Ok((region, false)),
            Some(region) => {
                region.extend(size)?;
                Ok((region, true))
            }
            None => {
                let region = self.fresh(size)?;
                self.install_chosen(&region);
                Ok((region, true))
            }
        }
    }

    /// A new value of `size` zeros, which nobody sees before it is installed.
    pub(crate) fn fresh(&self, size: u64) -> Result<Arc<Region>> {
        Ok(Arc::new(Region::fresh(size, &self.account)?))
    }

    /// Makes `region` what calls find.
    pub(crate) async fn install(&self, region: &Arc<Region>) {
        let _choosing = self.choosing.lock().await;
        self.install_chosen(region);
    }

    fn install_chosen(&self, region: &Arc<Region>) {
        let mut current = self.current();
        current.order += 1;
        region.inner().order = current.order;
        current.region = Some(Arc::clone(region));
    }

    /// Brings changes of `region` to the global tier: of `chunks`, or all. If the value was
    /// set anew meanwhile there is nothing to do: it is as if that had come later.
    pub(crate) async fn push(
        &self,
        tier: &dyn GlobalTier,
        region: &Region,
        chunks: Option<Vec<usize>>,
        fence: Option<Fence>,
        mask: Option<&Region>,
    ) -> Result<()> {
        let mut pushed = self.pushing.lock().await;
        let (is_new, order) = {
            let inner = region.inner();
            (inner.base.is_none(), inner.order)
        };
        if is_new && order <= *pushed {
            return Ok(());
        }
        let push = Push {
            tier,
            key: &self.key,
            // Of a new value there is nothing in the global tier yet: it goes there whole.
            chunks: chunks
                .filter(|_| !is_new)
                .unwrap_or_else(|| region.changed()),
            fence,
            mask,
        };
        let pushed_now = push.run(region).await;
        if is_new && matches!(pushed_now, Err(Error::Tier(tier::Error::Quota { .. }))) {
            // It can never be pushed, and would take its user's share of the memory for ever.
            self.forget(region);
        }
        let done = pushed_now?;
        match done {
            Pushed::Done if is_new => {
                *pushed = order;
                self.forget_copy_before(region);
            }
            Pushed::Done => {}
            // Set from elsewhere: whoever needs the value next must ask for it.
            Pushed::Superseded => self.forget(region),
        }
        Ok(())
    }

    /// Whether calls find a value that the global tier does not have.
    pub(crate) fn is_new(&self) -> bool {
        self.region().is_some_and(|region| !region.is_pushed())
    }

    /// Has calls no longer find `region`.
    fn forget(&self, region: &Region) {
        let mut current = self.current();
        let found = current.region.as_deref();
        if found.is_some_and(|found| std::ptr::eq(found, region)) {
            current.region = None;
        }
    }

    /// `region` has become the value in the global tier: if calls find a copy of a former
    /// one, because somebody asked for that meanwhile, they must ask again.
    fn forget_copy_before(&self, region: &Region) {
        let mut current = self.current();
        let is_older = |found: &Arc<Region>| {
            !std::ptr::eq(found.as_ref(), region) && found.inner().base.is_some()
        };
        if current.region.as_ref().is_some_and(is_older) {
            current.region = None;
        }
    }

    /// Makes room for a change from outside: `change` sets or deletes the value in the
    /// global tier, and says whether it did. Calls that are running keep what they have
    /// mapped.
    pub(crate) async fn replace<T>(
        &self,
        tier: &dyn GlobalTier,
        change: impl Future<Output = Result<(T, bool)>>,
    ) -> Result<T> {
        let _choosing = self.choosing.lock().await;
        let mut pushed = self.pushing.lock().await;
        // If it fails, or is abandoned, the value may have changed all the same.
        let mut unsure = Unsure(Some(self));
        match change.await {
            Ok((changed, true)) => {
                *pushed = self.next_order();
                Ok(changed)
            }
            Ok((unchanged, false)) => {
                unsure.0 = None;
                Ok(unchanged)
            }
            Err(error) => {
                if error.is_refusal() || self.is_up_to_date(tier).await {
                    unsure.0 = None;
                }
                Err(error)
            }
        }
    }

    /// Whether the region that calls find is a copy of what the global tier has.
    async fn is_up_to_date(&self, tier: &dyn GlobalTier) -> bool {
        let found = self.region();
        let known = found.and_then(|region| region.inner().base.as_ref().map(|b| b.generation));
        match tier.open(&self.key).await {
            Ok(there) => known.is_some() && there.map(|(meta, _pin)| meta.generation) == known,
            Err(_) => false,
        }
    }

    fn next_order(&self) -> u64 {
        let mut current = self.current();
        current.order += 1;
        current.order
    }

    /// Forgets local changes and takes what the global tier has, seen by all who have the
    /// value mapped. A value that was never pushed stays as long as a call has it open.
    pub(crate) async fn refresh(&self, tier: &dyn GlobalTier) -> Result<()> {
        let _choosing = self.choosing.lock().await;
        let mut pushed = self.pushing.lock().await;
        let Some(region) = self.region() else {
            return Ok(());
        };
        let known = region.inner().base.as_ref().map(|base| base.generation);
        let there: Option<Meta> = tier.open(&self.key).await?.map(|(meta, _pin)| meta);
        match (known, there) {
            (Some(known), Some(meta)) if known == meta.generation => {
                region.refresh(tier, meta).await
            }
            // There is nothing to take instead, or somebody is going to push this.
            (None, None) => Ok(()),
            (None, Some(_)) if Arc::strong_count(&region) > 2 => Ok(()),
            (None, Some(_)) => {
                *pushed = self.next_order();
                self.forget(&region);
                Ok(())
            }
            (Some(_), _) => {
                self.forget(&region);
                Ok(())
            }
        }
    }

    /// Drops the local copy if it is clean and nobody uses it. Never waits. Returns the
    /// bytes that this frees.
    pub(super) fn evict(&self) -> Option<u64> {
        let mut current = self.current.try_lock().ok()?;
        let region = current.region.as_ref()?;
        // Those who have it open hold a reference of their own, and no new one can be
        // taken while this lock is held.
        if Arc::strong_count(region) > 1 {
            return None;
        }
        let freed = region.evictable()?;
        current.region = None;
        Some(freed)
    }

    /// Checks that a part of a value lies in it.
    pub(crate) fn check(&self, offset: u64, length: u64, size: u64) -> Result<Range<u64>> {
        match offset.checked_add(length) {
            Some(end) if end <= size => Ok(offset..end),
            _ => Err(Error::Outside {
                key: self.key.clone(),
                offset,
                length,
                size,
            }),
        }
    }
}

/// Has the next one who needs the value ask the global tier, once this is dropped.
struct Unsure<'a>(Option<&'a Entry>);

impl Drop for Unsure<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.0 {
            entry.current().region = None;
        }
    }
}
