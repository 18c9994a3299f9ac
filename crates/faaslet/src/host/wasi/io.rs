//! Reading and writing.

use std::ops::Range;

use faasm_vfs::{Errno, Fd, FdKind, Whence};
use wasmtime::Linker;

use super::layout::{self, MAX_IOVECS};
use super::{Done, Fault, Host, WASI, errno};
use crate::capture::Stream;
use crate::faaslet::Faaslet;
use crate::host::NOT_YET;
use crate::memory::guest;
use crate::stop::Stop;
use crate::waiting::may_wait;

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

/// Bytes that are moved between two looks at the call's deadline.
const PIECE: usize = 1 << 20;

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
    // Its end would be remembered by the C library, for calls that have some.
    if kind == FdKind::Stdin && faaslet.is_initialising {
        return Err(Fault::Stop(Stop::Unavailable {
            import: format!("{import} of standard input"),
            reason: NOT_YET,
        }));
    }
    let mut total = 0u32;
    for iovec in layout::iovecs(&memory, buffers.iovs, buffers.count)? {
        let len = iovec.len.min(MAX_TRANSFER - total) as usize;
        let buffer = memory.slice_mut(iovec.ptr, iovec.len)?;
        let moved = in_pieces(faaslet, len, |faaslet, piece| {
            let done = total as usize + piece.start;
            let position = at.map(|offset| offset.saturating_add(done as u64));
            let buffer = &mut buffer[piece];
            match (kind, position) {
                (FdKind::Stdin, _) => Ok(read_input(faaslet, buffer)),
                (FdKind::Stdout | FdKind::Stderr, _) => Ok(0),
                (_, Some(offset)) => Ok(faaslet.vfs.pread(fd, buffer, offset)?),
                (_, None) => Ok(faaslet.vfs.read(fd, buffer)?),
            }
        });
        if !count(&mut total, moved, iovec.len)? {
            break;
        }
    }
    Ok(memory.write_u32(buffers.out, total)?)
}

/// Adds what was moved of `wanted` bytes to `total`; whether the next buffer's turn has come.
fn count(total: &mut u32, moved: Result<usize, Fault>, wanted: u32) -> Result<bool, Fault> {
    match moved {
        // What was moved before counts; the next attempt meets the error again.
        Err(Fault::Errno(_)) if *total > 0 => Ok(false),
        moved => {
            let moved = u32::try_from(moved?).unwrap_or(wanted);
            *total += moved;
            Ok(moved == wanted)
        }
    }
}

/// Moves `len` bytes piece by piece, until a piece is short; how many. An error counts only if
/// nothing was moved before.
fn in_pieces(
    faaslet: &mut Faaslet,
    len: usize,
    mut move_piece: impl FnMut(&mut Faaslet, Range<usize>) -> Result<usize, Fault>,
) -> Result<usize, Fault> {
    if len <= PIECE {
        faaslet.check()?;
        return move_piece(faaslet, 0..len);
    }
    let mut moved = 0;
    while moved < len {
        faaslet.check()?;
        let piece = moved..len.min(moved + PIECE);
        let wanted = piece.len();
        // So much takes a while, if only to be copied.
        match may_wait(|| move_piece(faaslet, piece)) {
            Err(Fault::Errno(_)) if moved > 0 => break,
            done => {
                let done = done?;
                moved += done;
                if done < wanted {
                    break;
                }
            }
        }
    }
    Ok(moved)
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
        let len = iovec.len.min(MAX_TRANSFER - total) as usize;
        let bytes = memory.slice(iovec.ptr, iovec.len)?;
        let moved = in_pieces(faaslet, len, |faaslet, piece| {
            let done = total as usize + piece.start;
            let position = at.map(|offset| offset.saturating_add(done as u64));
            let bytes = &bytes[piece];
            match (stream, position) {
                (Some(stream), _) => {
                    faaslet.captured.admit(bytes.len() as u64)?;
                    faaslet.captured.push(stream, bytes);
                    Ok(bytes.len())
                }
                (None, Some(offset)) => Ok(faaslet.vfs.pwrite(fd, bytes, offset)?),
                (None, None) => Ok(faaslet.vfs.write(fd, bytes)?),
            }
        });
        if !count(&mut total, moved, iovec.len)? {
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
