//! What was uploaded: a file, or an archive.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use faasm_budget::Charge;
use faasm_model::FunctionName;
use faasm_vfs::{
    Archive, ArchiveError, ArchiveLimits, Errno, Lower, LowerDirEntry, LowerFile, Metadata,
    NodeKind,
};

use super::PythonRefused;
use crate::faaslets::Shared;
use crate::files::Patient;
use crate::modules::{Unavailable, blocking, internal};

/// How archives begin: with a file, or with the end if there is none.
const ARCHIVES: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// The file of an archive that has the functions.
const MAIN: &str = "function.py";

/// Among the first lines of a file whose top-level code is to run in every call.
const NO_IMAGE: &str = "# faasm: no-snapshot";

/// Lines in which that is looked for.
const FIRST_LINES: usize = 5;

/// An uploaded function.
pub(super) struct Source {
    /// What the guest finds of it.
    pub(super) tree: Arc<dyn Lower>,
    /// Whether its calls start from an image of its own.
    pub(super) is_imaged: bool,
}

impl Source {
    /// Reads an upload, whatever it is.
    pub(super) async fn read(
        shared: &Arc<Shared>,
        name: &FunctionName,
        bytes: Vec<u8>,
    ) -> Result<Self, Unavailable> {
        let is_archive = ARCHIVES.iter().any(|begin| bytes.starts_with(begin));
        let mut charge = shared.budget.charge();
        if !is_archive {
            let text = std::str::from_utf8(&bytes).map_err(PythonRefused::Encoding)?;
            if !charge.grow(bytes.len() as u64) {
                return Err(Unavailable::NoMemory);
            }
            let is_imaged = wants_image(text);
            let file = OneFile {
                name: format!("{}.py", name.function),
                bytes: bytes.into(),
            };
            return Ok(Self {
                is_imaged,
                tree: Arc::new(Charged(file, charge)),
            });
        }
        let spool = shared.storage.spool().directory().to_owned();
        let unpacked = blocking(move || {
            let into = tempfile::tempfile_in(spool).map_err(internal)?;
            let limits = ArchiveLimits::default();
            let archive = Archive::unpack(&bytes.as_slice(), &limits, Patient::new(into));
            let archive = archive.map_err(refused)?;
            let main = main_file(&archive)?;
            // Its files are on the disk.
            if !charge.grow(archive.index_bytes()) {
                return Err(Unavailable::NoMemory);
            }
            Ok::<_, Unavailable>(Self {
                is_imaged: wants_image(&main),
                tree: Arc::new(Charged(archive, charge)),
            })
        });
        unpacked.await?
    }
}

/// The standard library, which is read where it lies.
pub(super) fn library(file: File) -> Result<Archive, ArchiveError> {
    Archive::open(Arc::new(Patient::new(file)), &ArchiveLimits::default())
}

/// The beginning of an archive's main file.
fn main_file(archive: &Archive) -> Result<String, Unavailable> {
    let missing = |_| PythonRefused::Archive(format!("there is no {MAIN} at its root"));
    let file = archive.open(MAIN).map_err(missing)?;
    let mut beginning = [0; 4 << 10];
    let read = file.read_at(&mut beginning, 0).map_err(internal)?;
    Ok(String::from_utf8_lossy(&beginning[..read]).into_owned())
}

fn refused(error: ArchiveError) -> Unavailable {
    match error {
        ArchiveError::Write(_) => internal(error),
        error => PythonRefused::Archive(error.to_string()).into(),
    }
}

/// Whether a file leaves it to the server to run its top-level code once.
fn wants_image(text: &str) -> bool {
    let mut first = text.lines().take(FIRST_LINES);
    !first.any(|line| line.trim_end() == NO_IMAGE)
}

/// A tree with the charge for the memory that it takes.
struct Charged<T>(T, #[expect(dead_code, reason = "lives as long")] Charge);

impl<T: Lower> Lower for Charged<T> {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        self.0.metadata(path)
    }

    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        self.0.list(path, after, limit)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        self.0.open(path)
    }
}

/// The tree of a function that is one file.
struct OneFile {
    name: String,
    bytes: Bytes,
}

impl Lower for OneFile {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        let (kind, len) = match path {
            "" => (NodeKind::Directory, 0),
            path if path == self.name => (NodeKind::File, self.bytes.len() as u64),
            _ => return Err(Errno::Noent),
        };
        Ok(Metadata {
            kind,
            len,
            mtime: 0,
        })
    }

    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        match self.metadata(path)?.kind {
            NodeKind::File => Err(Errno::Notdir),
            NodeKind::Directory if after.is_some_and(|after| after >= self.name.as_str()) => {
                Ok(Vec::new())
            }
            NodeKind::Directory => Ok(vec![LowerDirEntry {
                name: self.name.clone(),
                kind: NodeKind::File,
            }]),
        }
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        match self.metadata(path)?.kind {
            NodeKind::File => Ok(Arc::new(Content(self.bytes.clone()))),
            NodeKind::Directory => Err(Errno::Isdir),
        }
    }
}

/// Bytes as a file.
struct Content(Bytes);

impl LowerFile for Content {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn mtime(&self) -> u64 {
        0
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_for_no_image_stands_among_the_first_lines() {
        assert!(wants_image("import json\n"));
        assert!(!wants_image(
            "#!/usr/bin/python3\n# faasm: no-snapshot  \nimport json\n"
        ));
        assert!(wants_image("x = '# faasm: no-snapshot'\n"));
        assert!(wants_image("\n\n\n\n\n# faasm: no-snapshot\n"));
    }

    #[test]
    fn one_file_is_a_tree_with_one_file() {
        let tree = OneFile {
            name: "f.py".to_owned(),
            bytes: Bytes::from_static(b"pass\n"),
        };
        let names = |after| {
            let page = tree.list("", after, 10).unwrap();
            page.into_iter().map(|entry| entry.name).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["f.py"]);
        assert_eq!(names(Some("e")), ["f.py"]);
        assert!(names(Some("f.py")).is_empty());
        assert_eq!(tree.list("f.py", None, 10), Err(Errno::Notdir));
        assert_eq!(tree.metadata("g.py"), Err(Errno::Noent));
        assert_eq!(tree.open("").map(drop), Err(Errno::Isdir));
        let file = tree.open("f.py").unwrap();
        let mut buf = [0; 3];
        assert_eq!(file.read_at(&mut buf, 2), Ok(3));
        assert_eq!(&buf, b"ss\n");
        assert_eq!(file.read_at(&mut buf, 5), Ok(0));
        assert_eq!(file.read_at(&mut buf, u64::MAX), Ok(0));
    }
}
