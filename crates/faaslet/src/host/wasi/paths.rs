//! What is done to paths, opening apart.

use faasm_vfs::{Errno, Fd, Symlinks, Vfs};
use wasmtime::Linker;

use super::descriptors::set_times;
use super::{Done, Host, WASI, errno, layout, settled};
use crate::faaslet::Faaslet;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    add_single(linker)?;
    add_double(linker)?;
    add_stats(linker)
}

/// A path as a guest passes it.
#[derive(Clone, Copy)]
pub(super) struct Path {
    pub(super) ptr: u32,
    pub(super) len: u32,
}

impl Path {
    pub(super) fn new(ptr: u32, len: u32) -> Self {
        Self { ptr, len }
    }
}

/// Bit 0 of the lookup flags: follow a symbolic link at the end of the path.
pub(super) fn symlinks(lookup: u32) -> Symlinks {
    match lookup & 1 {
        0 => Symlinks::NoFollow,
        _ => Symlinks::Follow,
    }
}

/// Operations on one path.
fn add_single(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    type Operation = fn(&mut Vfs, Fd, &[u8]) -> Result<(), Errno>;
    let operations: [(&'static str, Operation); 3] = [
        ("path_create_directory", |vfs, fd, path| {
            vfs.path_create_directory(fd, path)
        }),
        ("path_remove_directory", |vfs, fd, path| {
            vfs.path_remove_directory(fd, path)
        }),
        ("path_unlink_file", |vfs, fd, path| {
            vfs.path_unlink_file(fd, path)
        }),
    ];
    for (name, operation) in operations {
        linker.func_wrap_async(
            WASI,
            name,
            move |mut host: Host<'_>, (fd, ptr, len): (u32, u32, u32)| {
                Box::new(async move {
                    let done = on_path(&mut host, name, Path::new(ptr, len), |vfs, path| {
                        operation(vfs, Fd(fd), path)
                    });
                    settled(&mut host, done).await
                })
            },
        )?;
    }
    linker.func_wrap(
        WASI,
        "path_filestat_set_times",
        |mut host: Host<'_>, fd, lookup, ptr, len, atim, mtim, flags| {
            errno(on_path(
                &mut host,
                "path_filestat_set_times",
                Path::new(ptr, len),
                |vfs, path| {
                    let times = set_times(flags, atim, mtim)?;
                    vfs.path_filestat_set_times(Fd(fd), path, symlinks(lookup), times)
                },
            ))
        },
    )?;
    Ok(())
}

/// Operations on two paths.
fn add_double(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        WASI,
        "path_rename",
        |mut host: Host<'_>, arguments: (u32, u32, u32, u32, u32, u32)| {
            let (from_fd, from_ptr, from_len, to_fd, to_ptr, to_len) = arguments;
            let paths = [Path::new(from_ptr, from_len), Path::new(to_ptr, to_len)];
            Box::new(async move {
                let done = on_paths(&mut host, "path_rename", paths, |vfs, from, to| {
                    vfs.path_rename(Fd(from_fd), from, Fd(to_fd), to)
                });
                settled(&mut host, done).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "path_link",
        |mut host: Host<'_>, from_fd, lookup, from_ptr, from_len, to_fd, to_ptr, to_len| {
            let paths = [Path::new(from_ptr, from_len), Path::new(to_ptr, to_len)];
            errno(on_paths(&mut host, "path_link", paths, |vfs, from, to| {
                vfs.path_link(Fd(from_fd), symlinks(lookup), from, Fd(to_fd), to)
            }))
        },
    )?;
    linker.func_wrap(
        WASI,
        "path_symlink",
        |mut host: Host<'_>, target_ptr, target_len, fd, ptr, len| {
            let paths = [Path::new(target_ptr, target_len), Path::new(ptr, len)];
            errno(on_paths(
                &mut host,
                "path_symlink",
                paths,
                |vfs, target, path| vfs.path_symlink(target, Fd(fd), path),
            ))
        },
    )?;
    Ok(())
}

fn on_path(
    host: &mut Host<'_>,
    import: &'static str,
    path: Path,
    operation: impl FnOnce(&mut Vfs, &[u8]) -> Result<(), Errno>,
) -> Done {
    let (memory, faaslet) = guest(host, import)?;
    let path = memory.copy(path.ptr, path.len)?;
    Ok(operation(&mut faaslet.vfs, &path)?)
}

fn on_paths(
    host: &mut Host<'_>,
    import: &'static str,
    [first, second]: [Path; 2],
    operation: impl FnOnce(&mut Vfs, &[u8], &[u8]) -> Result<(), Errno>,
) -> Done {
    let (memory, faaslet) = guest(host, import)?;
    let first = memory.copy(first.ptr, first.len)?;
    let second = memory.copy(second.ptr, second.len)?;
    Ok(operation(&mut faaslet.vfs, &first, &second)?)
}

/// The ones that answer with more than a number.
fn add_stats(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "path_filestat_get",
        |mut host: Host<'_>, fd: u32, lookup: u32, ptr: u32, len: u32, out: u32| {
            errno(filestat_get(
                &mut host,
                Fd(fd),
                symlinks(lookup),
                Path::new(ptr, len),
                out,
            ))
        },
    )?;
    linker.func_wrap(
        WASI,
        "path_readlink",
        |mut host: Host<'_>, fd: u32, ptr: u32, len: u32, buf: u32, buf_len: u32, out: u32| {
            errno(readlink(
                &mut host,
                Fd(fd),
                Path::new(ptr, len),
                (buf, buf_len),
                out,
            ))
        },
    )?;
    Ok(())
}

fn filestat_get(host: &mut Host<'_>, fd: Fd, symlinks: Symlinks, path: Path, out: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "path_filestat_get")?;
    let path = memory.copy(path.ptr, path.len)?;
    let stat = faaslet.vfs.path_filestat_get(fd, path, symlinks)?;
    Ok(memory.write(out, &layout::filestat(&stat))?)
}

/// As POSIX has it, a target that does not fit is cut.
fn readlink(host: &mut Host<'_>, fd: Fd, path: Path, (buf, len): (u32, u32), out: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "path_readlink")?;
    let path = memory.copy(path.ptr, path.len)?;
    let target = faaslet.vfs.path_readlink(fd, path)?.as_bytes();
    let count = target.len().min(len as usize);
    memory.write(buf, &target[..count])?;
    Ok(memory.write_u32(out, u32::try_from(count).unwrap_or(len))?)
}
