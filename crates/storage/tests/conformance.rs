//! What a storage does, in a data directory and in a bucket.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use faasm_storage::{S3Settings, StorageOptions};
use faasm_testkit::S3;

const BUCKET: &str = "bucket";

mod data_directory {
    use super::*;

    faasm_storage::conformance_tests!((StorageOptions::default(), ()));
}

mod bucket {
    use super::*;

    faasm_storage::conformance_tests!(in_bucket("s3://bucket").await);
    faasm_storage::shared_conformance_tests!(in_bucket("s3://bucket").await);
}

mod prefix {
    use super::*;

    faasm_storage::conformance_tests!(in_bucket("s3://bucket/some/prefix").await;
        everything_is_there_after_a_restart,
        refreshing_all_finds_everything,
        large_content_comes_back_whole,
    );
}

/// The options of an empty storage.
async fn in_bucket(location: &str) -> (StorageOptions, S3) {
    let server = S3::start(BUCKET).await;
    let options = StorageOptions {
        location: location.parse().unwrap(),
        s3: S3Settings::new(server.settings()),
        ..StorageOptions::default()
    };
    (options, server)
}
