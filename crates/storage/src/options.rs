//! What a storage is opened with.

use faasm_model::ClusterKey;

use crate::{FilesOptions, Location, S3Settings};

/// Settings of a [`Storage`](crate::Storage).
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// Limits of the shared files.
    pub files: FilesOptions,
    /// Where it is: in the data directory.
    pub location: Location,
    /// Most bytes of content that is elsewhere that are kept in the data directory: 10 GiB.
    /// What is in use is kept beyond that.
    pub cache_bytes: u64,
    /// What tells the servers of a cluster from others; without it they share no compiled
    /// code.
    pub cluster_key: Option<ClusterKey>,
    /// How a bucket is reached: as the environment says.
    pub s3: S3Settings,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            files: FilesOptions::default(),
            location: Location::default(),
            cache_bytes: 10 << 30,
            cluster_key: None,
            s3: S3Settings::default(),
        }
    }
}

/// What a server with this key says in `Authorization: Bearer` to use another's storage.
pub fn access_token(key: &ClusterKey) -> String {
    let token = key.derive("faasm 2026 use of a storage");
    blake3::Hash::from_bytes(token).to_hex().to_string()
}
