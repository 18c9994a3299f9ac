//! An image as it is stored and sent: a head, the pages that are not zero, a checksum.

use std::fs::File;
use std::io::{self, Read};

use faasm_model::ContentHash;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// How an image's file begins.
const MAGIC: &[u8; 8] = b"faasmimg";

/// Changes with the format: what has another number is made again.
pub(crate) const VERSION: u32 = 2;

/// Longest head: all that an initialiser may leave fits, also in a memory full of holes.
const MAX_HEAD: u64 = 64 << 20;

/// What is stored of an initialised module beside its memory's bytes. Globals, tables and
/// functions are named by their index in the module.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    version: u32,
    /// The image that it was made from, if that was one: what is not stored is as there.
    pub(super) base: Option<ContentHash>,
    /// Pages of 64 KiB that the memory has.
    pub(super) pages: u64,
    /// Globals that differ from how the module defines them.
    pub(super) globals: Vec<(u32, Value<u32>)>,
    /// Tables that differ likewise.
    pub(super) tables: Vec<TableHead>,
    /// The parts of the memory that are stored, by offset and length in bytes.
    pub(super) runs: Vec<(u64, u64)>,
}

/// A table that differs from how the module defines it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableHead {
    pub(super) index: u32,
    /// Elements that it has.
    pub(super) size: u64,
    /// Elements that differ, with the functions that they refer to.
    pub(super) entries: Vec<(u64, Option<u32>)>,
}

/// The value of a global; floating-point numbers by their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Value<Function> {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
    Function(Option<Function>),
}

/// An initialised module.
pub(crate) struct Snapshot {
    pub(super) head: Head,
    /// The bytes of all runs.
    pub(super) bytes: Vec<u8>,
}

/// Why a stored image cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Damaged {
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    #[error("it ends too early")]
    Short,
    #[error("it is not an image of this version")]
    Version,
    #[error("its checksum is wrong")]
    Checksum,
    #[error("it does not belong to the module")]
    Module,
    #[error("it was made from another image")]
    Base,
    #[error("the memory budget has no room for it")]
    NoMemory,
}

impl From<io::Error> for Damaged {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Short,
            _ => Self::Io(error),
        }
    }
}

impl Head {
    pub(super) fn new(pages: u64, runs: Vec<(u64, u64)>) -> Self {
        Self {
            version: VERSION,
            base: None,
            pages,
            globals: Vec::new(),
            tables: Vec::new(),
            runs,
        }
    }

    /// Bytes of memory that are stored.
    pub(super) fn stored(&self) -> u64 {
        self.runs.iter().map(|(_, length)| length).sum()
    }
}

impl Snapshot {
    /// The whole file.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Refusal> {
        let head = serde_json::to_vec(&self.head).map_err(|error| {
            Refusal::Initialiser(format!("what it leaves cannot be written down: {error}"))
        })?;
        // A longer one could not be read back.
        if head.len() as u64 > MAX_HEAD {
            return Err(Refusal::TooLarge(format!(
                "it takes {} bytes to say what its initialiser leaves, of at most {MAX_HEAD}",
                head.len()
            )));
        }
        let mut file = Vec::with_capacity(head.len() + self.bytes.len() + 64);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&(head.len() as u64).to_le_bytes());
        file.extend_from_slice(&head);
        file.extend_from_slice(&self.bytes);
        let checksum = blake3::hash(&file);
        file.extend_from_slice(checksum.as_bytes());
        Ok(file)
    }
}

/// A stored image that is being read.
pub(super) struct Reader {
    file: File,
    hasher: blake3::Hasher,
}

