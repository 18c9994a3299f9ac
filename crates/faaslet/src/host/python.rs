//! The Python part of the interface. Functions that are not Python see names that are empty.

use faasm_model::{Name, Target};
use wasmtime::{Caller, Linker};

use super::calls::start;
use super::{ENV, MAX_STRING};
use crate::call::{Callee, Entry};
use crate::faaslet::Faaslet;
use crate::memory::guest;
use crate::python;
use crate::stop::Stop;

/// The names, which say nothing of a particular call.
pub(super) fn add_names(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    type Part = fn(&Faaslet) -> Option<&str>;
    let names: [(&'static str, Part); 3] = [
        ("__faasm_get_py_user", |faaslet| {
            of_python(faaslet).map(|_| faaslet.call.invocation.function.user.as_str())
        }),
        ("__faasm_get_py_func", |faaslet| {
            of_python(faaslet).map(|_| faaslet.call.invocation.function.function.as_str())
        }),
        ("__faasm_get_py_entry", of_python),
    ];
    for (import, part) in names {
        linker.func_wrap(
            ENV,
            import,
            move |mut caller: Caller<'_, Faaslet>, buf: u32, len: i32| {
                let text = part(caller.data()).unwrap_or_default().to_owned();
                put_string(&mut caller, import, &text, buf, len)
            },
        )?;
    }
    Ok(())
}

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "__faasm_chain_py", chain_py)?;
    Ok(())
}

/// Where a call of a Python function begins.
fn of_python(faaslet: &Faaslet) -> Option<&str> {
    python::entry(&faaslet.call.invocation.target)
}

/// Writes a NUL-terminated string, cut off if there is not enough room.
fn put_string(
    caller: &mut Caller<'_, Faaslet>,
    import: &'static str,
    text: &str,
    buf: u32,
    len: i32,
) -> wasmtime::Result<()> {
    let (mut memory, _) = guest(caller, import)?;
    let room = {
        let len = memory.length(len)?;
        memory.slice_mut(buf, len)?
    };
    let count = text.len().min(room.len().saturating_sub(1));
    if let Some(end) = room.get_mut(count) {
        *end = 0;
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
    }
    Ok(())
}

/// Chains another function of the same Python file.
fn chain_py(
    mut caller: Caller<'_, Faaslet>,
    entry: u32,
    input: u32,
    len: i32,
) -> wasmtime::Result<u32> {
    const IMPORT: &str = "__faasm_chain_py";
    let (memory, faaslet) = guest(&mut caller, IMPORT)?;
    let misuse = |problem: String| Stop::Misuse {
        import: IMPORT,
        problem,
    };
    if of_python(faaslet).is_none() {
        return Err(misuse("this is not a Python function".to_owned()).into());
    }
    let entry = Name::new(&memory.c_str(entry, MAX_STRING)?).map_err(|e| misuse(e.to_string()))?;
    let input = memory.slice(input, memory.length(len)?)?;
    let callee = Callee {
        function: None,
        target: Target::Python { entry: Some(entry) },
        entry: Entry::Main { index: 0 },
        input: bytes::Bytes::copy_from_slice(input),
    };
    start(faaslet, callee)
}
