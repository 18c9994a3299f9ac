//! What can be asked of and said to a file descriptor.

use faasm_vfs::{Errno, Fd, FdFlags, FdKind, FstFlags, Rights, SetTimes};
use wasmtime::Linker;

use super::{Done, Host, WASI, errno, layout, settled};
use crate::faaslet::Faaslet;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    add_closing(linker)?;
    add_plain(linker)?;
    add_stats(linker)?;
    add_prestats(linker)?;
    add_sockets(linker)
}

/// The ones after which nobody may have a file open any more.
fn add_closing(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(WASI, "fd_close", |mut host: Host<'_>, (fd,): (u32,)| {
        Box::new(async move {
            let done = vfs(&mut host, |vfs| vfs.close(Fd(fd)));
            settled(&mut host, done).await
        })
    })?;
    linker.func_wrap_async(
        WASI,
        "fd_renumber",
        |mut host: Host<'_>, (from, to): (u32, u32)| {
            Box::new(async move {
                let done = vfs(&mut host, |vfs| vfs.renumber(Fd(from), Fd(to)));
                settled(&mut host, done).await
            })
        },
    )?;
    Ok(())
}

/// The others that need no memory.
fn add_plain(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(WASI, "fd_sync", |mut host: Host<'_>, fd: u32| {
        errno(vfs(&mut host, |vfs| vfs.sync(Fd(fd))))
    })?;
    linker.func_wrap(WASI, "fd_datasync", |mut host: Host<'_>, fd: u32| {
        errno(vfs(&mut host, |vfs| vfs.datasync(Fd(fd))))
    })?;
    linker.func_wrap(
        WASI,
        "fd_advise",
        |mut host: Host<'_>, fd: u32, offset: u64, len: u64, advice: u32| {
            errno(vfs(&mut host, |vfs| match advice {
                0..=5 => vfs.advise(Fd(fd), offset, len),
                _ => Err(Errno::Inval),
            }))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_allocate",
        |mut host: Host<'_>, fd: u32, offset: u64, len: u64| {
            errno(vfs(&mut host, |vfs| vfs.allocate(Fd(fd), offset, len)))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_fdstat_set_flags",
        |mut host: Host<'_>, fd: u32, flags: u32| {
            errno(vfs(&mut host, |vfs| {
                vfs.fdstat_set_flags(Fd(fd), fd_flags(flags)?)
            }))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_fdstat_set_rights",
        |mut host: Host<'_>, fd: u32, base: u64, inheriting: u64| {
            let rights = Rights::from_bits_truncate;
            errno(vfs(&mut host, |vfs| {
                vfs.fdstat_set_rights(Fd(fd), rights(base), rights(inheriting))
            }))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_filestat_set_size",
        |mut host: Host<'_>, fd: u32, size: u64| {
            errno(vfs(&mut host, |vfs| vfs.filestat_set_size(Fd(fd), size)))
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_filestat_set_times",
        |mut host: Host<'_>, fd: u32, atim: u64, mtim: u64, flags: u32| {
            errno(vfs(&mut host, |vfs| {
                vfs.filestat_set_times(Fd(fd), set_times(flags, atim, mtim)?)
            }))
        },
    )?;
    Ok(())
}

fn vfs(
    host: &mut Host<'_>,
    operation: impl FnOnce(&mut faasm_vfs::Vfs) -> Result<(), Errno>,
) -> Done {
    Ok(operation(&mut host.data_mut().vfs)?)
}

/// The flags that a guest passes for an open file.
pub(super) fn fd_flags(bits: u32) -> Result<FdFlags, Errno> {
    let bits = u16::try_from(bits).map_err(|_| Errno::Inval)?;
    FdFlags::from_bits(bits).ok_or(Errno::Inval)
}

/// The times that a guest wants to set.
pub(super) fn set_times(flags: u32, atim: u64, mtim: u64) -> Result<SetTimes, Errno> {
    let bits = u16::try_from(flags).map_err(|_| Errno::Inval)?;
    let flags = FstFlags::from_bits(bits).ok_or(Errno::Inval)?;
    SetTimes::from_flags(flags, atim, mtim)
}

fn add_stats(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "fd_fdstat_get",
        |mut host: Host<'_>, fd: u32, out: u32| errno(fdstat_get(&mut host, fd, out)),
    )?;
    linker.func_wrap(
        WASI,
        "fd_filestat_get",
        |mut host: Host<'_>, fd: u32, out: u32| errno(filestat_get(&mut host, fd, out)),
    )?;
    Ok(())
}

fn fdstat_get(host: &mut Host<'_>, fd: u32, out: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "fd_fdstat_get")?;
    let stat = faaslet.vfs.fdstat_get(Fd(fd))?;
    Ok(memory.write(out, &layout::fdstat(&stat))?)
}

fn filestat_get(host: &mut Host<'_>, fd: u32, out: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "fd_filestat_get")?;
    let stat = faaslet.vfs.filestat_get(Fd(fd))?;
    Ok(memory.write(out, &layout::filestat(&stat))?)
}

fn add_prestats(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "fd_prestat_get",
        |mut host: Host<'_>, fd: u32, out: u32| errno(prestat_get(&mut host, fd, out)),
    )?;
    linker.func_wrap(
        WASI,
        "fd_prestat_dir_name",
        |mut host: Host<'_>, fd: u32, out: u32, len: u32| {
            errno(prestat_dir_name(&mut host, fd, out, len))
        },
    )?;
    Ok(())
}

fn prestat_get(host: &mut Host<'_>, fd: u32, out: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "fd_prestat_get")?;
    let name = faaslet.vfs.prestat(Fd(fd))?;
    // The tag 0 says that it is a directory.
    memory.write_u32(out, 0)?;
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    Ok(memory.write_u32(out.saturating_add(4), length)?)
}

fn prestat_dir_name(host: &mut Host<'_>, fd: u32, out: u32, len: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "fd_prestat_dir_name")?;
    let name = faaslet.vfs.prestat(Fd(fd))?;
    if name.len() > len as usize {
        return Err(Errno::Nametoolong.into());
    }
    Ok(memory.write(out, name.as_bytes())?)
}

/// Functions have no sockets: whatever the descriptor is, it is none.
fn add_sockets(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "sock_accept",
        |mut host: Host<'_>, fd: u32, _: u32, _: u32| errno(no_socket(&mut host, fd)),
    )?;
    linker.func_wrap(
        WASI,
        "sock_recv",
        |mut host: Host<'_>, fd: u32, _: u32, _: u32, _: u32, _: u32, _: u32| {
            errno(no_socket(&mut host, fd))
        },
    )?;
    linker.func_wrap(
        WASI,
        "sock_send",
        |mut host: Host<'_>, fd: u32, _: u32, _: u32, _: u32, _: u32| {
            errno(no_socket(&mut host, fd))
        },
    )?;
    linker.func_wrap(
        WASI,
        "sock_shutdown",
        |mut host: Host<'_>, fd: u32, _: u32| errno(no_socket(&mut host, fd)),
    )?;
    Ok(())
}

fn no_socket(host: &mut Host<'_>, fd: u32) -> Done {
    let _: FdKind = host.data_mut().vfs.kind(Fd(fd))?;
    Err(Errno::Notsock.into())
}
