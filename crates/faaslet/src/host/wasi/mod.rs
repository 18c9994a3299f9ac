//! WASI preview 1, over the call's own virtual filesystem: nothing of the host is
//! visible. Layouts and numbers are those of `wasi_snapshot_preview1`.

mod arguments;
mod clock;
mod descriptors;
mod directories;
mod io;
mod layout;
mod open;
mod paths;
mod poll;
mod process;

use faasm_vfs::Errno;
use wasmtime::{Caller, Linker};

use crate::faaslet::Faaslet;
use crate::memory::BadPointer;
use crate::stop::Stop;

/// The module that WASI is imported from.
const WASI: &str = "wasi_snapshot_preview1";

type Host<'a> = Caller<'a, Faaslet>;

/// What a WASI function may end in beside success: an error number for the guest, or
/// the end of the guest.
enum Fault {
    Errno(Errno),
    Stop(Stop),
}

type Done = Result<(), Fault>;

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<BadPointer> for Fault {
    fn from(pointer: BadPointer) -> Self {
        Self::Stop(pointer.into())
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Ends an operation on files that may have asked for a change of the shared tree.
async fn settled(host: &mut Host<'_>, done: Done) -> wasmtime::Result<i32> {
    let made = match done {
        Ok(()) => host.data_mut().settle_files().await?,
        failed => return errno(failed),
    };
    errno(made.map_err(|refused| refused.errno().into()))
}

/// The error number that the guest sees, 0 for success.
fn errno(done: Done) -> wasmtime::Result<i32> {
    match done {
        Ok(()) => Ok(0),
        Err(Fault::Errno(errno)) => Ok(i32::from(errno as u16)),
        Err(Fault::Stop(stop)) => Err(stop.into()),
    }
}

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    arguments::add(linker)?;
    clock::add(linker)?;
    descriptors::add(linker)?;
    directories::add(linker)?;
    io::add(linker)?;
    open::add(linker)?;
    paths::add(linker)?;
    poll::add(linker)?;
    process::add(linker)
}
