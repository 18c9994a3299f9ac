//! Reading values into a guest's buffers.

use faasm_model::Key;
use wasmtime::Linker;

use super::{Host, PIECE, bytes, key, misuse, with};
use crate::faaslet::Faaslet;
use crate::host::ENV;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        ENV,
        "__faasm_read_state",
        |mut host: Host<'_>, (key, buf, len): (u32, u32, i32)| {
            Box::new(async move { read(&mut host, key, buf, len).await })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        "__faasm_read_state_offset",
        |mut host: Host<'_>, (key, total, offset, buf, len): (u32, i32, i32, u32, i32)| {
            Box::new(async move { read_offset(&mut host, key, total, offset, buf, len).await })
        },
    )?;
    Ok(())
}

/// Copies the beginning of a value, and zeros behind its end; returns its size.
async fn read(host: &mut Host<'_>, name: u32, buf: u32, len: i32) -> wasmtime::Result<i32> {
    const IMPORT: &str = "__faasm_read_state";
    let key = key(host, IMPORT, name)?;
    let len = bytes(IMPORT, "length", len)?;
    let size = match buf {
        0 => with(host, IMPORT, async |session| session.size(&key).await).await?,
        _ => copy(host, IMPORT, &key, 0, (buf, len)).await?,
    };
    // No value is larger than an `i32` counts.
    Ok(i32::try_from(size).unwrap_or(i32::MAX))
}

async fn read_offset(
    host: &mut Host<'_>,
    name: u32,
    total: i32,
    offset: i32,
    buf: u32,
    len: i32,
) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_read_state_offset";
    let key = key(host, IMPORT, name)?;
    let total = bytes(IMPORT, "total", total)?;
    let offset = bytes(IMPORT, "offset", offset)?;
    let len = bytes(IMPORT, "length", len)?;
    if u64::from(offset) + u64::from(len) > u64::from(total) {
        let problem =
            format!("{len} bytes at offset {offset} are outside a value of {total} bytes");
        return Err(misuse(IMPORT, problem));
    }
    copy(host, IMPORT, &key, offset, (buf, len)).await?;
    Ok(())
}

/// Copies a part of a value to the guest; what the value does not have is zeros. Returns
/// the value's size.
async fn copy(
    host: &mut Host<'_>,
    import: &'static str,
    key: &Key,
    offset: u32,
    (buf, len): (u32, u32),
) -> wasmtime::Result<u64> {
    // A bad pointer is found before anything is fetched.
    guest(host, import)?.0.slice_mut(buf, len)?;
    let mut done = 0;
    loop {
        let count = PIECE.min(len - done);
        let from = u64::from(offset) + u64::from(done);
        let piece = with(host, import, async |session| {
            session.read(key, from, u64::from(count)).await
        });
        let (piece, size) = piece.await?;
        let (mut memory, _) = guest(host, import)?;
        let target = memory.slice_mut(buf + done, count)?;
        let (there, beyond) = target.split_at_mut(piece.len());
        there.copy_from_slice(&piece);
        beyond.fill(0);
        done += count;
        if done >= len {
            return Ok(size);
        }
    }
}
