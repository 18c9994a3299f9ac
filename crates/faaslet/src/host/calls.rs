//! Input, output and chained calls.

use std::sync::Arc;

use bytes::Bytes;
use faasm_model::{FunctionName, Name, Outcome, Target};
use wasmtime::{Caller, Linker};

use super::allocate::allocate;
use super::{ENV, MAX_STRING};
use crate::call::{Callee, Code, Entry};
use crate::faaslet::Faaslet;
use crate::memory::guest;
use crate::stop::Stop;

type Host<'a> = Caller<'a, Faaslet>;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(ENV, "__faasm_read_input", read_input)?;
    linker.func_wrap(ENV, "__faasm_write_output", write_output)?;
    linker.func_wrap(
        ENV,
        "__faasm_chain_name",
        |host: Host<'_>, name, input, len| chain_name(host, "__faasm_chain_name", name, input, len),
    )?;
    linker.func_wrap(
        ENV,
        "__faasm_chain_function",
        |host: Host<'_>, name, input, len| {
            chain_name(host, "__faasm_chain_function", name, input, len)
        },
    )?;
    linker.func_wrap(ENV, "__faasm_chain_ptr", chain_ptr)?;
    linker.func_wrap(ENV, "__faasm_chain_this", chain_this)?;
    linker.func_wrap(ENV, "__faasm_get_idx", get_idx)?;
    linker.func_wrap_async(
        ENV,
        "__faasm_await_call",
        |mut host: Host<'_>, (call,): (u32,)| {
            Box::new(async move {
                let outcome = join(&mut host, "__faasm_await_call", call).await?;
                wasmtime::Result::Ok(outcome.return_value)
            })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        "__faasm_await_call_output",
        |mut host: Host<'_>, (call, out, len): (u32, u32, u32)| {
            Box::new(async move { await_call_output(&mut host, call, out, len).await })
        },
    )?;
    Ok(())
}

fn read_input(mut host: Host<'_>, buf: u32, len: i32) -> wasmtime::Result<i32> {
    let (mut memory, faaslet) = guest(&mut host, "__faasm_read_input")?;
    let input = &faaslet.call.invocation.input;
    let len = memory.length(len)? as usize;
    if len == 0 {
        return Ok(c_long(input.len()));
    }
    let count = len.min(input.len());
    memory.write(buf, &input[..count])?;
    Ok(c_long(count))
}

fn write_output(mut host: Host<'_>, out: u32, len: i32) -> wasmtime::Result<()> {
    let (memory, faaslet) = guest(&mut host, "__faasm_write_output")?;
    let bytes = memory.slice(out, memory.length(len)?)?;
    faaslet.captured.set_output(bytes)?;
    Ok(())
}

fn chain_name(
    mut host: Host<'_>,
    import: &'static str,
    name: u32,
    input: u32,
    len: i32,
) -> wasmtime::Result<u32> {
    let (memory, faaslet) = guest(&mut host, import)?;
    let name = Name::new(&memory.c_str(name, MAX_STRING)?).map_err(|error| Stop::Misuse {
        import,
        problem: error.to_string(),
    })?;
    let input = memory.slice(input, memory.length(len)?)?;
    let callee = Callee {
        target: kind_of(faaslet, &name),
        function: Some(name),
        entry: Entry::Main { index: 0 },
        input: Bytes::copy_from_slice(input),
    };
    start(faaslet, callee)
}

fn chain_ptr(mut host: Host<'_>, pointer: u32, input: u32, len: i32) -> wasmtime::Result<u32> {
    let (memory, faaslet) = guest(&mut host, "__faasm_chain_ptr")?;
    let input = memory.slice(input, memory.length(len)?)?;
    let code = Code(Arc::clone(&faaslet.loaded));
    start_self(faaslet, Entry::Pointer { code, pointer }, input)
}

fn chain_this(mut host: Host<'_>, index: i32, input: u32, len: i32) -> wasmtime::Result<u32> {
    let (memory, faaslet) = guest(&mut host, "__faasm_chain_this")?;
    let input = memory.slice(input, memory.length(len)?)?;
    start_self(faaslet, Entry::Main { index }, input)
}

