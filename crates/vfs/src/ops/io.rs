//! Reading and writing files, and where in them.

use crate::fds::{Opened, Target};
use crate::node::{Body, NodeId};
use crate::tree::{Place, Tree};
use crate::{Errno, Fd, FdFlags, Rights, Vfs};

/// The largest position in a file that WASI can say.
const MAX_OFFSET: u64 = i64::MAX as u64;

/// What a [`seek`](Vfs::seek) is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The start of the file.
    Set,
    /// The present position.
    Cur,
    /// The end of the file.
    End,
}

impl Vfs {
    /// Reads at the descriptor's position and moves it; how many bytes, 0 at the end.
    ///
    /// # Errors
    /// [`Errno::Isdir`]; [`Errno::Badf`] if it is not open for reading; [`Errno::Notsup`] for the
    /// standard streams, which are the caller's.
    pub fn read(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize, Errno> {
        let (tree, id, opened) = self.file_to_read(fd, Errno::Notsup)?;
        let n = read_node(tree, id, buf, opened.file.offset)?;
        opened.file.offset += n as u64;
        Ok(n)
    }

    /// Reads at `offset` (bytes), whatever the descriptor's position.
    ///
    /// # Errors
    /// As [`read`](Vfs::read), but [`Errno::Spipe`] for the standard streams; [`Errno::Inval`] for
    /// an offset over 2⁶³−1.
    pub fn pread(&mut self, fd: Fd, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        check_offset(offset)?;
        let (tree, id, opened) = self.file_to_read(fd, Errno::Spipe)?;
        opened.check(Rights::FD_SEEK)?;
        read_node(tree, id, buf, offset)
    }

    /// Writes at the descriptor's position (with `APPEND` at the end) and moves it; how many bytes,
    /// fewer than given only if space runs out.
    ///
    /// # Errors
    /// [`Errno::Badf`] if it is not open for writing; [`Errno::Fbig`] at 1 TiB; [`Errno::Notsup`]
    /// for the standard streams, which are the caller's.
    pub fn write(&mut self, fd: Fd, data: &[u8]) -> Result<usize, Errno> {
        let (tree, id, opened) = self.file_to_write(fd, Errno::Notsup)?;
        let (offset, n) = write_node(tree, id, opened.file.flags, data, opened.file.offset)?;
        opened.file.offset = offset + n as u64;
        Ok(n)
    }

    /// Writes at `offset` (bytes), whatever the descriptor's position; as on Linux, `APPEND` wins.
    ///
    /// # Errors
    /// As [`write`](Vfs::write), but [`Errno::Spipe`] for the standard streams; [`Errno::Inval`]
    /// for an offset over 2⁶³−1.
    pub fn pwrite(&mut self, fd: Fd, data: &[u8], offset: u64) -> Result<usize, Errno> {
        check_offset(offset)?;
        let (tree, id, opened) = self.file_to_write(fd, Errno::Spipe)?;
        opened.check(Rights::FD_SEEK)?;
        write_node(tree, id, opened.file.flags, data, offset).map(|(_, n)| n)
    }

    /// Moves the descriptor's position; the new one, in bytes from the start.
    ///
    /// # Errors
    /// [`Errno::Inval`] before the start or over 2⁶³−1; [`Errno::Spipe`] for the standard streams;
    /// [`Errno::Badf`] for a directory.
    pub fn seek(&mut self, fd: Fd, delta: i64, whence: Whence) -> Result<u64, Errno> {
        let (tree, id, opened) = self.file(fd, Errno::Badf, Errno::Spipe)?;
        // Asking for the position needs no right to change it.
        if whence == Whence::Cur && delta == 0 {
            opened.check(Rights::FD_TELL)?;
        } else {
            opened.check(Rights::FD_SEEK)?;
        }
        let origin = match whence {
            Whence::Set => 0,
            Whence::Cur => opened.file.offset,
            Whence::End => tree.filestat(&Place::Node(id))?.size,
        };
        let offset = origin.checked_add_signed(delta).ok_or(Errno::Inval)?;
        check_offset(offset)?;
        opened.file.offset = offset;
        Ok(offset)
    }

    /// The descriptor's position, in bytes from the start.
    ///
    /// # Errors
    /// [`Errno::Spipe`] for the standard streams; [`Errno::Badf`] for a directory.
    pub fn tell(&mut self, fd: Fd) -> Result<u64, Errno> {
        let (_, _, opened) = self.file(fd, Errno::Badf, Errno::Spipe)?;
        opened.check(Rights::FD_TELL)?;
        Ok(opened.file.offset)
    }

    /// Takes note of how a range (bytes) will be used, which changes nothing.
    ///
    /// # Errors
    /// [`Errno::Spipe`] for the standard streams; [`Errno::Badf`] for a directory;
    /// [`Errno::Inval`] for an offset or length over 2⁶³−1.
    pub fn advise(&mut self, fd: Fd, offset: u64, len: u64) -> Result<(), Errno> {
        let (_, _, opened) = self.file(fd, Errno::Badf, Errno::Spipe)?;
        opened.check(Rights::FD_ADVISE)?;
        check_offset(offset)?;
        check_offset(len)
    }

    /// Extends the file to the end of a range (bytes), and makes sure that writing to the range
    /// finds its space.
    ///
    /// # Errors
    /// [`Errno::Inval`] for an empty range; [`Errno::Fbig`] over 1 TiB; [`Errno::Badf`] if it is
    /// not open for writing; [`Errno::Spipe`] for the standard streams.
    pub fn allocate(&mut self, fd: Fd, offset: u64, len: u64) -> Result<(), Errno> {
        self.fds.get(fd)?;
        // Before anything about the file, as on Linux.
        if len == 0 {
            return Err(Errno::Inval);
        }
        let (tree, id, opened) = self.file_to_write(fd, Errno::Spipe)?;
        opened.check(Rights::FD_ALLOCATE)?;
        tree.change(id, |content, meter| content.reserve(meter, offset, len))
    }

    /// Sets the length of a file, in bytes.
    ///
    /// # Errors
    /// [`Errno::Inval`] if it is no file, or not open for writing; [`Errno::Fbig`] over 1 TiB.
    pub fn filestat_set_size(&mut self, fd: Fd, size: u64) -> Result<(), Errno> {
        let (tree, id, opened) = self.file(fd, Errno::Inval, Errno::Inval)?;
        opened.check(Rights::FD_WRITE).map_err(|_| Errno::Inval)?;
        opened.check(Rights::FD_FILESTAT_SET_SIZE)?;
        tree.set_len(id, size)
    }

    fn file_to_read(&mut self, fd: Fd, stream: Errno) -> Result<OpenNode<'_>, Errno> {
        let opened = self.file(fd, Errno::Isdir, stream)?;
        opened.2.check(Rights::FD_READ)?;
        Ok(opened)
    }

