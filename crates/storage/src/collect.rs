//! Clearing up what servers that share a storage leave in it.

use std::time::{Duration, SystemTime};

use faasm_model::ContentHash;
use object_store::path::Path as Key;

use crate::artifacts::source_of;
use crate::records::Blobs;
use crate::{Result, Storage, shared_artifacts};

impl Storage {
    /// Deletes content that no record names, and compiled code of functions that are gone, of a
    /// storage that servers share; returns the number of objects. What was put within `older_than`
    /// stays: another server may be about to name it, or still run it. An hour is plenty; much less
    /// than the longest call may take from that call what it has not read yet. One server is enough
    /// to do this now and then for a bucket; for a data directory it is the server that has it, where
    /// content goes by itself and only compiled code is left by others. Where the storage is with
    /// another server, nothing is done.
    ///
    /// # Errors
    /// As [`refresh_all`](Self::refresh_all), which it begins with; nothing is deleted unless
    /// all records could be read.
    pub async fn collect(&self, older_than: Duration) -> Result<usize> {
        if !self.objects().is_collected_here() {
            return Ok(0);
        }
        let Some(before) = SystemTime::now().checked_sub(older_than) else {
            return Ok(0);
        };
        self.look_again().await?;
        let all = [
            self.functions().blobs(),
            self.python().blobs(),
            self.files().blobs(),
        ];
        let mut unused = Vec::new();
        for blobs in all {
            unused.push((blobs, self.unused(blobs, before).await?));
        }
        let artifacts = self.unused_artifacts(before).await?;
        // A file that was renamed in the middle of the first look is found by the second.
        self.look_again().await?;
        let mut deleted = 0;
        for (blobs, hashes) in unused {
            for hash in hashes {
                deleted += usize::from(blobs.collect(hash, before).await?);
            }
        }
        for (key, hash) in artifacts {
            if !self.is_source(&hash) {
                self.objects().discard(key).await?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    /// Learns what others have stored, if there are any.
    async fn look_again(&self) -> Result<()> {
        match self.is_shared() {
            true => self.refresh_all().await,
            false => Ok(()),
        }
    }

    async fn unused(&self, blobs: &Blobs, before: SystemTime) -> Result<Vec<ContentHash>> {
        let layout = blobs.layout();
        let listed = self.objects().list(layout.folder).await?;
        let old = listed.into_iter().filter(|object| object.modified < before);
        let hashes = old.filter_map(|object| layout.hash_of(&object.key));
        Ok(hashes.filter(|hash| !blobs.is_held(hash)).collect())
    }

    async fn unused_artifacts(&self, before: SystemTime) -> Result<Vec<(Key, ContentHash)>> {
        let listed = self.objects().list(shared_artifacts::FOLDER).await?;
        let old = listed.into_iter().filter(|object| object.modified < before);
        let made = old.filter_map(|object| {
            let source = object.key.filename().and_then(source_of)?;
            Some((object.key, source))
        });
        Ok(made.filter(|(_, source)| !self.is_source(source)).collect())
    }

    fn is_source(&self, hash: &ContentHash) -> bool {
        self.functions().uses(hash) || self.python().uses(hash)
    }
}
