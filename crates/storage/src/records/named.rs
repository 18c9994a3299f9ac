//! What content is named by what is stored, whether that is in force here or not.

use std::collections::HashSet;

use faasm_model::ContentHash;
use object_store::path::Path as Key;

use super::{Committer, Content, Index, Record};
use crate::Result;

/// The content that stored records name.
#[derive(Default)]
pub(crate) struct Named {
    /// Of shared records all, and of others those that are not in force.
    pub(crate) hashes: HashSet<ContentHash>,
    /// How many stored records cannot be used: what they name is not known, or not as they say.
    pub(crate) left_out: usize,
}

impl<I: Index> Committer<I> {
    /// Reads what is stored, and changes nothing of what is in force: a storage that fails half way
    /// does no harm.
    pub(crate) async fn named(&self) -> Result<Named> {
        let listed = self.objects.list(self.index.folder()).await?;
        let keys = listed.into_iter().map(|object| object.key);
        match self.objects.are_shared() {
            true => self.named_by(keys.collect()).await,
            false => self.named_out_of_force(keys.collect()).await,
        }
    }

    /// What is named by those that are stored under `keys`.
    async fn named_by(&self, keys: Vec<Key>) -> Result<Named> {
        let mut hashes = HashSet::new();
        let add = |record: I::Record| hashes.extend(record.content().map(Content::hash));
        let left_out = self.read_each(keys, add).await?;
        Ok(Named { hashes, left_out })
    }

    /// Where nobody else changes records: what is named by those that were left out.
    async fn named_out_of_force(&self, mut keys: Vec<Key>) -> Result<Named> {
        // After the list: what was committed in between is in the index.
        let known = self.index.names();
        let known: HashSet<Key> = known.iter().map(|name| self.key(name)).collect();
        keys.retain(|key| !known.contains(key));
        let (mut named, mut found) = (Named::default(), Vec::new());
        named.left_out = self.read_each(keys, |record| found.push(record)).await?;
        for record in found {
            // One that was being put is in force by then.
            let turn = self.turn(record.name()).await;
            named.left_out += usize::from(self.index.get(turn.key()).is_none());
            named.hashes.extend(record.content().map(Content::hash));
        }
        Ok(named)
    }
}
