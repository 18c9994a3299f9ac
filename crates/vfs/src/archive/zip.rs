//! The zip format, read strictly.
//!
//! An archive says everything twice: in a list at its end, and before the bytes of every entry.
//! Readers that believe one or the other see different archives, and entries that lie over one
//! another unpack to a multiple of what was sent. So both must agree here, and nothing may overlap.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::ops::Range;

use super::read_at::{ReadAt, Section};
use super::{ArchiveError, ArchiveLimits, EntryProblem, names, time};

const LOCAL: u32 = 0x0403_4b50;
const LISTED: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const ZIP64_LOCATOR: u32 = 0x0706_4b50;

const LOCAL_LEN: usize = 30;
const LISTED_LEN: usize = 46;
const END_LEN: usize = 22;
const ZIP64_LOCATOR_LEN: usize = 20;
const MAX_COMMENT: usize = 0xffff;

/// Stands for a number that the zip64 format has elsewhere.
const ELSEWHERE: u32 = u32::MAX;

/// Flags of entries that are encrypted, one way or another.
const ENCRYPTED: u16 = 1 << 0 | 1 << 6 | 1 << 13;
/// Flag of an entry that is a difference to another file.
const PATCH: u16 = 1 << 5;
/// Flag of an entry whose sizes were not known before its bytes.
const STREAMED: u16 = 1 << 3;

/// Most bytes that are read at once.
pub(super) const BUFFER: usize = 64 << 10;

/// A file or directory in an archive.
pub(super) struct Entry {
    /// Its path, without a slash at the end.
    pub(super) path: String,
    /// Time of last modification, in ns since 1970.
    pub(super) modified: u64,
    /// `None` for a directory.
    pub(super) file: Option<Packed>,
    header: Header,
}

