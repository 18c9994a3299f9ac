//! Reading a part of a generation, at one moment.

use bytes::{Bytes, BytesMut};
use faasm_state::tier::{CHUNK_BYTES, Error, Generation, MAX_VALUE_BYTES, Result};

use super::request::Call;

/// Bytes of a generation that are wanted.
pub(super) struct Part {
    pub generation: Generation,
    pub offset: u64,
    pub length: u64,
}

impl Part {
    /// Each chunk that has some of the bytes: its number, and where they begin and end there.
    fn pieces(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let end = self.offset.saturating_add(self.length).min(MAX_VALUE_BYTES);
        let chunks = self.offset / CHUNK_BYTES..end.div_ceil(CHUNK_BYTES);
        let (offset, is_empty) = (self.offset, self.offset >= end);
        chunks.filter(move |_| !is_empty).map(move |chunk| {
            let start = chunk * CHUNK_BYTES;
            let to = (end - start).min(CHUNK_BYTES);
            (chunk, offset.saturating_sub(start), to)
        })
    }

    /// Adds what is wanted to the arguments of a script.
    pub(super) fn request(&self, call: Call) -> Call {
        self.pieces()
            .fold(call.arg(self.generation.0), |call, (chunk, from, to)| {
                call.arg(chunk).arg(from).arg(to - 1)
            })
    }

    /// The bytes, out of the parts that came.
    pub(super) fn read(&self, parts: &[Bytes]) -> Result<Bytes> {
        let mut bytes = BytesMut::with_capacity(self.length as usize);
        let mut parts = parts.iter();
        for (_, from, to) in self.pieces() {
            let full = bytes.len() + (to - from) as usize;
            let part = parts.next().filter(|part| bytes.len() + part.len() <= full);
            let damaged = || Error::Corrupted(format!("generation {}", self.generation.0));
            bytes.extend_from_slice(part.ok_or_else(damaged)?);
            // Zeros are not stored at the end of a chunk.
            bytes.resize(full, 0);
        }
        bytes.resize(self.length as usize, 0);
        Ok(bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(offset: u64, length: u64) -> Vec<(u64, u64, u64)> {
        let generation = Generation(1);
        let part = Part {
            generation,
            offset,
            length,
        };
        part.pieces().collect()
    }

    #[test]
    fn a_part_is_cut_at_the_ends_of_chunks_and_of_what_there_can_be() {
        assert_eq!(pieces(5, 0), []);
        assert_eq!(pieces(5, 10), [(0, 5, 15)]);
        let across = [(0, 10, CHUNK_BYTES), (1, 0, CHUNK_BYTES), (2, 0, 1)];
        assert_eq!(pieces(10, 2 * CHUNK_BYTES - 9), across);
        assert_eq!(pieces(CHUNK_BYTES, 1), [(1, 0, 1)]);
        assert_eq!(pieces(u64::MAX, 5), []);
        assert_eq!(pieces(MAX_VALUE_BYTES, 5), []);
        assert_eq!(pieces(MAX_VALUE_BYTES - 1, 5).len(), 1);
    }
}
