//! Writing archives.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};
use tempfile::NamedTempFile;

use crate::archive::checksum_path;
use crate::digest::Hashing;
use crate::stage::sync_dir;
use crate::{Error, Part, Runtime, Sha256};

/// An archive that was written.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Where it is; its checksum is beside it, in a file with `.sha256` at its end.
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
    /// Its checksum.
    pub sha256: Sha256,
}

impl Runtime {
    /// What the archive of this runtime is called, if nobody says otherwise.
    pub fn archive_name(&self) -> String {
        format!("{}.tar.gz", self.manifest().directory())
    }

    /// Writes an archive that [`crate::Store::install_archive`] takes, and its checksum.
    /// Of the same runtime it is always the same bytes. A damaged runtime is not packed.
    pub fn pack(&self, out: &Path) -> Result<Packed, Error> {
        self.verify()?;
        let writing = || Error::io("write", out);
        let gzip = GzBuilder::new().write(Hashing::new(beside(out)?), Compression::new(6));
        let mut tar = tar::Builder::new(gzip);
        // The manifest comes first: who reads it knows what else may come.
        let manifest = self.manifest().bytes.as_slice();
        append(&mut tar, Self::MANIFEST, manifest.len() as u64, manifest).map_err(writing())?;
        for part in Part::ALL {
            let path = self.path(part);
            let file = File::open(&path).map_err(Error::io("open", &path))?;
            append(&mut tar, part.file_name(), self.size(part), file).map_err(writing())?;
        }
        let gzip = tar.into_inner().map_err(writing())?;
        let (archive, sha256) = gzip.finish().map_err(writing())?.finish();
        let size = archive.as_file().metadata().map_err(writing())?.len();

        let path = checksum_path(out);
        let mut checksum = beside(&path)?;
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        writeln!(checksum, "{sha256}  {name}").map_err(Error::io("write", &path))?;
        // Nobody takes a new archive for what an old checksum beside it says.
        keep(archive, out)?;
        keep(checksum, &path)?;
        Ok(Packed {
            path: out.to_owned(),
            size,
            sha256,
        })
    }
}

/// Adds a file of which only name and content tell anything.
fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    from: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    tar.append(&header, from)
}

/// A new file in the directory of `out`, for everybody to read.
fn beside(out: &Path) -> Result<NamedTempFile, Error> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".packing-");
    builder.permissions(Permissions::from_mode(0o644));
    builder
        .tempfile_in(parent(out))
        .map_err(Error::io("write", out))
}

/// Gives a file its name, once it is on disk.
fn keep(file: NamedTempFile, path: &Path) -> Result<(), Error> {
    file.as_file().sync_all().map_err(Error::io("save", path))?;
    let persisted = file.persist(path).map_err(|error| error.error);
    persisted.map_err(Error::io("write", path))?;
    sync_dir(parent(path))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
