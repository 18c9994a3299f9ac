//! The stored form of records: JSON with a version.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Fault, Record};

/// The version that this code reads and writes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Stored<'a, R> {
    version: u32,
    #[serde(flatten)]
    record: &'a R,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// The bytes to store.
pub(super) fn encode<R: Record>(record: &R) -> serde_json::Result<Bytes> {
    let version = VERSION;
    serde_json::to_vec(&Stored { version, record }).map(Bytes::from)
}

/// The inverse of [`encode`]; versions that are not known are refused.
pub(super) fn decode<R: Record>(bytes: &[u8]) -> Result<R, Fault> {
    let Version { version } = serde_json::from_slice(bytes)?;
    if version != VERSION {
        return Err(format!(
            "its version is {version}, and only {VERSION} is known; it was written by a newer faasm"
        )
        .into());
    }
    let record: R = serde_json::from_slice(bytes)?;
    record.check()?;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::FunctionRecord;
    use faasm_model::{ContentHash, FunctionName, LimitOverrides};

    fn record() -> Arc<FunctionRecord> {
        Arc::new(FunctionRecord {
            name: FunctionName::new("demo", "f").unwrap(),
            hash: ContentHash::of(b"code"),
            size: 4,
            uploaded_at_ms: 1,
            limits: LimitOverrides::default(),
            initialised: None,
        })
    }

    #[test]
    fn a_record_survives_its_stored_form() {
        let read: Arc<FunctionRecord> = decode(&encode(&record()).unwrap()).unwrap();
        assert_eq!(read, record());
    }

    #[test]
    fn an_unknown_version_is_refused_by_number_whatever_else_it_has() {
        let error = decode::<Arc<FunctionRecord>>(br#"{"version":2,"novel":0}"#).unwrap_err();
        assert!(error.to_string().contains("version is 2"), "{error}");
    }

    #[test]
    fn limits_that_cannot_be_granted_are_refused() {
        let mut record = FunctionRecord::clone(&record());
        record.limits.memory_bytes = Some(1);
        assert!(decode::<Arc<FunctionRecord>>(&encode(&Arc::new(record)).unwrap()).is_err());
    }
}
