//! Writing zip archives: the same bytes for the same files, whenever and wherever.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// An archive that is being written.
pub struct ZipWriter<W> {
    out: W,
    written: u64,
    directory: Vec<u8>,
    entries: u16,
}

/// 1980-01-01, the first day that the format knows, at 0:00.
const NO_TIME: [u8; 4] = [0, 0, 0x21, 0];
/// The version of the format that knows deflate.
const VERSION: [u8; 2] = 20_u16.to_le_bytes();
/// Made on Unix, where the mode of a file is kept.
const MADE_BY: [u8; 2] = (3 << 8 | 20_u16).to_le_bytes();
/// Names are UTF-8.
const FLAGS: [u8; 2] = (1_u16 << 11).to_le_bytes();
/// A regular file that everybody may read.
const MODE: [u8; 4] = (0o100_644_u32 << 16).to_le_bytes();

impl<W: Write> ZipWriter<W> {
    pub fn new(out: W) -> Self {
        Self {
            out,
            written: 0,
            directory: Vec::new(),
            entries: 0,
        }
    }

    /// Adds a file, compressed if that helps. Names are added in order, each once.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut crc = Crc::new();
        crc.update(bytes);
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(bytes)?;
        let deflated = deflated.finish()?;
        let (method, stored) = match deflated.len() < bytes.len() {
            true => (8_u16, deflated.as_slice()),
            false => (0, bytes),
        };
        let small = |length: usize| u32::try_from(length).map_err(|_| too_large());
        let name_length = u16::try_from(name.len()).map_err(|_| too_large())?;
        let mut common = [VERSION, FLAGS, method.to_le_bytes()].concat();
        common.extend(NO_TIME);
        common.extend(crc.sum().to_le_bytes());
        common.extend(small(stored.len())?.to_le_bytes());
        common.extend(small(bytes.len())?.to_le_bytes());
        common.extend(name_length.to_le_bytes());
        common.extend([0, 0]); // no extra field

        let offset = u32::try_from(self.written).map_err(|_| too_large())?;
        for part in [b"PK\x03\x04", common.as_slice(), name.as_bytes(), stored] {
            self.out.write_all(part)?;
            self.written += part.len() as u64;
        }
        self.entries = self.entries.checked_add(1).ok_or_else(too_large)?;
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(MADE_BY);
        self.directory.extend(common);
        self.directory.extend([0; 6]); // no comment, the first disk, no attributes of DOS
        self.directory.extend(MODE);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        Ok(())
    }

    /// Writes what readers begin with.
    pub fn finish(mut self) -> io::Result<W> {
        let offset = u32::try_from(self.written).map_err(|_| too_large())?;
        let size = u32::try_from(self.directory.len()).map_err(|_| too_large())?;
        self.out.write_all(&self.directory)?;
        self.out.write_all(b"PK\x05\x06\0\0\0\0")?;
        for entries in [self.entries; 2] {
            self.out.write_all(&entries.to_le_bytes())?;
        }
        self.out.write_all(&size.to_le_bytes())?;
        self.out.write_all(&offset.to_le_bytes())?;
        self.out.write_all(&[0, 0])?;
        Ok(self.out)
    }
}

fn too_large() -> io::Error {
    io::Error::other("this is more than an archive can have: 65,535 files and 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn other_programs_read_what_was_written() {
        let large = b"line of text\n".repeat(10_000);
        let mut zip = ZipWriter::new(Vec::new());
        for (name, bytes) in [("a.txt", &large[..]), ("b/ä", b"\0\xff"), ("b/empty", b"")] {
            zip.add(name, bytes).unwrap();
        }
        let bytes = zip.finish().unwrap();
        assert!(bytes.len() < large.len() / 10);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let read = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); z.testzip() and sys.exit(1)\n\
            print([(i.filename, i.file_size, i.date_time[:3], oct(i.external_attr >> 16)) for i in z.infolist()])";
        let python = Command::new("python3")
            .args(["-c", read])
            .arg(file.path())
            .output();
        let output = python.unwrap();
        let expected = "[('a.txt', 130000, (1980, 1, 1), '0o100644'), \
            ('b/ä', 2, (1980, 1, 1), '0o100644'), ('b/empty', 0, (1980, 1, 1), '0o100644')]\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}
