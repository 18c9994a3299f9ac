//! Reading archives: a gzipped tar file with exactly a runtime's files at its root, the
//! manifest first.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use tar::{Entry, EntryType};

use crate::digest::Hashing;
use crate::manifest::Manifest;
use crate::stage::{Fault, Stage};
use crate::{Error, Part, Runtime, Sha256};

/// What an archive may have, so that one without an end is given up.
const MAX_BYTES: u64 = 4 << 30;
/// Zeros may follow the last entry: archives are padded to blocks.
const MAX_PADDING: u64 = 1 << 20;
/// A checksum and a name.
const MAX_CHECKSUM_BYTES: u64 = 4096;

/// An archive that somebody wants to install.
pub(crate) struct Archive<R> {
    /// As errors call it.
    pub(crate) name: PathBuf,
    pub(crate) bytes: R,
    /// The hash that the archive has to have, if that is known.
    pub(crate) sha256: Option<Sha256>,
}

impl Archive<File> {
    /// Without a hash, the file `<archive>.sha256` says which one it is, if it is there.
    pub(crate) fn open(path: &Path, sha256: Option<Sha256>) -> Result<Self, Error> {
        Ok(Self {
            name: path.to_owned(),
            bytes: File::open(path).map_err(Error::io("open", path))?,
            sha256: match sha256 {
                Some(sha256) => Some(sha256),
                None => beside(path)?,
            },
        })
    }
}

/// The name of the file with an archive's checksum.
pub(crate) fn checksum_path(archive: &Path) -> PathBuf {
    let mut path = OsString::from(archive);
    path.push(".sha256");
    path.into()
}

fn beside(archive: &Path) -> Result<Option<Sha256>, Error> {
    let path = checksum_path(archive);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(Error::io("open", &path))?,
    };
    let mut text = Vec::new();
    let read = file.take(MAX_CHECKSUM_BYTES).read_to_end(&mut text);
    read.map_err(Error::io("read", &path))?;
    let text = String::from_utf8_lossy(&text);
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    match first.parse() {
        Ok(sha256) => Ok(Some(sha256)),
        Err(_) => Err(Error::NoChecksum(path)),
    }
}

impl<R: Read> Archive<R> {
    /// Unpacks it into an empty directory. Only if this succeeds, the directory has a
    /// runtime.
    pub(crate) fn unpack(self, dir: &Path) -> Result<Manifest, Error> {
        let Self { name, bytes, .. } = self;
        let mut bytes = Hashing::new(bytes.take(MAX_BYTES));
        let unpacked = unpack(BufReader::with_capacity(256 << 10, &mut bytes), dir, &name);
        // Another archive than was wanted is not worth a word about what is in it.
        if let Some(expected) = self.sha256 {
            io::copy(&mut bytes, &mut io::sink()).map_err(Error::io("read", &name))?;
            let (_, found) = bytes.finish();
            if found != expected {
                return Err(Error::Checksum {
                    archive: name,
                    expected,
                    found,
                });
            }
        }
        unpacked.map_err(|fault| match fault {
            Fault::Content(reason) => Error::BadArchive {
                archive: name,
                reason,
            },
            Fault::Other(error) => error,
        })
    }
}

fn unpack(bytes: impl BufRead, dir: &Path, name: &Path) -> Result<Manifest, Fault> {
    let broken = |error: io::Error| Fault::Content(error.to_string());
    let mut tar = tar::Archive::new(GzDecoder::new(bytes));
    // Raw: long names, sparse files and the like are entries of unknown types then, and
    // nothing is read into memory because an entry says so.
    let mut entries = tar.entries().map_err(broken)?.raw(true);
    let mut next = || entries.next().transpose().map_err(broken);
    let first = next()?.ok_or_else(|| Fault::Content("it is empty".into()))?;
    if plain_name(&first)? != Runtime::MANIFEST {
        return Err(Fault::Content("its first file is not manifest.json".into()));
    }
    let whose = format!("the Python runtime in {name:?}");
    let mut stage = Stage::begin(dir, first, &whose)?;
    while let Some(entry) = next()? {
        let name = plain_name(&entry)?;
        let part = Part::ALL.into_iter().find(|part| part.file_name() == name);
        let part = part.ok_or_else(|| Fault::Content(format!("{name:?} does not belong in it")))?;
        stage.add(part, entry.size(), entry)?;
    }
    expect_end(tar.into_inner())?;
    stage.finish()
}

/// The name of an entry, which must be a file.
fn plain_name<R: Read>(entry: &Entry<'_, R>) -> Result<String, Fault> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    match entry.header().entry_type() {
        EntryType::Regular => Ok(name),
        _ => Err(Fault::Content(format!("{name:?} is not an ordinary file"))),
    }
}

/// Reads what follows the last entry: padding, and the checksum of the compressed data.
fn expect_end(mut rest: GzDecoder<impl BufRead>) -> Result<(), Fault> {
    let broken = |error: io::Error| Fault::Content(error.to_string());
    let mut padding = Vec::new();
    let bounded = (&mut rest).take(MAX_PADDING).read_to_end(&mut padding);
    bounded.map_err(broken)?;
    let more = padding.len() as u64 == MAX_PADDING || padding.iter().any(|byte| *byte != 0);
    let behind = rest.into_inner().fill_buf().map_err(broken)?.len();
    match more || behind > 0 {
        true => Err(Fault::Content("something follows its last file".into())),
        false => Ok(()),
    }
}
