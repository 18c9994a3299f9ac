//! What can be wrong with an archive.

use std::io;

/// Bytes of an entry's name that a message repeats.
const SHOWN: usize = 200;

/// Why an archive cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It does not end as a zip archive does, nor begin as one.
    #[error("this is no zip archive; make one, say with `zip -r archive.zip .`")]
    NotAZip,
    /// It begins as a zip archive, but has no end.
    #[error("the zip archive is cut off; make it again, or send it again")]
    Truncated,
    /// The list of entries is not where, or not what, the archive's end says.
    #[error("the list of entries in the zip archive is damaged; make the archive again")]
    Directory,
    /// It needs numbers that only the zip64 format has.
    #[error(
        "the zip archive is of the zip64 format; make it with fewer than 65,535 entries and \
         less than 4 GiB, and not as a stream"
    )]
    Zip64,
    /// It goes on in other files.
    #[error("the zip archive is split into parts; make it in one")]
    Split,
    /// It has too many files and directories, those counted that only paths speak of.
    #[error(
        "the zip archive has more than {limit} files and directories; leave out what is not needed"
    )]
    TooManyEntries {
        /// How many it may have.
        limit: usize,
    },
    /// Its files are too large together.
    #[error("the zip archive unpacks to more than {limit} bytes; leave out what is not needed")]
    TooLarge {
        /// Bytes that it may have unpacked.
        limit: u64,
    },
    /// Something is wrong with one entry.
    #[error("{name:?} in the zip archive {problem}")]
    Entry {
        /// Its path, as far as it can be shown.
        name: String,
        /// What.
        problem: EntryProblem,
    },
    /// The archive cannot be read.
    #[error("cannot read the zip archive: {0}")]
    Read(#[source] io::Error),
    /// What was unpacked cannot be written.
    #[error("cannot write what the zip archive unpacks to: {0}")]
    Write(#[source] io::Error),
}

/// What is wrong with one entry of an archive, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    /// It needs a password.
    #[error("is encrypted; pack it without a password")]
    Encrypted,
    /// It is compressed in a way that is not known here.
    #[error("is compressed by method {0}; use deflate, as `zip` does by itself")]
    Method(u16),
    /// It is compressed, in an archive that is read where it lies.
    #[error("is compressed; pack it as it is, say with `zip -0`")]
    Compressed,
    /// It needs numbers that only the zip64 format has.
    #[error("is of the zip64 format; pack it from a file of less than 4 GiB, and not as a stream")]
    Zip64,
    /// It is a symbolic link.
    #[error("is a symbolic link; pack what it points to")]
    Symlink,
    /// It is a device, a pipe, a socket or the like.
    #[error("is neither a file nor a directory; leave it out")]
    Special,
    /// Its path is not UTF-8.
    #[error("has a path that is not UTF-8; rename it")]
    NotUtf8,
    /// Its path begins with a slash.
    #[error("has an absolute path; pack it by a path that starts in the archive")]
    Absolute,
    /// Its path has an empty name, `.` or `..` in it.
    #[error("has an empty name, `.` or `..` in its path; pack it by its plain path")]
    Dots,
    /// Its path has a backslash in it.
    #[error("has a backslash in its path; put / between names")]
    Backslash,
    /// Its path has a control character in it, say NUL.
    #[error("has a control character in its path; rename it")]
    Control,
    /// A name in its path is over 255 bytes.
    #[error("has a name of more than 255 bytes in its path; shorten it")]
    LongName,
    /// Its path is too long.
    #[error("has a path of more than {limit} bytes; shorten it")]
    LongPath {
        /// Bytes that it may have.
        limit: usize,
    },
    /// Its path has too many names.
    #[error("lies more than {limit} names deep; move it up")]
    Deep {
        /// Names that its path may have.
        limit: usize,
    },
    /// Its path is another entry's too.
    #[error("is there twice; pack it once")]
    Duplicate,
    /// A directory of its path is a file.
    #[error("lies in what is also a file; rename one of them")]
    Conflict,
    /// It lies over another entry or the list of entries.
    #[error("shares its bytes with another part of the archive; make the archive again")]
    Overlap,
    /// What stands before its bytes is not what the list of entries says.
    #[error("is not what the archive's list of entries says; make the archive again")]
    Header,
    /// It has more or fewer bytes than the list of entries says.
    #[error("has another size than the archive says; make the archive again")]
    Size,
    /// Its bytes are others than were packed.
    #[error("is damaged: its checksum is wrong; make the archive again, or send it again")]
    Checksum,
    /// Its bytes cannot be decompressed.
    #[error("is damaged: it cannot be decompressed; make the archive again, or send it again")]
    Damaged,
}

impl ArchiveError {
    pub(super) fn entry(name: &[u8], problem: EntryProblem) -> Self {
        let shown = &name[..name.len().min(SHOWN)];
        Self::Entry {
            name: String::from_utf8_lossy(shown).into_owned(),
            problem,
        }
    }
}