fn get_idx(host: Host<'_>) -> i32 {
    match host.data().call.entry {
        Entry::Main { index } => index,
        Entry::Pointer { .. } => 0,
    }
}

/// What kind of function a name means: of the caller's own kind if there is one of each.
fn kind_of(faaslet: &Faaslet, name: &Name) -> Target {
    let invocation = &faaslet.call.invocation;
    let function = FunctionName {
        user: invocation.function.user.clone(),
        function: name.clone(),
    };
    let (own, other) = match invocation.target {
        Target::Wasm | Target::Mpi { .. } => (Target::Wasm, Target::PYTHON),
        Target::Python { .. } => (Target::PYTHON, Target::Wasm),
    };
    let is_there = |target| faaslet.shared.functions(target).get(&function).is_some();
    match !is_there(&own) && is_there(&other) {
        true => other,
        false => own,
    }
}

/// Chains a call of the caller's own function.
fn start_self(faaslet: &mut Faaslet, entry: Entry, input: &[u8]) -> wasmtime::Result<u32> {
    let callee = Callee {
        function: None,
        target: match faaslet.call.invocation.target {
            // Of a rank: the module, but not as a world.
            Target::Mpi { .. } => Target::Wasm,
            ref own => own.clone(),
        },
        entry,
        input: Bytes::copy_from_slice(input),
    };
    start(faaslet, callee)
}

/// Chains a call and gives it a handle.
pub(super) fn start(faaslet: &mut Faaslet, callee: Callee) -> wasmtime::Result<u32> {
    // A guest that chains in a loop must notice its end as one that computes does.
    faaslet.check()?;
    let id = faaslet.call.chain.start(callee).map_err(Stop::from)?;
    Ok(faaslet.handles.add(id))
}

/// The outcome of a chained call, waited for once.
async fn join(
    host: &mut Host<'_>,
    import: &'static str,
    call: u32,
) -> wasmtime::Result<Arc<Outcome>> {
    let Some(handle) = host.data().handles.get(call).cloned() else {
        let problem = format!("{call} is not a call that this one has made");
        return Err(Stop::Misuse { import, problem }.into());
    };
    if let Some(outcome) = handle.outcome {
        return Ok(outcome);
    }
    let faaslet = host.data();
    // Known to the search for deadlocks: the callee may wait for a lock of this call.
    let awaiting = faaslet.session().locks().awaiting(handle.id);
    let outcome = faaslet.wait(faaslet.call.chain.join(handle.id)).await?;
    drop(awaiting);
    host.data_mut().handles.finish(call, Arc::clone(&outcome));
    Ok(outcome)
}

/// Copies a callee's output into memory that the guest's own `malloc` gives, so that
/// the guest can `free` it.
async fn await_call_output(
    host: &mut Host<'_>,
    call: u32,
    out: u32,
    len: u32,
) -> wasmtime::Result<i32> {
    const IMPORT: &str = "__faasm_await_call_output";
    let misuse = |problem: &str| Stop::Misuse {
        import: IMPORT,
        problem: problem.to_owned(),
    };
    // A bad pointer is found before the wait, not after.
    let (memory, _) = guest(host, IMPORT)?;
    memory.slice(out, 4)?;
    memory.slice(len, 4)?;
    let outcome = join(host, IMPORT, call).await?;
    let size = u32::try_from(outcome.output.len())
        .ok()
        .filter(|size| *size <= i32::MAX as u32)
        .ok_or_else(|| misuse("the output does not fit the guest's memory"))?;
    let pointer = allocate(host, size).await?;
    let pointer = pointer.map_err(|why| misuse(&format!("no memory for the output: {why}")))?;
    let (mut memory, _) = guest(host, IMPORT)?;
    memory.write(pointer, &outcome.output)?;
    memory.write_u32(out, pointer)?;
    memory.write_u32(len, size)?;
    Ok(outcome.return_value)
}

/// A byte count as the guest's `long`; greater ones do not fit its memory anyway.
fn c_long(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
