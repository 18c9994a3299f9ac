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

/// Bytes that are read by way of the stack.
const SMALL: usize = 256;

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
    // Most values that are read in this way are small, and need no allocation.
    let mut small = [0; SMALL];
    let mut large = Vec::new();
    let piece: &mut [u8] = match len as usize {
        len @ ..=SMALL => &mut small[..len],
        len => {
            large.resize(len.min(PIECE as usize), 0);
            &mut large
        }
    };
    let mut done = 0;
    loop {
        let count = piece.len().min((len - done) as usize);
        let (piece, from) = (&mut piece[..count], u64::from(offset) + u64::from(done));
        let size = with(host, import, async |session| {
            session.read_into(key, from, piece).await
        });
        let size = size.await?;
        guest(host, import)?.0.write(buf + done, piece)?;
        done += count as u32;
        if done >= len {
            return Ok(size);
        }
    }
}
