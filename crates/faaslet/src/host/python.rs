//! The Python part of the interface, as a function that is not Python sees it.

use wasmtime::{Caller, Linker};

use super::ENV;
use crate::faaslet::Faaslet;
use crate::memory::guest;
use crate::stop::Stop;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    for name in [
        "__faasm_get_py_user",
        "__faasm_get_py_func",
        "__faasm_get_py_entry",
    ] {
        linker.func_wrap(
            ENV,
            name,
            move |mut caller: Caller<'_, Faaslet>, buf, len| {
                empty_string(&mut caller, name, buf, len)
            },
        )?;
    }
    linker.func_wrap(
        ENV,
        "__faasm_chain_py",
        |_: Caller<'_, Faaslet>, _: u32, _: u32, _: i32| -> wasmtime::Result<u32> {
            let import = "__faasm_chain_py";
            let problem = "this is not a Python function".to_owned();
            Err(Stop::Misuse { import, problem }.into())
        },
    )?;
    Ok(())
}

fn empty_string(
    caller: &mut Caller<'_, Faaslet>,
    import: &'static str,
    buf: u32,
    len: i32,
) -> wasmtime::Result<()> {
    let (mut memory, _) = guest(caller, import)?;
    if let Some(first) = {
        let len = memory.length(len)?;
        memory.slice_mut(buf, len)?.first_mut()
    } {
        *first = 0;
    }
    Ok(())
}
