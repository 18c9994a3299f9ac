//! Frames that are written at once, without copying the bodies.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use crate::frame::{HEADER, Header};

/// Pieces up to this size are copied behind their header: that is cheaper than a slice more.
const COPIED: usize = 2048;

/// What a writer gathers before it writes.
#[derive(Default)]
pub(crate) struct Batch {
    parts: VecDeque<Bytes>,
    /// Headers and small pieces that are not in a part yet.
    small: BytesMut,
    len: usize,
}

impl Batch {
    pub(crate) fn push(&mut self, header: Header, piece: Bytes) {
        self.len += HEADER + piece.len();
        header.write(&mut self.small);
        if piece.len() <= COPIED {
            self.small.extend_from_slice(&piece);
        } else {
            self.seal();
            self.parts.push_back(piece);
        }
    }

    /// Makes a part of what is not in one: before the batch is read as a [`Buf`].
    pub(crate) fn seal(&mut self) {
        if !self.small.is_empty() {
            self.parts.push_back(self.small.split().freeze());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Buf for Batch {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&[], |part| part)
    }

    fn advance(&mut self, mut count: usize) {
        self.len = self.len.saturating_sub(count);
        while let Some(part) = self.parts.front_mut() {
            if count < part.len() {
                part.advance(count);
                return;
            }
            count -= part.len();
            self.parts.pop_front();
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(&self.parts);
        filled
            .map(|(slice, part)| *slice = IoSlice::new(part))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Kind;

    #[test]
    fn a_batch_reads_as_its_frames_in_order() {
        let mut batch = Batch::default();
        let mut expected = BytesMut::new();
        for len in [0, 8, 5000, 0, 2048, 2049, 1] {
            let header = Header {
                kind: Kind::Message,
                id: 7,
                total: len,
                len,
            };
            let piece = Bytes::from(vec![len as u8; len as usize]);
            header.write(&mut expected);
            expected.extend_from_slice(&piece);
            batch.push(header, piece);
        }
        batch.seal();
        let mut got = Vec::new();
        while batch.has_remaining() {
            let some = batch.chunk().len().min(1000);
            got.extend_from_slice(&batch.chunk()[..some]);
            batch.advance(some);
        }
        assert_eq!(got, expected);
    }
}
