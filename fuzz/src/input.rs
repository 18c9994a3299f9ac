//! Operations and their arguments, out of any bytes.

use faasm_vfs::{FdFlags, Oflags, OpenOptions, Rights};

/// What control characters mean in a path, so that few bytes say much.
const PIECES: [&str; 16] = [
    "..",
    "../",
    "./",
    "//",
    "/",
    "a/",
    "a",
    "b",
    "tmp/",
    "lower",
    "",
    "faasm://",
    "/faasm://",
    "link",
    "link/",
    "\0",
];

pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    /// One of the operations: the one that the next byte names, or else some other.
    pub fn operation(&mut self, operations: &[u8]) -> Option<u8> {
        let byte = self.byte()?;
        let any = operations[usize::from(byte) % operations.len()];
        Some(if operations.contains(&byte) {
            byte
        } else {
            any
        })
    }

    /// A digit, or another small number.
    pub fn number(&mut self) -> u32 {
        u32::from(self.byte().unwrap_or(b'0').wrapping_sub(b'0') % 24)
    }

    /// A number of bytes, up to 256 KiB.
    pub fn amount(&mut self) -> usize {
        let low = usize::from(self.byte().unwrap_or(0));
        1 << (low % 16) | low << (low % 11)
    }

    /// One of these.
    pub fn choice(&mut self, from: &[&'static str]) -> &'static str {
        from[self.number() as usize % from.len()]
    }

    /// How to open a file: bits for writing, creating, truncating, appending and insisting.
    pub fn open_options(&mut self) -> OpenOptions {
        let flags = self.number();
        let mut options = OpenOptions {
            rights: Rights::FD_READ,
            ..OpenOptions::default()
        };
        options.rights.set(Rights::FD_WRITE, flags & 1 != 0);
        options.oflags.set(Oflags::CREAT, flags & 2 != 0);
        options.oflags.set(Oflags::TRUNC, flags & 4 != 0);
        options.fdflags.set(FdFlags::APPEND, flags & 8 != 0);
        options.oflags.set(Oflags::EXCL, flags & 16 != 0);
        options
    }

    /// What comes before the next end of a line.
    pub fn path(&mut self) -> Vec<u8> {
        let mut path = Vec::new();
        while let Some(byte) = self.byte().filter(|&byte| byte != b'\n') {
            match PIECES.get(usize::from(byte)) {
                Some(piece) => path.extend(piece.as_bytes()),
                None => path.push(byte),
            }
        }
        path
    }
}
