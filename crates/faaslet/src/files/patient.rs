//! Reading a file while a guest runs.

use std::fs::File;
use std::io::{self, IoSliceMut, Write};
use std::os::unix::fs::FileExt;

use faasm_vfs::ReadAt;
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::waiting::may_wait;

/// A file that is read from the page cache at once; what must come from the disk keeps no other
/// call waiting.
pub(crate) struct Patient(File);

impl Patient {
    pub(crate) fn new(file: File) -> Self {
        Self(file)
    }
}

impl ReadAt for Patient {
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let bufs = &mut [IoSliceMut::new(buf)];
        match preadv2(&self.0, bufs, offset, ReadWriteFlags::NOWAIT) {
            Err(Errno::AGAIN | Errno::INTR | Errno::OPNOTSUPP | Errno::NOSYS) => {
                may_wait(|| FileExt::read_at(&self.0, buf, offset))
            }
            read => Ok(read?),
        }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
