//! What was made of functions' code, for other servers of the cluster.

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use object_store::path::Path as Key;

use crate::objects::Objects;
use crate::{Compat, Error, Result, SpooledFile};

/// The folder of the objects.
pub(crate) const FOLDER: &str = "artifacts";

/// Largest object that is taken, in bytes: as compiled code can be, and more.
const MAX_BYTES: u64 = 4 << 30;

/// Bytes that are copied at once.
const PIECE: usize = 256 << 10;

/// An authenticator, as it stands before the bytes in an object.
pub(crate) type Mac = [u8; 32];

/// Objects `artifacts/{engine}/{name}`, each an authenticator and the bytes. It knows nothing of
/// whether they belong together. Its methods block, and log why they failed: all that costs is
/// to compile again.
pub(crate) struct SharedArtifacts {
    objects: Objects,
}

impl SharedArtifacts {
    pub(crate) fn new(objects: Objects) -> Self {
        Self { objects }
    }

    pub(crate) fn put(&self, compat: &Compat, name: &str, mac: &Mac, bytes: &[u8]) {
        let key = key(compat, name);
        let put = async {
            let mut writer = self.objects.spool()?.create(MAX_BYTES);
            writer.write(Bytes::copy_from_slice(mac)).await?;
            for piece in bytes.chunks(PIECE) {
                writer.write(Bytes::copy_from_slice(piece)).await?;
            }
            self.objects
                .put_file(key.clone(), writer.finish().await?)
                .await
        };
        if let Err(error) = self.objects.wait_for(put) {
            tracing::warn!(%key, %error, "what was compiled is not shared with other servers");
        }
    }

    /// The bytes, on the file system of the data directory, and what is said to authenticate
    /// them.
    pub(crate) fn get(&self, compat: &Compat, name: &str) -> Option<(SpooledFile, Mac)> {
        let key = key(compat, name);
        let got = self.objects.wait_for(self.fetch(&key));
        got.inspect_err(|error| {
            tracing::warn!(%key, %error, "what another server has compiled cannot be read");
        })
        .ok()
        .flatten()
    }

    async fn fetch(&self, key: &Key) -> Result<Option<(SpooledFile, Mac)>> {
        let Some((_, mut pieces)) = self.objects.get(key.clone()).await? else {
            return Ok(None);
        };
        let mut begin = BytesMut::new();
        let mut writer = self.objects.spool()?.create(MAX_BYTES);
        let mut mac = None;
        while let Some(mut piece) = pieces.try_next().await? {
            if mac.is_none() {
                begin.extend_from_slice(&piece);
                let Some((first, rest)) = begin.split_first_chunk() else {
                    continue;
                };
                mac = Some(*first);
                piece = Bytes::copy_from_slice(rest);
            }
            writer.write(piece).await?;
        }
        let mac: Mac = mac.ok_or_else(|| Error::unusable(key, &"it is too short"))?;
        Ok(Some((writer.finish().await?, mac)))
    }
}

fn key(compat: &Compat, name: &str) -> Key {
    Key::from_iter([FOLDER, compat.as_str(), name])
}
