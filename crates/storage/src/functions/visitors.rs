//! Functions that other servers change here.

use faasm_model::FunctionName;
use object_store::path::Path as Key;

use super::Functions;
use crate::Result;

impl Functions {
    /// Stores the record in `bytes` under `key`.
    pub(crate) async fn put_record(&self, key: &Key, bytes: &[u8]) -> Result<()> {
        let record = self.committer.decode_new(key, bytes)?;
        let this = self.clone();
        tokio::spawn(async move {
            this.committer.accept(&record).await?;
            let turn = match this.turn(&record.name).await {
                Ok(turn) => turn,
                Err(error) => {
                    this.committer.blobs.release(record.hash).await;
                    return Err(error);
                }
            };
            let name = record.name.clone();
            this.commit_here(turn, record).await?;
            this.announcer.announce_later((this.place.changed)(name));
            Ok(())
        })
        .await?
    }

    /// Deletes the function, if there is one.
    pub(crate) async fn delete_record(&self, name: &FunctionName) -> Result<()> {
        let (this, name) = (self.clone(), name.clone());
        tokio::spawn(async move {
            this.delete_here(&name).await?;
            this.announcer.announce_later((this.place.changed)(name));
            Ok(())
        })
        .await?
    }
}
