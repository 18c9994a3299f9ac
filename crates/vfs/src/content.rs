//! The bytes of a file: chunks that were written, over the lower file they came from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chunk::{CHUNK, Chunk};
use crate::quota::Meter;
use crate::{Errno, LowerFile};

/// No file grows beyond this (1 TiB), sparse or not.
const MAX_LEN: u64 = 1 << 40;

/// A sparse file. What is in no chunk reads as the lower file, and beyond that as zeros.
#[derive(Default)]
pub(crate) struct Content {
    len: u64,
    base: Option<Base>,
    chunks: BTreeMap<u64, Chunk>,
}

struct Base {
    file: Arc<dyn LowerFile>,
    /// How much of `file` still counts: what was truncated away stays away.
    len: u64,
}

/// How far a write got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Bytes.
    pub(crate) len: usize,
    /// Why they are not all.
    pub(crate) stopped: Option<Errno>,
}

impl Content {
    pub(crate) fn over(file: Arc<dyn LowerFile>) -> Self {
        let len = file.len();
        Self {
            len,
            base: Some(Base { file, len }),
            chunks: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of memory that the chunks are charged for.
    pub(crate) fn cost(&self) -> u64 {
        self.chunks.values().map(Chunk::cost).sum()
    }

    pub(crate) fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let n = to_usize(self.len.saturating_sub(offset)).min(buf.len());
        let mut buf = &mut buf[..n];
        let mut at = offset;
        if self.chunks.is_empty() {
            self.read_base(buf, at)?;
            return Ok(n);
        }
        while !buf.is_empty() {
            let start = to_usize(at % CHUNK);
            let piece = buf.len().min(to_usize(CHUNK) - start);
            let (now, later) = buf.split_at_mut(piece);
            match self.chunks.get(&(at / CHUNK)) {
                Some(chunk) => chunk.read(now, start)?,
                None => self.read_base(now, at)?,
            }
            at += piece as u64;
            buf = later;
        }
        Ok(n)
    }

    fn read_base(&self, buf: &mut [u8], offset: u64) -> Result<(), Errno> {
        let mut done = 0;
        if let Some(base) = &self.base {
            let held = to_usize(base.len.saturating_sub(offset)).min(buf.len());
            while done < held {
                let n = base
                    .file
                    .read_at(&mut buf[done..held], offset + done as u64)?;
                // A file that is shorter than it said is damaged, not at its end.
                if n == 0 || n > held - done {
                    return Err(Errno::Io);
                }
                done += n;
            }
        }
        buf[done..].fill(0);
        Ok(())
    }

    /// Writes what there is room for; an error only if that is nothing.
    pub(crate) fn write_at(
        &mut self,
        meter: &mut Meter,
        data: &[u8],
        offset: u64,
    ) -> Result<Written, Errno> {
        let room = to_usize(MAX_LEN.saturating_sub(offset));
        let mut written = Written {
            len: 0,
            stopped: (data.len() > room).then_some(Errno::Fbig),
        };
        let data = &data[..data.len().min(room)];
        while written.len < data.len() {
            let at = offset + written.len as u64;
            let start = to_usize(at % CHUNK);
            let piece = (data.len() - written.len).min(to_usize(CHUNK) - start);
            let bytes = &data[written.len..written.len + piece];
            let done = self
                .chunk_mut(meter, at / CHUNK, start + piece)
                .and_then(|chunk| chunk.write(bytes, start));
            if let Err(errno) = done {
                written.stopped = Some(errno);
                break;
            }
            written.len += piece;
            self.len = self.len.max(at + piece as u64);
        }
        match written.stopped {
            Some(errno) if written.len == 0 => Err(errno),
            _ => Ok(written),
        }
    }

    /// The chunk at `index`, with room for at least `need` bytes.
    fn chunk_mut(
        &mut self,
        meter: &mut Meter,
        index: u64,
        need: usize,
    ) -> Result<&mut Chunk, Errno> {
        if !self.chunks.contains_key(&index) {
            let chunk = self.new_chunk(meter, index, need)?;
            return Ok(self.chunks.entry(index).or_insert(chunk));
        }
        let chunk = self.chunks.get_mut(&index).ok_or(Errno::Io)?;
        chunk.make_room(meter, need)?;
        Ok(chunk)
    }

    /// A chunk with what shows at its place so far.
    fn new_chunk(&self, meter: &mut Meter, index: u64, need: usize) -> Result<Chunk, Errno> {
        let start = index * CHUNK;
        let base_len = self.base.as_ref().map_or(0, |base| base.len);
        let below = to_usize(base_len.saturating_sub(start).min(CHUNK));
        let mut chunk = Chunk::new(meter, need.max(below))?;
        if below > 0 {
            let mut bytes = vec![0; below];
            let copied = self
                .read_base(&mut bytes, start)
                .and_then(|()| chunk.write(&bytes, 0));
            copied.inspect_err(|_| meter.give(chunk.cost()))?;
        }
        Ok(chunk)
    }

    pub(crate) fn set_len(&mut self, meter: &mut Meter, len: u64) -> Result<(), Errno> {
        if len > MAX_LEN {
            return Err(Errno::Fbig);
        }
        if len < self.len {
            let cut = self.chunks.split_off(&len.div_ceil(CHUNK));
            meter.give(cut.values().map(Chunk::cost).sum());
            if let Some(chunk) = self.chunks.get_mut(&(len / CHUNK)) {
                chunk.truncate(meter, to_usize(len % CHUNK));
            }
            if let Some(base) = &mut self.base {
                base.len = base.len.min(len);
            }
        }
        self.len = len;
        Ok(())
    }

    /// Makes sure that later writes to this range find their space, and extends the file to it.
    pub(crate) fn reserve(
        &mut self,
        meter: &mut Meter,
        offset: u64,
        len: u64,
    ) -> Result<(), Errno> {
        let end = offset
            .checked_add(len)
            .filter(|&end| end <= MAX_LEN)
            .ok_or(Errno::Fbig)?;
        // Without this a hopeless request would fill the layer before it fails.
        let chunks = offset / CHUNK..end.div_ceil(CHUNK);
        let held = self.chunks.range(chunks.clone()).count() as u64;
        // The first and the last chunk may be needed in part only.
        let whole = (chunks.end - chunks.start).saturating_sub(held + 2);
        if whole.saturating_mul(CHUNK) > meter.room() {
            return Err(Errno::Nospc);
        }
        let mut at = offset;
        while at < end {
            let piece = (CHUNK - at % CHUNK).min(end - at);
            self.chunk_mut(meter, at / CHUNK, to_usize(at % CHUNK + piece))?;
            at += piece;
        }
        self.len = self.len.max(end);
        Ok(())
    }
}

/// Saturates, which is right for lengths that are then cut to a buffer's.
fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Unmetered};

    struct Text(&'static [u8]);

    impl LowerFile for Text {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }
        fn mtime(&self) -> u64 {
            0
        }
        fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
            let rest = self.0.get(offset as usize..).unwrap_or_default();
            let n = rest.len().min(buf.len()).min(3);
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        }
    }

    fn meter(max_scratch_bytes: u64) -> Meter {
        Meter::new(
            Arc::new(Unmetered),
            &Limits {
                max_scratch_bytes,
                ..Limits::default()
            },
        )
    }

    fn whole(len: usize) -> Result<Written, Errno> {
        Ok(Written { len, stopped: None })
    }

    fn all(content: &Content) -> Vec<u8> {
        let mut bytes = vec![0xff; content.len() as usize];
        assert_eq!(content.read_at(&mut bytes, 0), Ok(bytes.len()));
        bytes
    }

    #[test]
    fn a_hole_costs_nothing_and_reads_as_zeros() {
        let mut meter = meter(1 << 20);
        let mut content = Content::default();
        content.set_len(&mut meter, 1 << 39).unwrap();
        assert_eq!(meter.used(), 0);
        let mut buf = [7; 5];
        assert_eq!(content.read_at(&mut buf, 1 << 38), Ok(5));
        assert_eq!(buf, [0; 5]);
        assert_eq!(content.write_at(&mut meter, b"x", 1 << 38), whole(1));
        assert_eq!(meter.used(), 128);
    }

    #[test]
    fn nothing_is_written_at_a_tebibyte_or_beyond() {
        let mut meter = meter(1 << 20);
        let mut content = Content::default();
        assert_eq!(
            content.write_at(&mut meter, b"x", 1 << 40),
            Err(Errno::Fbig)
        );
        assert_eq!(
            content.write_at(&mut meter, b"x", u64::MAX),
            Err(Errno::Fbig)
        );
        assert_eq!(content.set_len(&mut meter, (1 << 40) + 1), Err(Errno::Fbig));
        let last = content.write_at(&mut meter, b"xy", (1 << 40) - 1);
        let stopped = Some(Errno::Fbig);
        assert_eq!(last, Ok(Written { len: 1, stopped }));
        content.set_len(&mut meter, 0).unwrap();
        assert_eq!(content.reserve(&mut meter, u64::MAX, 2), Err(Errno::Fbig));
        assert_eq!(content.reserve(&mut meter, 0, 1 << 40), Err(Errno::Nospc));
        assert_eq!(meter.used(), 0);
    }

    #[test]
    fn a_write_over_a_lower_file_copies_only_its_chunk() {
        let mut meter = meter(1 << 20);
        let mut content = Content::over(Arc::new(Text(b"hello world")));
        assert_eq!(content.write_at(&mut meter, b"J", 0), whole(1));
        assert_eq!(all(&content), b"Jello world");
        content.set_len(&mut meter, 4).unwrap();
        content.set_len(&mut meter, 8).unwrap();
        assert_eq!(all(&content), b"Jell\0\0\0\0");
    }

    #[test]
    fn what_was_truncated_from_a_lower_file_stays_away() {
        let mut meter = meter(1 << 20);
        let mut content = Content::over(Arc::new(Text(b"hello world")));
        content.set_len(&mut meter, 5).unwrap();
        content.set_len(&mut meter, 7).unwrap();
        assert_eq!(all(&content), b"hello\0\0");
        assert_eq!(meter.used(), 0);
    }

    #[test]
    fn a_write_is_short_when_space_ends_in_the_middle() {
        let mut meter = meter(100_000);
        let mut content = Content::default();
        let short = Written {
            len: 65_536,
            stopped: Some(Errno::Nospc),
        };
        assert_eq!(content.write_at(&mut meter, &[1; 200_000], 0), Ok(short));
        assert_eq!(
            content.write_at(&mut meter, &[1; 200_000], 65_536),
            Err(Errno::Nospc)
        );
        assert_eq!(content.len(), 65_536);
        assert_eq!(meter.used(), content.cost());
        content.set_len(&mut meter, 0).unwrap();
        assert_eq!(meter.used(), 0);
    }

    #[test]
    fn cost_follows_every_growth_and_truncation() {
        let mut meter = meter(1 << 30);
        let mut content = Content::default();
        for (offset, len) in [(0, 1), (70_000, 10), (65_000, 5_000), (1 << 30, 1)] {
            content.write_at(&mut meter, &vec![1; len], offset).unwrap();
            assert_eq!(meter.used(), content.cost());
        }
        for len in [70_005, 65_536, 65_535, 100, 64, 1, 0] {
            content.set_len(&mut meter, len).unwrap();
            assert_eq!(meter.used(), content.cost());
        }
        assert_eq!(meter.used(), 0);
    }
}
