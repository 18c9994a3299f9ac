//! Bringing changes to the global tier.

use bytes::Bytes;

use super::chunks::{Kind, Ticket};
use super::diff::{changes, within_mask};
use super::region::{Region, start_of};
use crate::error::{Error, Result};
use crate::tier::{self, Expect, Fence, Generation, GlobalTier, MAX_PATCH_BYTES, Meta, Patch};

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
        let size = region.size();
        let base = region.inner().base.as_ref().map(|b| (b.generation, b.size));
        let pushed = match base {
            Some((generation, stored)) => self.patch(region, generation, stored, size).await,
            None => self.create(region, size).await,
        };
        match pushed {
            Ok(()) => Ok(Pushed::Done),
            Err(Error::Tier(tier::Error::Superseded)) => Ok(Pushed::Superseded),
            Err(error) => Err(error),
        }
    }

    async fn patch(
        &self,
        region: &Region,
        generation: Generation,
        stored: u64,
        size: u64,
    ) -> Result<()> {
        let mut extend = size > stored;
        for batch in self.batches() {
            let (seen, patches) = self.look(region, batch)?;
            if patches.is_empty() && !extend {
                self.settle(region, seen)?;
                continue;
            }
            let patched = self
                .tier
                .patch(self.key, generation, size, patches, self.fence);
            let meta = patched.await?;
            region.inner().rebase(meta, size);
            extend = false;
            self.settle(region, seen)?;
        }
        if extend {
            let patched = self
                .tier
                .patch(self.key, generation, size, Vec::new(), self.fence);
            let meta = patched.await?;
            region.inner().rebase(meta, size);
        }
        Ok(())
    }

    /// Makes a value of a region that the global tier has nothing of.
    async fn create(&self, region: &Region, size: u64) -> Result<()> {
        let batches: Vec<_> = self.batches().collect();
        if let [] | [_] = batches[..] {
            let chunks = batches.first().copied().unwrap_or_default();
            let (seen, patches) = self.look(region, chunks)?;
            let put = self
                .tier
                .put(self.key, size, patches, Expect::Any, self.fence);
            let meta = put.await?;
            region.inner().rebase(meta, size);
            return self.settle(region, seen);
        }
        let (generation, _pin) = self.tier.stage().await?;
        let mut all = Vec::new();
        for batch in batches {
            let (seen, patches) = self.look(region, batch)?;
            self.tier.write_staged(generation, patches).await?;
            // Their bytes need not be kept: whatever is written meanwhile stays tracked.
            let tickets = seen.into_iter().map(|s| (s.index, s.ticket));
            all.extend(tickets);
        }
        let published = self
            .tier
            .publish(self.key, generation, size, Expect::Any, self.fence);
        let meta: Meta = published.await?;
        region.inner().rebase(meta, size);
        Self::settle_unseen(region, &all)
    }

    fn batches(&self) -> impl Iterator<Item = &[usize]> {
        let most = (MAX_PATCH_BYTES / tier::CHUNK_BYTES) as usize;
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
        let still = inner.chunks[index].stands_still(ticket);
        match (still, ticket.is_whole()) {
            (true, whole) => {
                if !whole {
                    region.drop_twin(&mut inner, index);
                }
                inner.chunks[index].kind = Kind::Clean;
            }
            (false, true) => {
                // Without memory for a twin it stays to be pushed whole.
                if region.charge(&mut inner, index).is_ok() {
                    inner.set_twin(index, 0, &seen.bytes);
                    inner.chunks[index].kind = Kind::Tracked;
                }
            }
            (false, false) if seen.patches.is_empty() => {}
            (false, false) => inner.set_twin(index, 0, &seen.bytes),
        }
        Ok(())
    }

    /// The rest of the chunks is still to be pushed.
    fn settle_masked(region: &Region, seen: &[Seen]) -> Result<()> {
        for seen in seen.iter().filter(|seen| !seen.ticket.is_whole()) {
            let mut inner = region.inner();
            for patch in &seen.patches {
                let at = (patch.offset - start_of(seen.index)) as usize;
                inner.set_twin(seen.index, at, &patch.bytes);
            }
        }
        Ok(())
    }

    /// As [`Self::settle`], for chunks whose bytes were not kept: what may have changed
    /// since is compared with the older twin once more.
    fn settle_unseen(region: &Region, seen: &[(usize, Ticket)]) -> Result<()> {
        for &(index, ticket) in seen {
            let mut inner = region.inner();
            if inner.chunks[index].stands_still(ticket) {
                if !ticket.is_whole() {
                    region.drop_twin(&mut inner, index);
                }
                inner.chunks[index].kind = Kind::Clean;
            }
        }
        Ok(())
    }
}
