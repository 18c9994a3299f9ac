//! What a runtime says of itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use faasm_model::ContentHash;
use serde::Deserialize;

use crate::digest::Hashing;
use crate::{Error, Sha256};

/// The interface between a runtime's module and the server that this program has.
pub(crate) const ABI: u32 = 2;

const MAX_BYTES: u64 = 64 << 10;
const MAX_FILE_BYTES: u64 = 1 << 30;
const MAX_NAME_BYTES: usize = 64;

/// A file of a runtime, besides its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The interpreter.
    Wasm,
    /// Its standard library.
    Library,
    /// The licence of both.
    License,
}

impl Part {
    /// All there are, sorted by name.
    pub const ALL: [Self; 3] = [Self::License, Self::Library, Self::Wasm];

    /// The file's name in the runtime's directory.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Wasm => "python.wasm",
            Self::Library => "lib.zip",
            Self::License => "LICENSE",
        }
    }
}

/// A manifest that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// As it is stored.
    pub(crate) bytes: Vec<u8>,
    /// The first digits of the hash of `bytes`.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// Hash of the sources that it was built from, if they are known.
    pub(crate) source: Option<ContentHash>,
    files: Files,
}

/// What has to be in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    pub(crate) sha256: Sha256,
    /// In bytes.
    pub(crate) size: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    #[serde(rename = "python.wasm")]
    wasm: Content,
    #[serde(rename = "lib.zip")]
    library: Content,
    #[serde(rename = "LICENSE")]
    license: Content,
}

/// What a manifest has to have; there may be more.
#[derive(Deserialize)]
struct Fields {
    name: String,
    version: String,
    source: Option<ContentHash>,
    files: Files,
}

/// The one field that all manifests have.
#[derive(Deserialize)]
struct Interface {
    abi: u32,
}

/// Why a manifest is not usable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("its manifest cannot be read: {0}")]
    Read(io::Error),
    #[error("its manifest is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("its manifest is not in the form of one: {0}")]
    Form(#[from] serde_json::Error),
    #[error("its {0} is not made of up to {MAX_NAME_BYTES} letters, digits, '.', '-', '_' and '+'")]
    Name(&'static str),
    #[error("its {} is larger than {MAX_FILE_BYTES} bytes", .0.file_name())]
    LargeFile(Part),
    #[error("its interface is {0}")]
    OtherInterface(u32),
}

impl Manifest {
    /// Reads as much of it as a manifest can have, and checks it.
    pub(crate) fn read(from: impl Read) -> Result<Self, Unusable> {
        let mut bytes = Vec::new();
        let mut bounded = from.take(MAX_BYTES + 1);
        bounded.read_to_end(&mut bytes).map_err(Unusable::Read)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Unusable::TooLarge);
        }
        // Another interface may have other fields.
        let Interface { abi } = serde_json::from_slice(&bytes)?;
        if abi != ABI {
            return Err(Unusable::OtherInterface(abi));
        }
        let fields: Fields = serde_json::from_slice(&bytes)?;
        let manifest = Self {
            id: ContentHash::of(&bytes)
                .to_string()
                .chars()
                .take(16)
                .collect(),
            bytes,
            name: fields.name,
            version: fields.version,
            source: fields.source,
            files: fields.files,
        };
        for (what, name) in [("name", &manifest.name), ("version", &manifest.version)] {
            if !is_name(name) {
                return Err(Unusable::Name(what));
            }
        }
        let large = |part: &Part| manifest.content(*part).size > MAX_FILE_BYTES;
        match Part::ALL.into_iter().find(large) {
            Some(part) => Err(Unusable::LargeFile(part)),
            None => Ok(manifest),
        }
    }

    /// What has to be in a file of the runtime.
    pub(crate) fn content(&self, part: Part) -> Content {
        match part {
            Part::Wasm => self.files.wasm,
            Part::Library => self.files.library,
            Part::License => self.files.license,
        }
    }

    /// What the runtime's directory is called.
    pub(crate) fn directory(&self) -> String {
        format!("{}-{}-{}", self.name, self.version, self.id)
    }
}

impl Content {
    /// Whether a file has this content.
    pub(crate) fn is_in(self, path: &Path) -> Result<bool, Error> {
        let read = || -> io::Result<bool> {
            let file = File::open(path)?;
            let meta = file.metadata()?;
            if !meta.is_file() || meta.len() != self.size {
                return Ok(false);
            }
            let mut hashing = Hashing::new(file);
            io::copy(&mut hashing, &mut io::sink())?;
            Ok(hashing.finish().1 == self.sha256)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            read => read.map_err(Error::io("read", path)),
        }
    }
}

/// Whether a word can be part of a directory's name.
fn is_name(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.len() <= MAX_NAME_BYTES
        && word.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl Fn(&mut serde_json::Value)) -> Result<Manifest, Unusable> {
        let content = serde_json::json!({ "sha256": "0".repeat(64), "size": 1 });
        let mut json = serde_json::json!({
            "name": "cpython", "version": "3.13.5", "abi": ABI,
            "files": { "python.wasm": content, "lib.zip": content, "LICENSE": content },
        });
        change(&mut json);
        Manifest::read(json.to_string().as_bytes())
    }

    #[test]
    fn a_runtime_is_named_after_its_manifest() {
        let one = with(|_| ()).unwrap();
        assert_eq!(one.directory(), format!("cpython-3.13.5-{}", one.id));
        assert_eq!((one.id.len(), one.source), (16, None));
        let other = with(|json| json["more"] = "x".into()).unwrap();
        assert_ne!(one.id, other.id);
    }

    #[test]
    fn a_manifest_that_lies_outside_its_bounds_is_refused() {
        type Change = dyn Fn(&mut serde_json::Value);
        let cases: &[(&str, &Change)] = &[
            ("name", &|json| json["name"] = "../x".into()),
            ("name", &|json| json["name"] = "".into()),
            ("name", &|json| json["name"] = ".".into()),
            ("version", &|json| json["version"] = "1".repeat(65).into()),
            ("interface is 1", &|json| json["abi"] = 1.into()),
            ("u32", &|json| json["abi"] = "x".into()),
            ("lib.zip is larger", &|json| {
                json["files"]["lib.zip"]["size"] = u64::MAX.into()
            }),
            ("u64", &|json| {
                json["files"]["lib.zip"]["size"] = (-1).into()
            }),
            ("SHA-256", &|json| {
                json["files"]["LICENSE"]["sha256"] = "0".into()
            }),
            ("more.so", &|json| {
                json["files"]["more.so"] = json["files"]["LICENSE"].clone()
            }),
            ("LICENSE", &|json| {
                json["files"].as_object_mut().unwrap().remove("LICENSE");
            }),
            ("hash", &|json| json["source"] = "x".into()),
            ("65536 bytes", &|json| {
                json["more"] = "x".repeat(1 << 16).into()
            }),
        ];
        for (why, change) in cases {
            let error = with(change).unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
        for bad in ["", "[]", "{\"abi\":1,\"abi\":1}", "\u{0}", "[[[["] {
            assert!(Manifest::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