/// The bytes of a file, as they lie in the archive.
pub(super) struct Packed {
    pub(super) method: Method,
    pub(super) range: Range<u64>,
    /// Bytes unpacked.
    pub(super) len: u32,
    pub(super) checksum: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// What must stand before an entry's bytes, and where.
struct Header {
    at: u32,
    method: u16,
    checksum: u32,
    packed_len: u32,
    len: u32,
}

/// The entries of an archive, in the order of its list.
pub(super) fn entries(
    bytes: &dyn ReadAt,
    limits: &ArchiveLimits,
) -> Result<Vec<Entry>, ArchiveError> {
    let (count, list) = find_list(bytes)?;
    if usize::from(count) > limits.max_entries {
        let limit = limits.max_entries;
        return Err(ArchiveError::TooManyEntries { limit });
    }
    let mut rest = BufReader::with_capacity(BUFFER, Section::new(bytes, list.clone()));
    let mut entries = Vec::with_capacity(usize::from(count));
    let mut len = 0;
    for _ in 0..count {
        let entry = next_entry(&mut rest, limits)?;
        len += entry.file.as_ref().map_or(0, |file| u64::from(file.len));
        if len > limits.max_bytes {
            let limit = limits.max_bytes;
            return Err(ArchiveError::TooLarge { limit });
        }
        entries.push(entry);
    }
    if !rest.fill_buf().map_err(ArchiveError::Read)?.is_empty() {
        return Err(ArchiveError::Directory);
    }
    locate(bytes, &mut entries, list.start)?;
    Ok(entries)
}

/// How many entries there are, and where they are listed.
fn find_list(bytes: &dyn ReadAt) -> Result<(u16, Range<u64>), ArchiveError> {
    let size = bytes.size().map_err(ArchiveError::Read)?;
    let most = (ZIP64_LOCATOR_LEN + END_LEN + MAX_COMMENT) as u64;
    let tail_at = size.saturating_sub(most);
    let mut tail = Vec::new();
    let mut section = Section::new(bytes, tail_at..size);
    section.read_to_end(&mut tail).map_err(ArchiveError::Read)?;
    let mut ends = (0..tail.len()).rev().filter_map(|at| {
        let (record, comment) = tail[at..].split_first_chunk::<END_LEN>()?;
        let is_end = u32_at(record, 0) == END && usize::from(u16_at(record, 20)) == comment.len();
        is_end.then_some((at, record))
    });
    let Some((at, record)) = ends.next() else {
        return Err(match starts_as_zip(bytes)? {
            true => ArchiveError::Truncated,
            false => ArchiveError::NotAZip,
        });
    };
    let before = tail[..at].last_chunk::<ZIP64_LOCATOR_LEN>();
    let (count, len, start) = (u16_at(record, 10), u32_at(record, 12), u32_at(record, 16));
    if count == u16::MAX
        || len == ELSEWHERE
        || start == ELSEWHERE
        || before.is_some_and(|before| u32_at(before, 0) == ZIP64_LOCATOR)
    {
        return Err(ArchiveError::Zip64);
    }
    if u16_at(record, 4) != 0 || u16_at(record, 6) != 0 || u16_at(record, 8) != count {
        return Err(ArchiveError::Split);
    }
    let list = u64::from(start)..u64::from(start) + u64::from(len);
    if list.end != tail_at + at as u64 {
        return Err(ArchiveError::Directory);
    }
    Ok((count, list))
}

fn starts_as_zip(bytes: &dyn ReadAt) -> Result<bool, ArchiveError> {
    let mut start = [0; 4];
    match Section::new(bytes, 0..4).read_exact(&mut start) {
        Ok(()) => Ok(u32_at(&start, 0) == LOCAL),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(ArchiveError::Read(error)),
    }
}

/// Reads what the list says of the next entry; where its bytes begin is not known from there.
fn next_entry(list: &mut impl Read, limits: &ArchiveLimits) -> Result<Entry, ArchiveError> {
    let mut record = [0; LISTED_LEN];
    list.read_exact(&mut record).map_err(list_error)?;
    if u32_at(&record, 0) != LISTED {
        return Err(ArchiveError::Directory);
    }
    let mut name = vec![0; usize::from(u16_at(&record, 28))];
    list.read_exact(&mut name).map_err(list_error)?;
    let others = usize::from(u16_at(&record, 30)) + usize::from(u16_at(&record, 32));
    list.read_exact(&mut vec![0; others]).map_err(list_error)?;
    parse(&record, &name, limits).map_err(|problem| ArchiveError::entry(&name, problem))
}

fn list_error(error: io::Error) -> ArchiveError {
    match error.kind() {
        ErrorKind::UnexpectedEof => ArchiveError::Directory,
        _ => ArchiveError::Read(error),
    }
}

fn parse(
    record: &[u8; LISTED_LEN],
    name: &[u8],
    limits: &ArchiveLimits,
) -> Result<Entry, EntryProblem> {
    // Whether the archive calls it UTF-8 or not: many that are do not.
    let name = std::str::from_utf8(name).map_err(|_| EntryProblem::NotUtf8)?;
    let (path, is_directory) = match name.strip_suffix('/') {
        // The root has no entry.
        Some("") => return Err(EntryProblem::Absolute),
        Some(path) => (path, true),
        None => (name, false),
    };
    names::check(path, limits)?;
    check_kind(u32_at(record, 38), is_directory)?;
    let header = Header {
        at: u32_at(record, 42),
        method: u16_at(record, 10),
        checksum: u32_at(record, 16),
        packed_len: u32_at(record, 20),
        len: u32_at(record, 24),
    };
    if u16_at(record, 8) & ENCRYPTED != 0 {
        return Err(EntryProblem::Encrypted);
    }
    if [header.at, header.packed_len, header.len].contains(&ELSEWHERE) {
        return Err(EntryProblem::Zip64);
    }
    let method = match header.method {
        0 => Method::Stored,
        8 => Method::Deflated,
        method => return Err(EntryProblem::Method(method)),
    };
    let is_whole = u16_at(record, 8) & PATCH == 0 && u16_at(record, 34) == 0;
    let is_as_packed = method != Method::Stored || header.packed_len == header.len;
    if !is_whole || !is_as_packed || is_directory && header.len > 0 {
        return Err(EntryProblem::Header);
    }
    Ok(Entry {
        path: path.to_owned(),
        modified: time::from_dos(u16_at(record, 14), u16_at(record, 12)),
        file: (!is_directory).then_some(Packed {
            method,
            range: 0..0,
            len: header.len,
            checksum: header.checksum,
        }),
        header,
    })
}

/// Refuses what is neither file nor directory. The upper half of `attributes` is a Unix mode; those
/// who know of none leave it 0.
fn check_kind(attributes: u32, is_directory: bool) -> Result<(), EntryProblem> {
    match attributes >> 16 & 0o170_000 {
        0 | 0o100_000 => Ok(()),
        0o040_000 if is_directory => Ok(()),
        0o120_000 => Err(EntryProblem::Symlink),
        _ => Err(EntryProblem::Special),
    }
}

/// Finds the bytes of every entry, none of them another's, all before `end`.
fn locate(bytes: &dyn ReadAt, entries: &mut [Entry], end: u64) -> Result<(), ArchiveError> {
    let mut by_position: Vec<&mut Entry> = entries.iter_mut().collect();
    by_position.sort_unstable_by_key(|entry| entry.header.at);
    let mut free = 0;
    for entry in by_position {
        let start = u64::from(entry.header.at);
        if start < free {
            return Err(entry.fails(EntryProblem::Overlap));
        }
        let data = entry.data_start(bytes, start..end)?;
        let range = data..data + u64::from(entry.header.packed_len);
        if range.end > end {
            return Err(entry.fails(EntryProblem::Overlap));
        }
        free = range.end;
        if let Some(file) = &mut entry.file {
            file.range = range;
        }
    }
    Ok(())
}

impl Entry {
    pub(super) fn fails(&self, problem: EntryProblem) -> ArchiveError {
        ArchiveError::entry(self.path.as_bytes(), problem)
    }

