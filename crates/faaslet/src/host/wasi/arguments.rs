//! Arguments and environment.

use wasmtime::Linker;

use super::{Done, Host, WASI, errno};
use crate::faaslet::Faaslet;
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "args_sizes_get",
        |mut host: Host<'_>, count: u32, size: u32| {
            errno(sizes(&mut host, "args_sizes_get", arguments, count, size))
        },
    )?;
    linker.func_wrap(
        WASI,
        "args_get",
        |mut host: Host<'_>, list: u32, buf: u32| {
            errno(strings(&mut host, "args_get", arguments, list, buf))
        },
    )?;
    linker.func_wrap(
        WASI,
        "environ_sizes_get",
        |mut host: Host<'_>, count: u32, size: u32| {
            errno(sizes(
                &mut host,
                "environ_sizes_get",
                environment,
                count,
                size,
            ))
        },
    )?;
    linker.func_wrap(
        WASI,
        "environ_get",
        |mut host: Host<'_>, list: u32, buf: u32| {
            errno(strings(&mut host, "environ_get", environment, list, buf))
        },
    )?;
    Ok(())
}

/// `argv`: as Faasm's guests know it, the first is always the same.
fn arguments(faaslet: &Faaslet) -> Vec<String> {
    let args = faaslet.call.invocation.args.iter().cloned();
    std::iter::once("function.wasm".to_owned())
        .chain(args)
        .collect()
}

/// `environ`: what the deployment says, then what the call is.
fn environment(faaslet: &Faaslet) -> Vec<String> {
    let deployment = faaslet.shared.options.env.iter();
    let deployment = deployment.map(|(key, value)| format!("{key}={value}"));
    // What an initialiser finds is there for calls of all who have uploaded this code.
    if faaslet.is_initialising {
        return deployment.collect();
    }
    let name = &faaslet.call.invocation.function;
    let own = [
        format!("FAASM_USER={}", name.user),
        format!("FAASM_FUNCTION={}", name.function),
        format!("FAASM_CALL_ID={}", faaslet.call.id),
    ];
    deployment.chain(own).collect()
}

type List = fn(&Faaslet) -> Vec<String>;

fn sizes(host: &mut Host<'_>, import: &'static str, list: List, count: u32, size: u32) -> Done {
    let (mut memory, faaslet) = guest(host, import)?;
    let list = list(faaslet);
    let bytes: usize = list.iter().map(|text| text.len() + 1).sum();
    memory.write_u32(count, u32::try_from(list.len()).unwrap_or(u32::MAX))?;
    memory.write_u32(size, u32::try_from(bytes).unwrap_or(u32::MAX))?;
    Ok(())
}

/// Writes the strings, NUL-terminated, at `buf`, and pointers to them at `pointers`.
fn strings(
    host: &mut Host<'_>,
    import: &'static str,
    list: List,
    mut pointers: u32,
    mut buf: u32,
) -> Done {
    let (mut memory, faaslet) = guest(host, import)?;
    for mut text in list(faaslet) {
        text.push('\0');
        memory.write_u32(pointers, buf)?;
        memory.write(buf, text.as_bytes())?;
        // Both writes succeeded, so neither sum can pass the end of a 32-bit memory by
        // more than it wraps; the next write is checked again.
        pointers = pointers.wrapping_add(4);
        buf = buf.wrapping_add(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
    Ok(())
}
