//! What the deployment says to functions, and what they say about themselves.

use wasmtime::{Caller, Linker, WasmBacktrace};

use super::{ENV, MAX_STRING};
use crate::backtrace;
use crate::capture::Stream;
use crate::faaslet::Faaslet;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "__faasm_conf_flag", conf_flag)?;
    linker.func_wrap(ENV, "__faasm_backtrace", print_backtrace)?;
    Ok(())
}

fn conf_flag(mut caller: Caller<'_, Faaslet>, key: u32) -> wasmtime::Result<u32> {
    let (memory, faaslet) = guest(&mut caller, "__faasm_conf_flag")?;
    let key = memory.c_str(key, MAX_STRING)?;
    Ok(faaslet.shared.options.flags.get(&key).copied().unwrap_or(0))
}

/// Writes the guest's backtrace to its stderr: `depth` frames, all if it is not positive.
fn print_backtrace(mut caller: Caller<'_, Faaslet>, depth: i32) -> wasmtime::Result<()> {
    let trace = WasmBacktrace::force_capture(&caller);
    let depth = usize::try_from(depth).ok().filter(|depth| *depth > 0);
    let lines = backtrace::lines(&trace, depth.unwrap_or(usize::MAX));
    let captured = &mut caller.data_mut().captured;
    captured.admit(lines.len() as u64)?;
    captured.push(Stream::Stderr, lines.as_bytes());
    Ok(())
}
