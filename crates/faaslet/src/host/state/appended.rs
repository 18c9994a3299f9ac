//! Lists of elements by key.

use bytes::Bytes;
use faasm_state::tier::MAX_PATCH_BYTES;
use wasmtime::Linker;

use super::{Host, bytes, key, misuse, with};
use crate::faaslet::Faaslet;
use crate::host::ENV;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        ENV,
        "__faasm_append_state",
        |mut host: Host<'_>, (key, data, len): (u32, u32, i32)| {
            Box::new(async move { append(&mut host, key, data, len).await })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        "__faasm_read_appended_state",
        |mut host: Host<'_>, (key, buf, len, count): (u32, u32, i32, i32)| {
            Box::new(async move { read(&mut host, key, buf, len, count).await })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        "__faasm_clear_appended_state",
        |mut host: Host<'_>, (key,): (u32,)| Box::new(async move { clear(&mut host, key).await }),
    )?;
    Ok(())
}

async fn append(host: &mut Host<'_>, name: u32, data: u32, len: i32) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_append_state";
    let key = key(host, IMPORT, name)?;
    let len = bytes(IMPORT, "length", len)?;
    if u64::from(len) > MAX_PATCH_BYTES {
        let problem = format!("an element has at most {MAX_PATCH_BYTES} bytes");
        return Err(misuse(IMPORT, problem));
    }
    let element = Bytes::copy_from_slice(guest(host, IMPORT)?.0.slice(data, len)?);
    with(host, IMPORT, async |session| {
        session.append(&key, element).await
    })
    .await
}

/// Copies the first `count` elements one behind the other, and zeros behind the last.
async fn read(
    host: &mut Host<'_>,
    name: u32,
    buf: u32,
    len: i32,
    count: i32,
) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_read_appended_state";
    let key = key(host, IMPORT, name)?;
    let len = bytes(IMPORT, "length", len)?;
    let count = u64::from(bytes(IMPORT, "number of elements", count)?);
    guest(host, IMPORT)?.0.slice_mut(buf, len)?;
    let (mut first, mut filled) = (0, 0);
    while first < count {
        let elements = with(host, IMPORT, async |session| {
            session.appended(&key, first, count - first).await
        });
        let elements = elements.await?;
        if elements.is_empty() {
            break;
        }
        first += elements.len() as u64;
        for element in elements {
            let size = u32::try_from(element.len()).unwrap_or(u32::MAX);
            if size > len - filled {
                let problem = format!("the elements do not fit the buffer of {len} bytes");
                return Err(misuse(IMPORT, problem));
            }
            // A buffer may end where addresses do.
            if size > 0 {
                guest(host, IMPORT)?.0.write(buf + filled, &element)?;
                filled += size;
            }
        }
    }
    let rest = len - filled;
    if rest == 0 {
        return Ok(());
    }
    guest(host, IMPORT)?
        .0
        .slice_mut(buf + filled, rest)?
        .fill(0);
    Ok(())
}

async fn clear(host: &mut Host<'_>, name: u32) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_clear_appended_state";
    let key = key(host, IMPORT, name)?;
    with(host, IMPORT, async |session| {
        session.clear_appended(&key).await
    })
    .await
}
