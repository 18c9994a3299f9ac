//! Files and directories that other servers change here.

use object_store::path::Path as Key;

use super::Files;
use super::change::{delete_all, release_later, turn};
use super::record::Node;
use crate::records::{Index, Record};
use crate::{Changed, Error, Result};

impl Files {
    /// Stores the record in `bytes` under `key`.
    pub(crate) async fn put_record(&self, key: &Key, bytes: &[u8]) -> Result<()> {
        let node = self.committer.decode_new(key, bytes)?;
        let this = self.clone();
        tokio::spawn(async move {
            let (committer, path) = (&this.committer, node.name().clone());
            let turn = turn(committer, &path).await?;
            let index = &committer.index;
            let _claim = match (&node, index.get(&path)) {
                (Node::File(file), _) => Some(index.claim_file(&path, file.size)?),
                (Node::Directory(_), Some(Node::Directory(_))) => None,
                (Node::Directory(_), _) => Some(index.claim_directory(&path)?),
            };
            committer.accept(&node).await?;
            let replaced = committer.commit(&turn, node).await?;
            drop(turn);
            release_later(committer, replaced).await;
            this.announcer.announce_later(Changed::File(path));
            Ok(())
        })
        .await?
    }

    /// Deletes what has its record under `key`, if there is anything.
    pub(crate) async fn delete_record(&self, key: &Key) -> Result<()> {
        let (this, key) = (self.clone(), key.clone());
        tokio::spawn(async move {
            let committer = &this.committer;
            let path = match committer.read_record(&key).await {
                Ok(Some(node)) => node.name().clone(),
                Ok(None) => return Ok(()),
                // Nothing of it is in force.
                Err(Error::UnusableRecord { .. }) => {
                    return committer.delete_unusable(key).await;
                }
                Err(error) => return Err(error),
            };
            let turn = turn(committer, &path).await?;
            delete_all(committer, vec![turn]).await?;
            this.announcer.announce_later(Changed::File(path));
            Ok(())
        })
        .await?
    }
}
