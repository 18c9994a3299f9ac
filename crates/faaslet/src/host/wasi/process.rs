//! The process that a function believes to be.

use faasm_vfs::Errno;
use wasmtime::Linker;

use super::{Done, Host, WASI, errno};
use crate::faaslet::Faaslet;
use crate::memory::guest;
use crate::stop::Stop;
use crate::turns::step_aside;

/// Random bytes made between two looks at the call's deadline.
const CHUNK: u32 = 64 << 10;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "proc_exit",
        |_: Host<'_>, code: i32| -> wasmtime::Result<()> { Err(Stop::Exit(code).into()) },
    )?;
    linker.func_wrap(WASI, "proc_raise", |_: Host<'_>, _signal: i32| {
        errno(Err(Errno::Nosys.into()))
    })?;
    linker.func_wrap_async(WASI, "sched_yield", |host: Host<'_>, (): ()| {
        Box::new(async move {
            let yielded = host.data().wait(step_aside()).await;
            errno(yielded.map_err(Into::into))
        })
    })?;
    linker.func_wrap_async(
        WASI,
        "random_get",
        |mut host: Host<'_>, (buf, len): (u32, u32)| {
            Box::new(async move { errno(random(&mut host, buf, len).await) })
        },
    )?;
    Ok(())
}

async fn random(host: &mut Host<'_>, mut buf: u32, mut len: u32) -> Done {
    let (memory, _) = guest(host, "random_get")?;
    memory.slice(buf, len)?;
    loop {
        let (mut memory, faaslet) = guest(host, "random_get")?;
        faaslet.check()?;
        let count = len.min(CHUNK);
        getrandom::fill(memory.slice_mut(buf, count)?).map_err(|_| Errno::Io)?;
        len -= count;
        if len == 0 {
            return Ok(());
        }
        buf += count;
        step_aside().await;
    }
}
