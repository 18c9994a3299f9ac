//! What goes over a connection: frames, each a header and a piece of a body.

use bytes::{BufMut, BytesMut};

use crate::error::Fault;

/// The size of a header, in bytes.
pub(crate) const HEADER: usize = 17;

/// The largest piece of a body in one frame. Bodies take turns piece by piece.
pub(crate) const CHUNK: usize = 256 << 10;

/// What a frame says. A body's first frame is the first one with its kind and id; it ends
/// when as many bytes have come as its total, which all its frames repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Nothing, but that the sender lives.
    Alive = 1,
    /// A piece of the request `id`.
    Request,
    /// The request `id` is not wanted any more; no more of it comes.
    Cancel,
    /// A piece of the answer to the request `id`.
    Answer,
    /// As `Answer`, of a text that says why there is none.
    Failure,
    /// A piece of a message of the stream `id`.
    Message,
    /// `total` more bytes of requests may be sent.
    RequestCredit,
    /// `total` more bytes of answers may be sent.
    AnswerCredit,
    /// `total` more bytes of messages may be sent.
    MessageCredit,
    /// `total` more bytes of the stream `id` may be sent.
    StreamCredit,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Alive,
        Self::Request,
        Self::Cancel,
        Self::Answer,
        Self::Failure,
        Self::Message,
        Self::RequestCredit,
        Self::AnswerCredit,
        Self::MessageCredit,
        Self::StreamCredit,
    ];

    fn has_body(self) -> bool {
        matches!(
            self,
            Self::Request | Self::Answer | Self::Failure | Self::Message
        )
    }
}

/// What stands before each piece: kind, id, total and length, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    pub(crate) total: u32,
    pub(crate) len: u32,
}

impl Header {
    /// A frame without a body.
    pub(crate) fn control(kind: Kind, id: u64, total: u32) -> Self {
        Self {
            kind,
            id,
            total,
            len: 0,
        }
    }

    pub(crate) fn write(&self, to: &mut BytesMut) {
        to.put_u8(self.kind as u8);
        to.put_u64_le(self.id);
        to.put_u32_le(self.total);
        to.put_u32_le(self.len);
    }

    pub(crate) fn read(bytes: [u8; HEADER]) -> Result<Self, Fault> {
        let [
            kind,
            i0,
            i1,
            i2,
            i3,
            i4,
            i5,
            i6,
            i7,
            t0,
            t1,
            t2,
            t3,
            l0,
            l1,
            l2,
            l3,
        ] = bytes;
        let kind = Kind::ALL
            .into_iter()
            .find(|known| *known as u8 == kind)
            .ok_or(Fault::Violation("an unknown kind of frame"))?;
        let header = Self {
            kind,
            id: u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7]),
            total: u32::from_le_bytes([t0, t1, t2, t3]),
            len: u32::from_le_bytes([l0, l1, l2, l3]),
        };
        let most = if kind.has_body() {
            CHUNK.min(header.total as usize)
        } else {
            0
        };
        if header.len as usize > most {
            return Err(Fault::Violation("a frame that is too long"));
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_as_they_were_written() {
        for kind in Kind::ALL {
            let len = if kind.has_body() { CHUNK as u32 } else { 0 };
            let header = Header {
                kind,
                id: u64::MAX - 5,
                total: 1 << 30,
                len,
            };
            let mut bytes = BytesMut::new();
            header.write(&mut bytes);
            assert_eq!(Header::read(bytes[..].try_into().unwrap()), Ok(header));
        }
    }

    #[test]
    fn lengths_are_bounded() {
        for (kind, total, len) in [
            (Kind::Alive, 9, 1),
            (Kind::Request, 4, 5),
            (Kind::Message, u32::MAX, CHUNK as u32 + 1),
            (Kind::Answer, u32::MAX, u32::MAX),
        ] {
            let mut bytes = BytesMut::new();
            Header {
                kind,
                id: 0,
                total,
                len,
            }
            .write(&mut bytes);
            assert!(Header::read(bytes[..].try_into().unwrap()).is_err());
        }
    }
}
