//! Moving changes between the tiers at a guest's wish.

use wasmtime::Linker;

use super::{Host, bytes, key, misuse, with};
use crate::faaslet::Faaslet;
use crate::host::ENV;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    for import in ["__faasm_push_state", "__faasm_push_state_partial"] {
        linker.func_wrap_async(ENV, import, move |mut host: Host<'_>, (key,): (u32,)| {
            Box::new(async move { push(&mut host, import, key).await })
        })?;
    }
    linker.func_wrap_async(
        ENV,
        "__faasm_push_state_partial_mask",
        |mut host: Host<'_>, (key, mask): (u32, u32)| {
            Box::new(async move { push_masked(&mut host, key, mask).await })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        "__faasm_pull_state",
        |mut host: Host<'_>, (key, len): (u32, i32)| {
            Box::new(async move { pull(&mut host, key, len).await })
        },
    )?;
    linker.func_wrap(
        ENV,
        "__faasm_flag_state_dirty",
        |mut host: Host<'_>, key: u32, total: i32| {
            flag(
                &mut host,
                "__faasm_flag_state_dirty",
                key,
                [total, 0, total],
            )
        },
    )?;
    linker.func_wrap(
        ENV,
        "__faasm_flag_state_offset_dirty",
        |mut host: Host<'_>, key: u32, total: i32, offset: i32, len: i32| {
            let import = "__faasm_flag_state_offset_dirty";
            flag(&mut host, import, key, [total, offset, len])
        },
    )?;
    Ok(())
}

/// Only what has changed is pushed, whatever the guest calls it.
async fn push(host: &mut Host<'_>, import: &'static str, name: u32) -> wasmtime::Result<()> {
    let key = key(host, import, name)?;
    with(host, import, async |session| session.push(&key).await).await
}

async fn push_masked(host: &mut Host<'_>, name: u32, mask: u32) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_push_state_partial_mask";
    let mask = key(host, IMPORT, mask)?;
    let key = key(host, IMPORT, name)?;
    with(host, IMPORT, async |session| {
        session.push_with_mask(&key, &mask).await
    })
    .await
}

async fn pull(host: &mut Host<'_>, name: u32, len: i32) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_pull_state";
    let key = key(host, IMPORT, name)?;
    bytes(IMPORT, "length", len)?;
    with(host, IMPORT, async |session| session.pull(&key).await).await
}

/// Stores are found without it: only the arguments are checked.
fn flag(
    host: &mut Host<'_>,
    import: &'static str,
    name: u32,
    [total, offset, len]: [i32; 3],
) -> wasmtime::Result<()> {
    key(host, import, name)?;
    let total = u64::from(bytes(import, "total", total)?);
    let offset = u64::from(bytes(import, "offset", offset)?);
    let len = u64::from(bytes(import, "length", len)?);
    match offset + len <= total {
        true => Ok(()),
        false => {
            let problem = format_args!("{len} bytes at offset {offset} are outside {total}");
            Err(misuse(import, problem))
        }
    }
}
