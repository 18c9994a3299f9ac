//! Keys of objects, as other servers write them.

use std::fmt;
use std::str::FromStr;

use faasm_model::{ContentHash, FunctionName};
use object_store::path::Path as Key;

use crate::artifacts::is_artifact;
use crate::{Compat, Error, identity};

/// The key of an object that a storage may have: no other can be asked for.
///
/// ```
/// use faasm_storage::ObjectKey;
///
/// assert!("functions/demo/hello.json".parse::<ObjectKey>().is_ok());
/// assert!("functions/../keys/artifact.key".parse::<ObjectKey>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectKey {
    key: Key,
    kind: ObjectKind,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// What tells the storage from others.
    Identity,
    /// The record of a function.
    Function(FunctionName),
    /// The record of a function in Python.
    Python(FunctionName),
    /// The record of a shared file or directory.
    File,
    /// The code of functions.
    Code(ContentHash),
    /// The sources of functions in Python.
    Source(ContentHash),
    /// The bytes of shared files.
    Content(ContentHash),
    /// Compiled code, or an image.
    Artifact,
}

impl ObjectKey {
    /// The object that the key is of.
    pub fn kind(&self) -> &ObjectKind {
        &self.kind
    }

    /// Names the bytes of an object that never change.
    pub fn hash(&self) -> Option<ContentHash> {
        match self.kind {
            ObjectKind::Code(hash) | ObjectKind::Source(hash) | ObjectKind::Content(hash) => {
                Some(hash)
            }
            _ => None,
        }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }
}

impl FromStr for ObjectKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let kind = kind(text).ok_or_else(|| Error::InvalidObject {
            key: text.chars().take(200).collect(),
            problem: "a storage has no such objects".to_owned(),
        })?;
        // All parts were checked, down to their characters.
        let key = Key::from(text);
        Ok(Self { key, kind })
    }
}

fn kind(text: &str) -> Option<ObjectKind> {
    if text == identity::OBJECT {
        return Some(ObjectKind::Identity);
    }
    let (folder, rest) = text.split_once('/')?;
    let function = || {
        let (user, file) = rest.split_once('/')?;
        FunctionName::new(user, file.strip_suffix(".json")?).ok()
    };
    Some(match folder {
        "functions" => ObjectKind::Function(function()?),
        "python" => ObjectKind::Python(function()?),
        "files" => {
            hash(rest.strip_suffix(".json")?)?;
            ObjectKind::File
        }
        "code" => ObjectKind::Code(hash(rest.strip_suffix(".wasm")?)?),
        "sources" => ObjectKind::Source(hash(rest)?),
        "content" => ObjectKind::Content(hash(rest)?),
        "artifacts" => {
            let (compat, name) = rest.split_once('/')?;
            Compat::new(compat).ok()?;
            is_artifact(name).then_some(ObjectKind::Artifact)?
        }
        _ => return None,
    })
}

/// A hash in the one way in which it is written here.
fn hash(text: &str) -> Option<ContentHash> {
    let hash = ContentHash::from_str(text).ok()?;
    (hash.to_string() == text).then_some(hash)
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_what_a_storage_has_are_taken_and_kept_as_they_are() {
        let hash = ContentHash::of(b"x");
        for key in [
            "storage.json".to_owned(),
            "functions/u/f.json".to_owned(),
            "python/u.v/f-1_.json.json".to_owned(),
            format!("files/{hash}.json"),
            format!("code/{hash}.wasm"),
            format!("sources/{hash}"),
            format!("content/{hash}"),
            format!("artifacts/48.0.8-x/{hash}.cwasm"),
            format!("artifacts/48.0.8-x/{hash}.bare.cwasm"),
            format!("artifacts/48.0.8-x/{hash}.{hash}.image"),
        ] {
            assert_eq!(key.parse::<ObjectKey>().unwrap().to_string(), key);
        }
    }

    #[test]
    fn all_other_keys_are_refused() {
        let hash = ContentHash::of(b"x");
        let upper = hash.to_string().to_uppercase();
        for key in [
            "",
            "/",
            "storage.json/",
            "functions",
            "functions/u",
            "functions/u/.json",
            "functions/u/...json",
            "functions/../f.json",
            "functions/u/f.json/x.json",
            "functions/u/f",
            "functions/u/a b.json",
            "functions/u/a%2fb.json",
            "files/x.json",
            "code/x.wasm",
            "keys/artifact.key",
            "../lock",
            "artifacts/../x.cwasm",
        ] {
            assert!(key.parse::<ObjectKey>().is_err(), "{key}");
        }
        for key in [
            format!("content/{upper}"),
            format!("content/{hash}/"),
            format!("content//{hash}"),
            format!("artifacts/c/{hash}.mac"),
            format!("artifacts/c/{hash}.cwasm.mac"),
            format!("artifacts/{hash}.cwasm"),
        ] {
            assert!(key.parse::<ObjectKey>().is_err(), "{key}");
        }
    }
}
