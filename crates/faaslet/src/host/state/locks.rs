//! Locks of keys.

use faasm_state::Mode;
use wasmtime::Linker;

use super::{Host, key, with};
use crate::faaslet::Faaslet;
use crate::host::ENV;
use crate::stop::Stop;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    for (import, mode) in [
        ("__faasm_lock_state_read", Mode::Read),
        ("__faasm_lock_state_write", Mode::Write),
    ] {
        linker.func_wrap_async(ENV, import, move |mut host: Host<'_>, (key,): (u32,)| {
            Box::new(async move { lock(&mut host, import, key, mode).await })
        })?;
    }
    for (import, mode) in [
        ("__faasm_unlock_state_read", Mode::Read),
        ("__faasm_unlock_state_write", Mode::Write),
    ] {
        linker.func_wrap(ENV, import, move |mut host: Host<'_>, key: u32| {
            unlock(&mut host, import, key, mode)
        })?;
    }
    linker.func_wrap_async(
        ENV,
        "__faasm_lock_state_global",
        |mut host: Host<'_>, (key,): (u32,)| {
            Box::new(async move { lock_global(&mut host, key).await })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        "__faasm_unlock_state_global",
        |mut host: Host<'_>, (key,): (u32,)| {
            Box::new(async move { unlock_global(&mut host, key).await })
        },
    )?;
    Ok(())
}

async fn lock(
    host: &mut Host<'_>,
    import: &'static str,
    name: u32,
    mode: Mode,
) -> wasmtime::Result<()> {
    let key = key(host, import, name)?;
    with(host, import, async |session| session.lock(&key, mode).await).await
}

fn unlock(
    host: &mut Host<'_>,
    import: &'static str,
    name: u32,
    mode: Mode,
) -> wasmtime::Result<()> {
    let key = key(host, import, name)?;
    let unlocked = host.data().session().unlock(&key, mode);
    unlocked.map_err(|error| Stop::State { import, error }.into())
}

async fn lock_global(host: &mut Host<'_>, name: u32) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_lock_state_global";
    let key = key(host, IMPORT, name)?;
    let locked = with(host, IMPORT, async |session| {
        session.lock_global(&key).await
    });
    // Those of this worker are known to whoever stops the call; this one is not.
    locked
        .await
        .map_err(|error| match error.downcast::<Stop>() {
            Ok(Stop::Time { ms, .. }) => {
                let waiting = format!("; it waited for the global lock of {key:?}");
                Stop::Time { ms, waiting }.into()
            }
            Ok(other) => other.into(),
            Err(error) => error,
        })
}

async fn unlock_global(host: &mut Host<'_>, name: u32) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_unlock_state_global";
    let key = key(host, IMPORT, name)?;
    with(host, IMPORT, async |session| {
        session.unlock_global(&key).await
    })
    .await
}
