//! Bringing changes to the global tier.

use bytes::Bytes;

use super::chunks::{Kind, Ticket};
use super::diff::{changes, within_mask};
use super::region::{Region, start_of};
use crate::error::{Error, Result};
use crate::tier::{self, Expect, Fence, Generation, GlobalTier, MAX_PATCH_BYTES, Meta, Patch, Pin};

/// What is pushed, and how.
pub(super) struct Push<'a> {
    pub(super) tier: &'a dyn GlobalTier,
    pub(super) key: &'a faasm_model::StateKey,
    /// The chunks to look at.
    pub(super) chunks: Vec<usize>,
    pub(super) fence: Option<Fence>,
    /// Only bytes whose byte in this region is not 0.
    pub(super) mask: Option<&'a Region>,
}

/// How a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Everything is in the global tier.
    Done,
    /// The value was set anew meanwhile: as if that had come after these changes.
    Superseded,
}

/// The bytes of one chunk on their way.
struct Seen {
    index: usize,
    ticket: Ticket,
    bytes: Bytes,
    patches: Vec<Patch>,
}

impl Push<'_> {
    /// Pushes the changes in `region`. One push of a value at a time: the caller sees to it.
    pub(super) async fn run(&self, region: &Region) -> Result<Pushed> {
        let base = region.inner().base.as_ref().map(|b| (b.generation, b.size));
        let Some((generation, stored)) = base else {
            return self.create(region).await.map(|()| Pushed::Done);
        };
        match self.patch(region, generation, stored).await {
            Ok(()) => Ok(Pushed::Done),
            Err(Error::Tier(tier::Error::Superseded)) => Ok(Pushed::Superseded),
            Err(error) => Err(error),
        }
    }

    async fn patch(&self, region: &Region, generation: Generation, stored: u64) -> Result<()> {
        let mut stored = stored;
        for batch in self.batches() {
            let (seen, patches) = self.look(region, batch)?;
            // After the look, which may have found more of the value than there was before.
            let size = region.size();
            if !patches.is_empty() || size > stored {
                let patched = self
                    .tier
                    .patch(self.key, generation, size, patches, self.fence);
                let meta = Self::doubting(region, &seen, patched).await?;
                region.inner().rebase(meta, size, None);
                stored = size;
            }
            self.settle(region, seen)?;
        }
        let size = region.size();
        if size > stored {
            let patched = self
                .tier
                .patch(self.key, generation, size, Vec::new(), self.fence);
            let meta = patched.await?;
            region.inner().rebase(meta, size, None);
        }
        Ok(())
    }

    /// Makes a value of a region that the global tier has nothing of.
    async fn create(&self, region: &Region) -> Result<()> {
        let batches: Vec<_> = self.batches().collect();
        if let [] | [_] = batches[..] {
            let chunks = batches.first().copied().unwrap_or_default();
            let (seen, patches) = self.look(region, chunks)?;
            let size = region.size();
            let put = self
                .tier
                .put(self.key, size, patches, Expect::Any, self.fence);
            let meta = Self::doubting(region, &seen, put).await?;
            let pin = self.pin(region, meta).await?;
            region.inner().rebase(meta, size, pin);
            return self.settle(region, seen);
        }
        let (generation, pin) = self.tier.stage(&self.key.user).await?;
        let mut all = Vec::new();
        for batch in batches {
            let (seen, patches) = self.look(region, batch)?;
            let written = self.tier.write_staged(generation, patches).await;
            written.map_err(staged_is_lost)?;
            // Their bytes need not be kept: whatever is written meanwhile is pushed whole.
            let tickets = seen.into_iter().map(|s| (s.index, s.ticket));
            all.extend(tickets);
        }
        let size = region.size();
        let published = self
            .tier
            .publish(self.key, generation, size, Expect::Any, self.fence);
        let meta = published.await.map_err(staged_is_lost)?;
        region.inner().rebase(meta, size, Some(pin));
        self.settle_unseen(region, &all);
        Ok(())
    }

    /// Waits for a change of the global tier. If that is abandoned, or ends so that it may or
    /// may not have been made, the twins of what was seen say nothing any more: the
    /// chunks are to be pushed whole.
    async fn doubting(
        region: &Region,
        seen: &[Seen],
        change: impl Future<Output = tier::Result<Meta>>,
    ) -> Result<Meta> {
        let tracked = || seen.iter().filter(|seen| !seen.ticket.is_whole());
        for seen in tracked() {
            region.inner().chunks[seen.index].kind = Kind::Whole;
        }
        let changed = change.await.map_err(Error::from);
        if changed.as_ref().err().is_none_or(Error::is_refusal) {
            for seen in tracked() {
                region.inner().chunks[seen.index].kind = Kind::Tracked;
            }
        }
        changed
    }

    /// Keeps a new value's generation readable, if chunks of it may have to be fetched.
    async fn pin(&self, region: &Region, meta: Meta) -> Result<Option<Pin>> {
        if region.inner().is_complete() {
            return Ok(None);
        }
        let opened = self.tier.open(self.key).await?;
        let is_same = |(there, _): &(Meta, Pin)| there.generation == meta.generation;
        Ok(opened.filter(is_same).map(|(_, pin)| pin))
    }

    fn batches(&self) -> impl Iterator<Item = &[usize]> {
        let most = match self.mask {
            // A mask may cut each byte out by itself.
            Some(_) => 8,
            None => (MAX_PATCH_BYTES / tier::CHUNK_BYTES) as usize,
        };
        self.chunks.chunks(most)
    }

    /// Takes the present bytes of chunks, and what of them differs from the global tier.
    fn look(&self, region: &Region, chunks: &[usize]) -> Result<(Vec<Seen>, Vec<Patch>)> {
        let mut seen = Vec::new();
        for &index in chunks {
            // The chunk's ticket is older than its bytes: a change between shows.
            let (ticket, range) = {
                let inner = region.inner();
                let Some(chunk) = inner.chunks.get(index).filter(|c| c.may_differ()) else {
                    continue;
                };
                (chunk.ticket(), inner.range(index))
            };
            let bytes = Bytes::from(region.load(range.clone())?);
            let mut patches = match ticket.is_whole() {
                true => vec![Patch {
                    offset: range.start,
                    bytes: bytes.clone(),
                }],
                false => changes(range.start, region.inner().twin(index), &bytes),
            };
            if let Some(mask) = self.mask {
                patches = within_mask(patches, &mask.load(range.clone())?, range.start);
            }
            seen.push(Seen {
                index,
                ticket,
                bytes,
                patches,
            });
        }
        let patches: Vec<_> = seen.iter().flat_map(|seen| seen.patches.clone()).collect();
        let bytes = patches.iter().map(|patch| patch.bytes.len() as u64).sum();
        metrics::counter!("faasm_state_pushed_bytes_total").increment(bytes);
        Ok((seen, patches))
    }

    /// Notes that what was seen is in the global tier.
    fn settle(&self, region: &Region, seen: Vec<Seen>) -> Result<()> {
        match self.mask {
            Some(_) => Self::settle_masked(region, &seen),
            None => seen
                .iter()
                .try_for_each(|seen| Self::settle_chunk(region, seen)),
        }
    }

    fn settle_chunk(region: &Region, seen: &Seen) -> Result<()> {
        let Seen { index, ticket, .. } = *seen;
        let mut inner = region.inner();
        if inner.chunks[index].stands_still(ticket) {
            region.drop_twin(&mut inner, index);
            inner.chunks[index].kind = Kind::Clean;
        } else if region.set_twin(&mut inner, index, &seen.bytes).is_ok() {
            inner.chunks[index].kind = Kind::Tracked;
        }
        // Without memory for a twin it stays to be pushed whole.
        Ok(())
    }

    /// The rest of the chunks is still to be pushed.
    fn settle_masked(region: &Region, seen: &[Seen]) -> Result<()> {
        for seen in seen.iter().filter(|seen| !seen.ticket.is_whole()) {
            let mut inner = region.inner();
            for patch in &seen.patches {
                let at = (patch.offset - start_of(seen.index)) as usize;
                inner.change_twin(seen.index, at, &patch.bytes);
            }
        }
        Ok(())
    }

    /// As [`Self::settle`], for chunks whose bytes were not kept: there is nothing to
    /// compare later changes with, so that they are pushed whole.
    fn settle_unseen(&self, region: &Region, seen: &[(usize, Ticket)]) {
        for &(index, ticket) in seen {
            let mut inner = region.inner();
            let is_clean = self.mask.is_none() && inner.chunks[index].stands_still(ticket);
            region.drop_twin(&mut inner, index);
            inner.chunks[index].kind = match is_clean {
                true => Kind::Clean,
                false => Kind::Whole,
            };
        }
    }
}

/// A generation that only this push knows cannot be superseded by others.
fn staged_is_lost(error: tier::Error) -> Error {
    match error {
        tier::Error::Superseded => Error::Internal("a staged value was lost"),
        other => other.into(),
    }
}
