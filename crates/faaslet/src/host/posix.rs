//! The few POSIX functions that Faasm's guests import where WASI has none: memory
//! mappings, duplicates of descriptors, and the answers of a system without users and child processes.

use faasm_vfs::{Errno, Fd};
use wasmtime::{AsContextMut, Caller, Extern, Linker};

use super::ENV;
use super::allocate::settle_heap;
use crate::faaslet::Faaslet;
use crate::memory::{BadPointer, guest};

/// What POSIX returns for a mapping, or a process, that there is not.
const FAILED: i32 = -1;
const PAGE: u64 = 65_536;
const MAP_FIXED: i32 = 0x10;
const MAP_ANONYMOUS: i32 = 0x20;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        ENV,
        "mmap",
        |mut caller: Caller<'_, Faaslet>, arguments: (i32, u32, i32, i32, u32, i64)| {
            let (_addr, length, _protection, flags, fd, offset) = arguments;
            Box::new(async move {
                settle_heap(&mut caller).await?;
                let file = match flags & MAP_ANONYMOUS {
                    0 => Some((Fd(fd), offset)),
                    _ => None,
                };
                mmap(&mut caller, length, flags, file)
            })
        },
    )?;
    // The pages stay the guest's: linear memory does not shrink.
    linker.func_wrap(
        ENV,
        "munmap",
        |_: Caller<'_, Faaslet>, _addr: i32, length: u32| {
            if length == 0 { FAILED } else { 0 }
        },
    )?;
    linker.func_wrap(ENV, "dup", |mut caller: Caller<'_, Faaslet>, fd: i32| {
        let fd = u32::try_from(fd).map_err(|_| Errno::Badf);
        let copy = fd.and_then(|fd| caller.data_mut().vfs.dup(Fd(fd)));
        copy.map_or(FAILED, |copy| copy.0.cast_signed())
    })?;
    for name in ["getpwuid", "getpwnam"] {
        linker.func_wrap(ENV, name, |_: Caller<'_, Faaslet>, _who: i32| 0)?;
    }
    linker.func_wrap(
        ENV,
        "waitpid",
        |_: Caller<'_, Faaslet>, _: i32, _: i32, _: i32| FAILED,
    )?;
    Ok(())
}

/// Fresh memory at the end of the linear memory; for a file, with a private copy of its
/// bytes in it.
fn mmap(
    caller: &mut Caller<'_, Faaslet>,
    length: u32,
    flags: i32,
    file: Option<(Fd, i64)>,
) -> wasmtime::Result<i32> {
    if length == 0 || flags & MAP_FIXED != 0 {
        return Ok(FAILED);
    }
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(BadPointer::NoMemory { import: "mmap" }.into());
    };
    let Ok(old) = memory.grow(caller.as_context_mut(), u64::from(length).div_ceil(PAGE)) else {
        return Ok(FAILED);
    };
    // Below 4 GiB, since the growth succeeded.
    let start = u32::try_from(old * PAGE).unwrap_or(u32::MAX);
    if let Some((fd, offset)) = file {
        let (mut memory, faaslet) = guest(caller, "mmap")?;
        let buffer = memory.slice_mut(start, length)?;
        if copy_file(faaslet, fd, offset, buffer).is_err() {
            return Ok(FAILED);
        }
    }
    Ok(start.cast_signed())
}

fn copy_file(
    faaslet: &mut Faaslet,
    fd: Fd,
    offset: i64,
    mut buffer: &mut [u8],
) -> Result<(), Errno> {
    let mut offset = u64::try_from(offset).map_err(|_| Errno::Inval)?;
    while !buffer.is_empty() {
        match faaslet.vfs.pread(fd, buffer, offset)? {
            0 => return Ok(()),
            read => {
                offset += read as u64;
                buffer = &mut buffer[read..];
            }
        }
    }
    Ok(())
}
