//! What is kept of a function beside its code.

use bytes::Bytes;
use faasm_model::{ContentHash, FunctionName, InvalidLimit, LimitOverrides};
use object_store::path::Path as Key;
use serde::{Deserialize, Serialize};

/// The version of the stored form that this code reads and writes.
const VERSION: u32 = 1;

/// A function as it was uploaded. As JSON it carries a `version`, and versions that are
/// not known are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredRecord", into = "StoredRecord")]
pub struct FunctionRecord {
    /// Whose function it is, and its name.
    pub name: FunctionName,
    /// The hash of its code.
    pub hash: ContentHash,
    /// The size of its code, in bytes.
    pub size: u64,
    /// When it was uploaded, in milliseconds since 1970.
    pub uploaded_at_ms: u64,
    /// Its own limits.
    pub limits: LimitOverrides,
}

#[derive(Serialize, Deserialize)]
struct StoredRecord {
    version: u32,
    name: FunctionName,
    hash: ContentHash,
    size: u64,
    uploaded_at_ms: u64,
    limits: LimitOverrides,
}

/// Why a stored record is not taken.
#[derive(Debug, thiserror::Error)]
enum InvalidRecord {
    #[error("its version is {0}, and only {VERSION} is known; it was written by a newer faasm")]
    UnknownVersion(u32),
    #[error(transparent)]
    Limit(#[from] InvalidLimit),
}

impl TryFrom<StoredRecord> for FunctionRecord {
    type Error = InvalidRecord;

    fn try_from(stored: StoredRecord) -> Result<Self, InvalidRecord> {
        if stored.version != VERSION {
            return Err(InvalidRecord::UnknownVersion(stored.version));
        }
        stored.limits.check()?;
        Ok(Self {
            name: stored.name,
            hash: stored.hash,
            size: stored.size,
            uploaded_at_ms: stored.uploaded_at_ms,
            limits: stored.limits,
        })
    }
}

impl From<FunctionRecord> for StoredRecord {
    fn from(record: FunctionRecord) -> Self {
        Self {
            version: VERSION,
            name: record.name,
            hash: record.hash,
            size: record.size,
            uploaded_at_ms: record.uploaded_at_ms,
            limits: record.limits,
        }
    }
}

impl FunctionRecord {
    /// The bytes to store.
    pub(super) fn encode(&self) -> serde_json::Result<Bytes> {
        serde_json::to_vec(self).map(Bytes::from)
    }
}

/// Where the record of `name` is stored.
pub(super) fn record_key(name: &FunctionName) -> Key {
    let file = format!("{}.json", name.function);
    Key::from_iter(["functions", name.user.as_str(), &file])
}

/// The inverse of [`record_key`].
pub(super) fn name_of(key: &Key) -> Option<FunctionName> {
    let mut parts = key.as_ref().split('/');
    let (folder, user, file) = (parts.next()?, parts.next()?, parts.next()?);
    if folder != "functions" || parts.next().is_some() {
        return None;
    }
    FunctionName::new(user, file.strip_suffix(".json")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> FunctionRecord {
        FunctionRecord {
            name: FunctionName::new("demo", "f").unwrap(),
            hash: ContentHash::of(b"code"),
            size: 4,
            uploaded_at_ms: 1,
            limits: LimitOverrides::default(),
        }
    }

    #[test]
    fn a_record_survives_its_stored_form() {
        let read: FunctionRecord = serde_json::from_slice(&record().encode().unwrap()).unwrap();
        assert_eq!(read, record());
    }

    #[test]
    fn an_unknown_version_is_refused_by_number() {
        let mut json = serde_json::to_value(record()).unwrap();
        json["version"] = 2.into();
        let error = serde_json::from_value::<FunctionRecord>(json).unwrap_err();
        assert!(error.to_string().contains("version is 2"), "{error}");
    }

    #[test]
    fn keys_lead_back_to_names() {
        for (user, function) in [
            ("u", "f"),
            (".hidden", "a..b"),
            ("-x", "x.json"),
            ("...", "_"),
        ] {
            let name = FunctionName::new(user, function).unwrap();
            assert_eq!(name_of(&record_key(&name)), Some(name));
        }
        for stray in [
            "functions/u",
            "functions/u/f",
            "functions/u/v/f.json",
            "code/u/f.json",
        ] {
            assert_eq!(name_of(&Key::from(stray)), None, "{stray}");
        }
    }
}
