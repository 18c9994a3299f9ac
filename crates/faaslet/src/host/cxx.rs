//! C++ exceptions: functions are compiled without them, so a throw ends the call, with
//! the name of what was thrown.

use wasmtime::{Caller, Linker};

use super::allocate::allocate;
use super::{ENV, MAX_STRING};
use crate::backtrace;
use crate::faaslet::Faaslet;
use crate::memory::{GuestMemory, guest};
use crate::stop::Stop;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        ENV,
        "__cxa_allocate_exception",
        |mut caller: Caller<'_, Faaslet>, (size,): (u32,)| {
            Box::new(async move { place(&mut caller, size).await })
        },
    )?;
    linker.func_wrap(ENV, "__cxa_throw", throw)?;
    Ok(())
}

/// The exception object is constructed before it is thrown, so it needs a place.
async fn place(caller: &mut Caller<'_, Faaslet>, size: u32) -> wasmtime::Result<u32> {
    let pointer = allocate(caller, size).await?.map_err(|why| Stop::CxxThrow {
        what: format!("of unknown type (no memory for the exception: {why})"),
    });
    Ok(pointer?)
}

fn throw(
    mut caller: Caller<'_, Faaslet>,
    object: u32,
    type_info: u32,
    _destructor: u32,
) -> wasmtime::Result<()> {
    let (memory, _) = guest(&mut caller, "__cxa_throw")?;
    let name = type_name(&memory, type_info).unwrap_or_else(|| "of unknown type".into());
    let what = match message(&memory, &name, object) {
        Some(message) => format!("{name}: {message}"),
        None => name,
    };
    Err(Stop::CxxThrow { what }.into())
}

/// A `std::type_info` is a vtable pointer, then a pointer to the mangled type name.
fn type_name(memory: &GuestMemory<'_>, type_info: u32) -> Option<String> {
    let name = memory.read_u32(type_info.checked_add(4)?).ok()?;
    let mangled = memory.c_str(name, MAX_STRING).ok()?;
    // `_ZTS` makes a symbol of a type name; its demangled form says so in front.
    let symbol = backtrace::demangle(&format!("_ZTS{mangled}"));
    let readable = symbol
        .strip_prefix("typeinfo name for ")
        .unwrap_or(&mangled);
    Some(readable.to_owned())
}

/// What libc++'s `std::runtime_error` and `std::logic_error` say: after the vtable
/// pointer they hold a pointer to their text.
fn message(memory: &GuestMemory<'_>, type_name: &str, object: u32) -> Option<String> {
    const WITH_TEXT: [&str; 9] = [
        "std::runtime_error",
        "std::logic_error",
        "std::invalid_argument",
        "std::domain_error",
        "std::length_error",
        "std::out_of_range",
        "std::range_error",
        "std::overflow_error",
        "std::underflow_error",
    ];
    if !WITH_TEXT.contains(&type_name) {
        return None;
    }
    let text = memory.read_u32(object.checked_add(4)?).ok()?;
    let text = memory.c_str(text, MAX_STRING).ok()?;
    Some(text.chars().filter(|c| !c.is_control()).take(200).collect())
}