    /// Where its bytes begin, after what stands before them in `range`.
    fn data_start(&self, bytes: &dyn ReadAt, range: Range<u64>) -> Result<u64, ArchiveError> {
        let slash = if self.file.is_none() { "/" } else { "" };
        let name_len = self.path.len() + slash.len();
        let mut before = vec![0; LOCAL_LEN + name_len];
        let start = range.start;
        match Section::new(bytes, range).read_exact(&mut before) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(self.fails(EntryProblem::Header));
            }
            read => read.map_err(ArchiveError::Read)?,
        }
        let Some((record, name)) = before.split_first_chunk::<LOCAL_LEN>() else {
            return Err(self.fails(EntryProblem::Header));
        };
        let (path, end) = name.split_at(self.path.len());
        let is_named = usize::from(u16_at(record, 26)) == name_len
            && path == self.path.as_bytes()
            && end == slash.as_bytes();
        if !is_named {
            return Err(self.fails(EntryProblem::Header));
        }
        let header = &self.header;
        header
            .check(record)
            .map_err(|problem| self.fails(problem))?;
        let extra = u64::from(u16_at(record, 28));
        Ok(start + before.len() as u64 + extra)
    }
}

impl Header {
    fn check(&self, record: &[u8; LOCAL_LEN]) -> Result<(), EntryProblem> {
        let flags = u16_at(record, 6);
        if flags & ENCRYPTED != 0 {
            return Err(EntryProblem::Encrypted);
        }
        let numbers = (u32_at(record, 14), u32_at(record, 18), u32_at(record, 22));
        if numbers.1 == ELSEWHERE || numbers.2 == ELSEWHERE {
            return Err(EntryProblem::Zip64);
        }
        let is_same = numbers == (self.checksum, self.packed_len, self.len);
        if u32_at(record, 0) != LOCAL
            || u16_at(record, 8) != self.method
            || flags & STREAMED == 0 && !is_same
        {
            return Err(EntryProblem::Header);
        }
        Ok(())
    }
}

fn u16_at<const N: usize>(record: &[u8; N], at: usize) -> u16 {
    u16::from_le_bytes([record[at], record[at + 1]])
}

fn u32_at<const N: usize>(record: &[u8; N], at: usize) -> u32 {
    u32::from(u16_at(record, at)) | u32::from(u16_at(record, at + 2)) << 16
}
