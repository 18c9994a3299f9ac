//! Mapping values into a guest's memory.

use faasm_state::{Part, View};
use wasmtime::{AsContextMut, Extern, Linker};

use super::{Host, bytes, key, misuse, with};
use crate::faaslet::Faaslet;
use crate::host::ENV;
use crate::host::allocate::settle_heap;
use crate::memory::BadPointer;
use crate::stop::Stop;

const WHOLE: &str = "__faasm_read_state_ptr";
const PART: &str = "__faasm_read_state_offset_ptr";

/// The imports that map.
pub(in crate::host) const MAPPING: [&str; 2] = [WHOLE, PART];

/// Linear memory grows by pages of this size.
const WASM_PAGE: u64 = 65_536;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        ENV,
        WHOLE,
        |mut host: Host<'_>, (key, total): (u32, i32)| {
            Box::new(async move { map(&mut host, WHOLE, key, total, 0, total).await })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        PART,
        |mut host: Host<'_>, (key, total, offset, len): (u32, i32, i32, i32)| {
            Box::new(async move { map(&mut host, PART, key, total, offset, len).await })
        },
    )?;
    Ok(())
}

/// Maps a part of a value and returns where it begins; the same place for the same part.
async fn map(
    host: &mut Host<'_>,
    import: &'static str,
    name: u32,
    total: i32,
    offset: i32,
    len: i32,
) -> wasmtime::Result<u32> {
    let key = key(host, import, name)?;
    let total = bytes(import, "total", total)?;
    let offset = bytes(import, "offset", offset)?;
    let len = bytes(import, "length", len)?;
    if len == 0 {
        return Err(misuse(import, "0 bytes cannot be mapped"));
    }
    let [total, offset, len] = [total, offset, len].map(u64::from);
    let part = with(host, import, async |session| {
        session.part(&key, total, offset, len).await
    });
    let part = part.await?;
    if let Some(pointer) = host.data().mappings.find(&part) {
        return Ok(pointer);
    }
    settle_heap(host).await?;
    if host.data().mappings.is_full() {
        let problem = "the call has mapped as many parts as it may; map larger parts";
        return Err(misuse(import, problem));
    }
    let view = host.data().session().map(&part);
    let view = view.map_err(|error| Stop::State { import, error })?;
    place(host, import, &part, view)
}

/// Grows the memory by what the view needs, and maps it over that.
fn place(
    host: &mut Host<'_>,
    import: &'static str,
    part: &Part,
    view: View,
) -> wasmtime::Result<u32> {
    let memory = match host.get_export("memory") {
        Some(Extern::Memory(memory)) => memory,
        _ => return Err(BadPointer::NoMemory { import }.into()),
    };
    let pages = view.length().div_ceil(WASM_PAGE);
    let grown = pages * WASM_PAGE;
    host.data_mut().usage.grow_for_state(grown, view.length());
    let Ok(old) = memory.grow(host.as_context_mut(), pages) else {
        let problem = "the function's memory cannot grow by as much as the state needs";
        return Err(misuse(import, problem));
    };
    // Below 4 GiB, since the growth succeeded.
    let start = u32::try_from(old * WASM_PAGE).unwrap_or(u32::MAX);
    let address = memory.data_ptr(&*host).wrapping_add(start as usize);
    let faaslet = host.data();
    let code = faaslet.loaded.instance_pre.module().image_range();
    faaslet.mappings.know_code(code);
    // SAFETY: the pages are new: the guest can access them, begins with none of their
    // addresses, and no reference into the memory outlives a host call. The memory is that
    // of the instance in this store, since a module has one memory at most.
    let mapped = unsafe { faaslet.mappings.add(address, start, view) };
    mapped.map_err(|error| Stop::State { import, error })?;
    // Found a moment after it was added, at the least.
    let pointer = faaslet.mappings.find(part);
    pointer.ok_or_else(|| misuse(import, "the mapping has gone"))
}
