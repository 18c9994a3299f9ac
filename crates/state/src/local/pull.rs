//! Fetching from the global tier what is needed of a value.

use std::ops::Range;

use super::region::{Region, chunks_of};
use crate::error::{Error, Result};
use crate::tier::{CHUNK_BYTES, Generation, GlobalTier, MAX_PATCH_BYTES, Meta};

/// Most chunks that are fetched at once.
const BATCH: usize = (MAX_PATCH_BYTES / CHUNK_BYTES) as usize;

impl Region {
    /// Makes sure that all chunks that `range` touches are in memory.
    pub(crate) async fn pull(&self, tier: &dyn GlobalTier, range: Range<u64>) -> Result<()> {
        let chunks = chunks_of(range);
        if self.first_missing(chunks.clone())?.is_none() {
            return Ok(());
        }
        let _turn = self.pulling.lock().await;
        let mut next = chunks.start;
        while let Some(first) = self.first_missing(next..chunks.end)? {
            next = self.fetch(tier, first..chunks.end).await?;
        }
        Ok(())
    }

    /// Makes sure that `range` can be overwritten: what will be covered whole is not
    /// fetched.
    pub(crate) async fn pull_edges(&self, tier: &dyn GlobalTier, range: Range<u64>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        if !range.start.is_multiple_of(CHUNK_BYTES) {
            self.pull(tier, range.start..range.start + 1).await?;
        }
        if !range.end.is_multiple_of(CHUNK_BYTES) && range.end < self.size() {
            self.pull(tier, range.end - 1..range.end).await?;
        }
        Ok(())
    }

    /// Fetches the absent chunks at the beginning of `chunks`, whose first is absent, and
    /// returns where they end.
    async fn fetch(&self, tier: &dyn GlobalTier, chunks: Range<usize>) -> Result<usize> {
        let (generation, range) = self.missing_run(chunks.clone())?;
        let bytes = tier
            .read(generation, range.start, range.end - range.start)
            .await?;
        metrics::counter!("faasm_state_pulled_bytes_total").increment(bytes.len() as u64);
        let mut index = chunks.start;
        for chunk in bytes.chunks(CHUNK_BYTES as usize) {
            self.admit(index, chunk)?;
            index += 1;
        }
        match index > chunks.start {
            true => Ok(index),
            false => Err(Error::Internal("the global tier gave nothing")),
        }
    }

    /// Takes what the global tier has of the chunks that are here, whatever they have now.
    /// `meta` is of the generation that this is a copy of.
    pub(super) async fn refresh(&self, tier: &dyn GlobalTier, meta: Meta) -> Result<()> {
        self.extend(meta.size)?;
        let mut stale = self.stale(meta);
        stale.reverse();
        while let Some(first) = stale.pop() {
            let mut end = first + 1;
            while stale.last() == Some(&end) && end - first < BATCH {
                stale.pop();
                end += 1;
            }
            let range = {
                let inner = self.inner();
                inner.range(first).start..inner.range(end - 1).end
            };
            let length = range.end - range.start;
            let bytes = tier.read(meta.generation, range.start, length).await?;
            for (index, chunk) in (first..end).zip(bytes.chunks(CHUNK_BYTES as usize)) {
                self.overwrite(index, chunk)?;
            }
        }
        self.inner().refreshed(meta);
        Ok(())
    }

    /// The chunks that are here and may differ from the global tier's.
    fn stale(&self, meta: Meta) -> Vec<usize> {
        let inner = self.inner();
        let base = inner.base.as_ref();
        let is_same = base.is_some_and(|base| base.version == meta.version);
        let is_stale = |index: &usize| match is_same {
            true => inner.chunks[*index].may_differ(),
            false => !inner.is_absent(*index),
        };
        (0..inner.chunks.len()).filter(is_stale).collect()
    }

    /// The bytes of the absent chunks at the beginning of `chunks`.
    fn missing_run(&self, chunks: Range<usize>) -> Result<(Generation, Range<u64>)> {
        let inner = self.inner();
        let Some(base) = &inner.base else {
            return Err(Error::Internal("a new value has absent chunks"));
        };
        let run = chunks
            .clone()
            .take(BATCH)
            .take_while(|&index| inner.is_absent(index))
            .last()
            .unwrap_or(chunks.start);
        let range = inner.range(chunks.start).start..inner.range(run).end;
        Ok((base.generation, range))
    }
}
