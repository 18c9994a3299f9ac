//! Runtimes and archives as the tests need them.

use std::fs;
use std::io::Write;
use std::path::Path;

use faasm_python::{Error, Installed, Runtime, Sha256, Store};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::Digest;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// A directory for a store and for what is to be installed.
pub(crate) struct Home {
    dir: TempDir,
    pub(crate) store: Store,
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::in_data_home(dir.path());
        Self { dir, store }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn install(&self, archive: &[u8]) -> Result<Installed, Error> {
        self.store
            .install_stream("the test", archive, None, &mut |_| {})
    }

    /// What is in the store, hidden things as well.
    pub(crate) fn entries(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.store.dir()) else {
            return Vec::new();
        };
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries.map(|e| name(e).into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The files of a runtime, the manifest first.
#[derive(Clone)]
pub(crate) struct Files(pub(crate) Vec<(String, Vec<u8>)>);

impl Files {
    /// Of a runtime that `tag` makes different from others.
    pub(crate) fn new(tag: &str) -> Self {
        let wasm: Vec<u8> = tag.bytes().cycle().take(100_000).collect();
        let parts = [
            ("LICENSE", b"as is".to_vec()),
            ("lib.zip", b"PK".to_vec()),
            ("python.wasm", wasm),
        ];
        let contents = parts.iter().map(|(name, content)| {
            let content = json!({ "sha256": sha256(content).to_string(), "size": content.len() });
            ((*name).to_owned(), content)
        });
        let contents: serde_json::Map<_, _> = contents.collect();
        let manifest = json!({ "name": "test", "version": "1.0", "abi": 2, "files": contents });
        let manifest = (
            Runtime::MANIFEST.to_owned(),
            manifest.to_string().into_bytes(),
        );
        let parts = parts.map(|(name, content)| (name.to_owned(), content));
        Self([manifest].into_iter().chain(parts).collect())
    }

    /// A file's content, to change it.
    pub(crate) fn content(&mut self, name: &str) -> &mut Vec<u8> {
        let mut files = self.0.iter_mut();
        &mut files.find(|(is, _)| is == name).unwrap().1
    }

    pub(crate) fn write(&self, dir: &Path) {
        fs::create_dir_all(dir).unwrap();
        for (name, content) in &self.0 {
            fs::write(dir.join(name), content).unwrap();
        }
    }

    /// The archive of them, in this order.
    pub(crate) fn archive(&self) -> Vec<u8> {
        archive(|tar| {
            for (name, content) in &self.0 {
                add(tar, name, EntryType::Regular, content);
            }
        })
    }
}

pub(crate) type Tar = Builder<GzEncoder<Vec<u8>>>;

pub(crate) fn archive(fill: impl FnOnce(&mut Tar)) -> Vec<u8> {
    let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    fill(&mut tar);
    tar.into_inner().unwrap().finish().unwrap()
}

/// Adds an entry whose name is not looked at, as an attacker would.
pub(crate) fn add(tar: &mut Tar, name: &str, kind: EntryType, content: &[u8]) {
    let header = header(name, kind, content.len() as u64);
    tar.append(&header, content).unwrap();
}

pub(crate) fn header(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    header
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    let digest = sha2::Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.parse().unwrap()
}