    fn file_to_write(&mut self, fd: Fd, stream: Errno) -> Result<OpenNode<'_>, Errno> {
        let opened = self.file(fd, Errno::Badf, stream)?;
        opened.2.check(Rights::FD_WRITE)?;
        Ok(opened)
    }

    /// The open file, or the given errors for a directory and a standard stream.
    fn file(&mut self, fd: Fd, directory: Errno, stream: Errno) -> Result<OpenNode<'_>, Errno> {
        let opened = self.fds.get(fd)?;
        match opened.file.target {
            Target::File(id) => Ok((&mut self.tree, id, opened)),
            Target::Root | Target::Directory(_) => Err(directory),
            Target::Stdin | Target::Stdout | Target::Stderr => Err(stream),
        }
    }
}

type OpenNode<'a> = (&'a mut Tree, NodeId, Opened<'a>);

fn read_node(tree: &Tree, id: NodeId, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
    match &tree.node(id)?.body {
        Body::File(content) => content.read_at(buf, offset),
        Body::Directory(_) | Body::Symlink(_) => Err(Errno::Isdir),
    }
}

/// Writes, and tells where.
fn write_node(
    tree: &mut Tree,
    id: NodeId,
    flags: FdFlags,
    data: &[u8],
    offset: u64,
) -> Result<(u64, usize), Errno> {
    if data.is_empty() {
        return Ok((offset, 0));
    }
    let append = flags.contains(FdFlags::APPEND);
    tree.write(id, data, (!append).then_some(offset))
}

fn check_offset(offset: u64) -> Result<(), Errno> {
    if offset > MAX_OFFSET {
        Err(Errno::Inval)
    } else {
        Ok(())
    }
}
