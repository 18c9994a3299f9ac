//! Opening files.

use faasm_vfs::{Errno, Fd, Oflags, OpenOptions, Rights};
use wasmtime::Linker;

use super::descriptors::fd_flags;
use super::paths::{Path, symlinks};
use super::{Done, Host, WASI, errno};
use crate::faaslet::Faaslet;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "path_open",
        |mut host: Host<'_>,
         fd: u32,
         lookup: u32,
         ptr: u32,
         len: u32,
         oflags: u32,
         rights: u64,
         _inheriting: u64,
         fdflags: u32,
         out: u32| {
            let options = Options {
                lookup,
                oflags,
                rights,
                fdflags,
            };
            errno(path_open(
                &mut host,
                Fd(fd),
                Path::new(ptr, len),
                options,
                out,
            ))
        },
    )?;
    Ok(())
}

/// How a guest opens a file, as it says it.
struct Options {
    lookup: u32,
    oflags: u32,
    rights: u64,
    fdflags: u32,
}

impl Options {
    fn check(&self) -> Result<OpenOptions, Errno> {
        let oflags = u16::try_from(self.oflags).map_err(|_| Errno::Inval)?;
        Ok(OpenOptions {
            symlinks: symlinks(self.lookup),
            oflags: Oflags::from_bits(oflags).ok_or(Errno::Inval)?,
            rights: Rights::from_bits_truncate(self.rights),
            fdflags: fd_flags(self.fdflags)?,
        })
    }
}

fn path_open(host: &mut Host<'_>, directory: Fd, path: Path, options: Options, out: u32) -> Done {
    let (mut memory, faaslet) = guest(host, "path_open")?;
    let options = options.check()?;
    let path = memory.copy(path.ptr, path.len)?;
    let fd = faaslet.vfs.path_open(directory, path, options)?;
    Ok(memory.write_u32(out, fd.0)?)
}
