//! Reading and writing.

use faasm_vfs::{Errno, Fd, FdKind, Whence};
use wasmtime::Linker;

use super::layout::{self, MAX_IOVECS};
use super::{Done, Host, WASI, errno};
use crate::capture::Stream;
use crate::faaslet::Faaslet;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "fd_read",
        |mut host: Host<'_>, fd, iovs, count, out| {
            let buffers = Buffers::new(fd, iovs, count, out);
            errno(read(&mut host, "fd_read", buffers, None))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_pread",
        |mut host: Host<'_>, fd, iovs, count, offset, out| {
            let buffers = Buffers::new(fd, iovs, count, out);
            errno(read(&mut host, "fd_pread", buffers, Some(offset)))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_write",
        |mut host: Host<'_>, fd, iovs, count, out| {
            let buffers = Buffers::new(fd, iovs, count, out);
            errno(write(&mut host, "fd_write", buffers, None))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_pwrite",
        |mut host: Host<'_>, fd, iovs, count, offset, out| {
            let buffers = Buffers::new(fd, iovs, count, out);
            errno(write(&mut host, "fd_pwrite", buffers, Some(offset)))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_seek",
        |mut host: Host<'_>, fd, delta, whence, out| errno(seek(&mut host, fd, delta, whence, out)),
    )?;
    linker.func_wrap(WASI, "fd_tell", |mut host: Host<'_>, fd: u32, out: u32| {
        errno(tell(&mut host, fd, out))
    })?;
    Ok(())
}

/// Most bytes that one read or write moves, as on Linux; buffers may overlap, so that their
/// sum can be far more than the memory.
const MAX_TRANSFER: u32 = 0x7fff_f000;

/// The arguments that all reads and writes share.
struct Buffers {
    fd: u32,
    iovs: u32,
    count: u32,
    /// Where the number of bytes goes.
    out: u32,
}

impl Buffers {
    fn new(fd: u32, iovs: u32, count: u32, out: u32) -> Self {
        Self {
            fd,
            iovs,
            count,
            out,
        }
    }

    fn check(&self) -> Result<(), Errno> {
        match self.count > MAX_IOVECS {
            true => Err(Errno::Inval),
            false => Ok(()),
        }
    }
}

fn read(host: &mut Host<'_>, import: &'static str, buffers: Buffers, at: Option<u64>) -> Done {
    buffers.check()?;
    let (mut memory, faaslet) = guest(host, import)?;
    let fd = Fd(buffers.fd);
    let kind = faaslet.vfs.kind_for_read(fd)?;
    if at.is_some() && matches!(kind, FdKind::Stdin | FdKind::Stdout | FdKind::Stderr) {
        return Err(Errno::Spipe.into());
    }
    let mut total = 0u32;
    for iovec in layout::iovecs(&memory, buffers.iovs, buffers.count)? {
        faaslet.check()?;
        let len = iovec.len.min(MAX_TRANSFER - total);
        let buffer = memory.slice_mut(iovec.ptr, iovec.len)?;
        let buffer = &mut buffer[..len as usize];
        let position = at.map(|offset| offset.saturating_add(u64::from(total)));
        let read = match (kind, position) {
            (FdKind::Stdin, _) => read_input(faaslet, buffer),
            (FdKind::Stdout | FdKind::Stderr, _) => 0,
            (_, Some(offset)) => faaslet.vfs.pread(fd, buffer, offset)?,
            (_, None) => faaslet.vfs.read(fd, buffer)?,
        };
        total += u32::try_from(read).unwrap_or(len);
        if read < iovec.len as usize {
            break;
        }
    }
    Ok(memory.write_u32(buffers.out, total)?)
}

/// Standard input is the call's input: a program that knows nothing of Faasm works, too.
fn read_input(faaslet: &mut Faaslet, buffer: &mut [u8]) -> usize {
    let input = &faaslet.call.invocation.input[faaslet.stdin_position..];
    let count = buffer.len().min(input.len());
    buffer[..count].copy_from_slice(&input[..count]);
    faaslet.stdin_position += count;
    count
}

fn write(host: &mut Host<'_>, import: &'static str, buffers: Buffers, at: Option<u64>) -> Done {
    buffers.check()?;
    let (mut memory, faaslet) = guest(host, import)?;
    let fd = Fd(buffers.fd);
    let kind = faaslet.vfs.kind_for_write(fd)?;
    let stream = match kind {
        FdKind::Stdout => Some(Stream::Stdout),
        FdKind::Stderr => Some(Stream::Stderr),
        _ => None,
    };
    if at.is_some() && stream.is_some() {
        return Err(Errno::Spipe.into());
    }
    let mut total = 0u32;
    for iovec in layout::iovecs(&memory, buffers.iovs, buffers.count)? {
        faaslet.check()?;
        let len = iovec.len.min(MAX_TRANSFER - total);
        let bytes = &memory.slice(iovec.ptr, iovec.len)?[..len as usize];
        let position = at.map(|offset| offset.saturating_add(u64::from(total)));
        let written = match (stream, position) {
            (Some(stream), _) => {
                faaslet.captured.admit(bytes.len() as u64)?;
                faaslet.captured.push(stream, bytes);
                bytes.len()
            }
            (None, Some(offset)) => faaslet.vfs.pwrite(fd, bytes, offset)?,
            (None, None) => faaslet.vfs.write(fd, bytes)?,
        };
        total += u32::try_from(written).unwrap_or(len);
        if written < iovec.len as usize {
            break;
        }
    }
    Ok(memory.write_u32(buffers.out, total)?)
}

fn seek(host: &mut Host<'_>, fd: u32, delta: i64, whence: u32, out: u32) -> Done {
    let whence = match whence {
        0 => Whence::Set,
        1 => Whence::Cur,
        2 => Whence::End,
        _ => return Err(Errno::Inval.into()),
    };
    let (mut memory, faaslet) = guest(host, "fd_seek")?;
    let position = faaslet.vfs.seek(Fd(fd), delta, whence)?;
    Ok(memory.write_u64(out, position)?)
}

fn tell(host: &mut Host<'_>, fd: u32, out: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "fd_tell")?;
    let position = faaslet.vfs.tell(Fd(fd))?;
    Ok(memory.write_u64(out, position)?)
}