impl Reader {
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            hasher: blake3::Hasher::new(),
        }
    }

    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    pub(super) fn head(&mut self) -> Result<Head, Damaged> {
        let mut start = [0; 16];
        self.read(&mut start)?;
        let (magic, length) = start.split_at(8);
        let length = u64::from_le_bytes(length.try_into().map_err(|_| Damaged::Version)?);
        if magic != MAGIC || length > MAX_HEAD {
            return Err(Damaged::Version);
        }
        let mut head = vec![0; usize::try_from(length).map_err(|_| Damaged::Version)?];
        self.read(&mut head)?;
        let head: Head = serde_json::from_slice(&head).map_err(|_| Damaged::Version)?;
        match head.version {
            VERSION => Ok(head),
            _ => Err(Damaged::Version),
        }
    }

    /// Checks that the file ends here as it was written; its checksum.
    pub(super) fn finish(mut self) -> Result<ContentHash, Damaged> {
        let mut checksum = [0; 32];
        self.file.read_exact(&mut checksum)?;
        let ends = self.file.read(&mut [0])? == 0;
        match ends && self.hasher.finalize() == blake3::Hash::from_bytes(checksum) {
            true => Ok(ContentHash::from_bytes(checksum)),
            false => Err(Damaged::Checksum),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{Seek, Write};

    use super::*;

    /// A file that holds `bytes`, at its beginning.
    pub(in super::super) fn stored(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    fn snapshot() -> Snapshot {
        let mut head = Head::new(2, vec![(4096, 4096), (65_536, 8192)]);
        head.globals = vec![
            (0, Value::I32(-1)),
            (1, Value::I64(i64::MIN)),
            (2, Value::F32(f32::NAN.to_bits())),
            (3, Value::F64((-0.0f64).to_bits())),
            (4, Value::V128(u128::MAX - 1)),
            (5, Value::Function(None)),
            (6, Value::Function(Some(7))),
        ];
        head.tables.push(TableHead {
            index: 0,
            size: 9,
            entries: vec![(1, Some(2)), (8, None)],
        });
        let bytes = (0..12_288).map(|at| at as u8).collect();
        Snapshot { head, bytes }
    }

    fn read(stored: File) -> Result<Snapshot, Damaged> {
        let mut reader = Reader::new(stored);
        let head = reader.head()?;
        let mut bytes = vec![0; head.stored() as usize];
        reader.read(&mut bytes)?;
        reader.finish()?;
        Ok(Snapshot { head, bytes })
    }

    fn damage(bytes: &[u8]) -> Damaged {
        read(stored(bytes)).map(drop).unwrap_err()
    }

    #[test]
    fn what_was_written_is_read_back() {
        let written = snapshot();
        let read = read(stored(&written.to_bytes().unwrap())).unwrap();
        assert_eq!((read.head, read.bytes), (written.head, written.bytes));
    }

    #[test]
    fn a_file_that_ends_anywhere_before_its_end_is_short() {
        let bytes = snapshot().to_bytes().unwrap();
        for length in [0, 7, 15, 16, 17, 200, bytes.len() - 33, bytes.len() - 1] {
            let damaged = damage(&bytes[..length]);
            assert!(matches!(damaged, Damaged::Short), "{length}: {damaged:?}");
        }
    }

    #[test]
    fn a_changed_byte_and_one_too_many_are_seen() {
        let bytes = snapshot().to_bytes().unwrap();
        for at in [bytes.len() - 12_000, bytes.len() - 33, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let damaged = damage(&changed);
            assert!(matches!(damaged, Damaged::Checksum), "{at}: {damaged:?}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert!(matches!(damage(&longer), Damaged::Checksum));
    }

    #[test]
    fn other_files_other_versions_and_endless_heads_are_not_images_of_this_version() {
        let bytes = snapshot().to_bytes().unwrap();
        let changed = |at: usize, to: &[u8]| {
            let mut changed = bytes.clone();
            changed[at..at + to.len()].copy_from_slice(to);
            changed
        };
        let mut next = snapshot();
        next.head.version = VERSION + 1;
        for other in [
            changed(0, b"F"),
            changed(8, &(MAX_HEAD + 1).to_le_bytes()),
            changed(8, &u64::MAX.to_le_bytes()),
            changed(16, b"["),
            next.to_bytes().unwrap(),
        ] {
            let damaged = damage(&other);
            assert!(matches!(damaged, Damaged::Version), "{damaged:?}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_taken_for_a_damaged_one() {
        let dir = tempfile::tempdir().unwrap();
        let unreadable = File::create(dir.path().join("image")).unwrap();
        let damaged = read(unreadable).map(drop).unwrap_err();
        assert!(matches!(damaged, Damaged::Io(_)), "{damaged:?}");
    }

    #[test]
    fn a_head_that_could_not_be_read_back_is_not_written() {
        let runs = (0..4 << 20).map(|at| (at * 8192, 4096)).collect();
        let head = Head::new(1 << 19, runs);
        let bytes = Vec::new();
        let refused = Snapshot { head, bytes }.to_bytes().map(drop);
        assert!(matches!(refused, Err(Refusal::TooLarge(_))), "{refused:?}");
    }
}
