//! Reads frames and puts bodies together.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};

use crate::connection::Pulse;
use crate::error::Fault;
use crate::frame::{HEADER, Header};

/// How much is read at once, of small frames. Large pieces are read to where they belong.
const BUFFER: usize = 32 << 10;

/// How much is set aside for a body of which nothing has come yet.
const SET_ASIDE: usize = 8 << 20;

/// The reading half of a connection.
pub(crate) struct FrameReader<R> {
    from: BufReader<R>,
    pulse: Arc<Pulse>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(from: R, pulse: Arc<Pulse>) -> Self {
        Self {
            from: BufReader::with_capacity(BUFFER, from),
            pulse,
        }
    }

    /// Reads the next header.
    pub(crate) async fn header(&mut self) -> Result<Header, Fault> {
        let mut bytes = [0; HEADER];
        self.from.read_exact(&mut bytes).await?;
        self.pulse.hear();
        Header::read(bytes)
    }

    /// Appends `len` bytes to `body`.
    async fn piece(&mut self, len: usize, body: &mut BytesMut) -> Result<(), Fault> {
        let end = body.len() + len;
        body.reserve(len);
        while body.len() < end {
            let left = end - body.len();
            if self.from.read_buf(&mut (&mut *body).limit(left)).await? == 0 {
                return Err(Fault::Ended);
            }
            self.pulse.hear();
        }
        Ok(())
    }
}

/// A body that is coming.
struct Part {
    body: BytesMut,
    total: u32,
}

/// The bodies of one kind that are coming, by their ids.
#[derive(Default)]
pub(crate) struct Parts {
    parts: HashMap<u64, Part>,
}

impl Parts {
    /// Reads the piece that belongs to `header`. `open` is told the size of a new
    /// body, and may refuse it. Returns a body that is complete.
    pub(crate) async fn read<R: AsyncRead + Unpin>(
        &mut self,
        header: Header,
        from: &mut FrameReader<R>,
        open: impl FnOnce(usize) -> Result<(), Fault>,
    ) -> Result<Option<Bytes>, Fault> {
        let mut part = match self.parts.remove(&header.id) {
            Some(part) => part,
            None => {
                let total = header.total as usize;
                open(total)?;
                let body = BytesMut::with_capacity(total.min(SET_ASIDE));
                Part {
                    body,
                    total: header.total,
                }
            }
        };
        let left = part.total as usize - part.body.len();
        let len = header.len as usize;
        if header.total != part.total || len > left || (len == 0 && left > 0) {
            return Err(Fault::Violation("a piece that does not fit its body"));
        }
        from.piece(len, &mut part.body).await?;
        if len == left {
            return Ok(Some(part.body.freeze()));
        }
        self.parts.insert(header.id, part);
        Ok(None)
    }

    /// Forgets a body that does not come any more, and returns the size it would have had.
    pub(crate) fn forget(&mut self, id: u64) -> Option<usize> {
        self.parts.remove(&id).map(|part| part.total as usize)
    }
}
