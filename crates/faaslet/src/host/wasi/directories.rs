//! Listing directories.

use faasm_vfs::Fd;
use wasmtime::Linker;

use super::{Done, Host, WASI, errno, layout};
use crate::faaslet::Faaslet;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "fd_readdir",
        |mut host: Host<'_>, fd, buf, len, cookie, out| {
            errno(readdir(&mut host, Fd(fd), (buf, len), cookie, out))
        },
    )?;
    Ok(())
}

/// Fills the buffer with entries; the last one may be cut, which tells the guest that
/// there are more.
fn readdir(host: &mut Host<'_>, fd: Fd, (buf, len): (u32, u32), cookie: u64, out: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "fd_readdir")?;
    let mut rest = memory.slice_mut(buf, len)?;
    for entry in faaslet.vfs.readdir(fd, cookie)? {
        let head = layout::dirent(&entry);
        rest = put(rest, &head);
        rest = put(rest, entry.name.as_bytes());
        if rest.is_empty() {
            break;
        }
    }
    let used = len - u32::try_from(rest.len()).unwrap_or(len);
    Ok(memory.write_u32(out, used)?)
}

/// Copies what fits and returns what is left of the buffer.
fn put<'a>(buffer: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    let (head, tail) = buffer.split_at_mut(bytes.len().min(buffer.len()));
    head.copy_from_slice(&bytes[..head.len()]);
    tail
}
