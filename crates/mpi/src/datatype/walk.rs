//! Going through the bytes of a buffer in the order of its data.

use smallvec::SmallVec;

use super::{Content, Datatype, Piece};

/// The runs of bytes that are left of a buffer.
pub(super) struct Walk<'a> {
    frames: SmallVec<[Frame<'a>; 4]>,
    /// What is left of the present run.
    run: Run,
}

/// Bytes next to each other; an address may be outside of all memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) at: i64,
    pub(super) len: u64,
}

enum Frame<'a> {
    Repeat {
        child: &'a Datatype,
        left: u64,
        at: i64,
        stride: i64,
    },
    List {
        pieces: std::slice::Iter<'a, Piece>,
        at: i64,
    },
}

impl<'a> Walk<'a> {
    pub(super) fn new(kind: &'a Datatype, count: u64, at: i64, skip: u64) -> Self {
        let mut walk = Self {
            frames: SmallVec::new(),
            run: Run::default(),
        };
        walk.repeat(kind, count, at, kind.extent);
        walk.skip(skip);
        walk
    }

    /// The next run, of `max` bytes at most.
    pub(super) fn next(&mut self, max: u64) -> Option<Run> {
        while self.run.len == 0 {
            self.step()?;
        }
        let len = self.run.len.min(max);
        let at = self.run.at;
        self.run = Run {
            at: at + len.cast_signed(),
            len: self.run.len - len,
        };
        Some(Run { at, len })
    }

    /// Goes on to the next run; nothing if there is none. What is between runs may need steps
    /// without one.
    fn step(&mut self) -> Option<()> {
        match self.frames.last_mut()? {
            Frame::Repeat { left: 0, .. } => {
                self.frames.pop();
            }
            Frame::Repeat {
                child,
                left,
                at,
                stride,
            } => {
                let (child, here) = (*child, *at);
                *left -= 1;
                *at += *stride;
                self.enter(child, here);
            }
            Frame::List { pieces, at } => {
                let at = *at;
                match pieces.next() {
                    Some(piece) => {
                        let child = &*piece.child;
                        self.repeat(child, piece.count, at + piece.at, child.extent);
                    }
                    None => {
                        self.frames.pop();
                    }
                }
            }
        }
        Some(())
    }

    fn repeat(&mut self, child: &'a Datatype, left: u64, at: i64, stride: i64) {
        let one_run = child.is_dense && (left == 1 || stride.cast_unsigned() == child.size);
        if child.size == 0 || left == 0 {
            // Nothing to see: however many there are.
        } else if one_run {
            self.run = Run {
                at: at + child.true_lower,
                len: left * child.size,
            };
        } else {
            self.frames.push(Frame::Repeat {
                child,
                left,
                at,
                stride,
            });
        }
    }

    fn enter(&mut self, kind: &'a Datatype, at: i64) {
        if kind.is_dense {
            self.run = Run {
                at: at + kind.true_lower,
                len: kind.size,
            };
            return;
        }
        match &kind.content {
            Content::Item => {}
            Content::Repeat {
                count,
                stride,
                child,
            } => self.repeat(child, *count, at, *stride),
            Content::List(pieces) => self.frames.push(Frame::List {
                pieces: pieces.iter(),
                at,
            }),
        }
    }

    /// Leaves out the next `bytes` bytes of data.
    fn skip(&mut self, mut bytes: u64) {
        while bytes > 0 {
            let now = bytes.min(self.run.len);
            self.run.at += now.cast_signed();
            self.run.len -= now;
            bytes -= now;
            if bytes == 0 {
                return;
            }
            match self.frames.last_mut() {
                None => return,
                Some(Frame::Repeat {
                    child,
                    left,
                    at,
                    stride,
                }) => {
                    let whole = (bytes / child.size).min(*left);
                    *left -= whole;
                    *at += *stride * whole.cast_signed();
                    bytes -= whole * child.size;
                }
                Some(Frame::List { pieces, .. }) => {
                    while let Some(piece) = pieces.as_slice().first()
                        && piece.child.size * piece.count <= bytes
                    {
                        bytes -= piece.child.size * piece.count;
                        pieces.next();
                    }
                }
            }
            if bytes == 0 || self.step().is_none() {
                return;
            }
        }
    }
}
