//! What the interpreter imports beside what functions import.

use wasmtime::{Caller, Linker};

use super::Failed;
use crate::faaslet::Faaslet;
use crate::host::ENV;
use crate::memory::guest;
use crate::stop::Stop;

/// Bytes of a message that are kept.
const MAX_MESSAGE: usize = 4 << 10;

pub(crate) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, FAIL, fail)?;
    Ok(())
}

const FAIL: &str = "__faasm_py_fail";

/// Says why the interpreter is about to return a status that is not 0. The last word counts.
fn fail(
    mut caller: Caller<'_, Faaslet>,
    kind: u32,
    line: u32,
    column: u32,
    message: u32,
    len: i32,
) -> wasmtime::Result<()> {
    let (memory, faaslet) = guest(&mut caller, FAIL)?;
    let message = memory.slice(message, memory.length(len)?)?;
    let message = String::from_utf8_lossy(&message[..message.len().min(MAX_MESSAGE)]);
    let failed = Failed::new(kind, line, column, message.into_owned());
    let misuse = || Stop::Misuse {
        import: FAIL,
        problem: format!("{kind} is not a kind of failure"),
    };
    faaslet.python_failure = Some(failed.ok_or_else(misuse)?);
    Ok(())
}
