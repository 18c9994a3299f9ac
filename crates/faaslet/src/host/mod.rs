//! The functions that guests import: one group a file.

mod allocate;
mod calls;
mod cxx;
mod environment;
mod later;
mod posix;
mod python;
mod state;
mod wasi;

use wasmtime::{Engine, ExternType, ImportType, InstancePre, Linker, Module, UnknownImportError};

use crate::faaslet::Faaslet;
use crate::refusal::Refusal;

/// The module that Faasm's host interface is imported from.
const ENV: &str = "env";

/// Longest NUL-terminated string that a guest may pass.
const MAX_STRING: usize = 4096;

/// A linker with every host function.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Faaslet>> {
    let mut linker = Linker::new(engine);
    wasi::add(&mut linker)?;
    calls::add(&mut linker)?;
    environment::add(&mut linker)?;
    posix::add(&mut linker)?;
    python::add(&mut linker)?;
    state::add(&mut linker)?;
    cxx::add(&mut linker)?;
    Ok(linker)
}

/// Whether a module with this import can map state into its memory.
pub(crate) fn maps_state(import: &ImportType<'_>) -> bool {
    import.module() == ENV && state::MAPPING.contains(&import.name())
}

/// Unknown imports that a refusal names; the rest follows when these are gone.
const MAX_NAMED: usize = 20;

/// Resolves a module's imports, or says which cannot be.
pub(crate) fn resolve(
    linker: &Linker<Faaslet>,
    module: &Module,
) -> Result<InstancePre<Faaslet>, Refusal> {
    let mut linker = linker.clone();
    let mut unknown = Vec::new();
    loop {
        let error = match linker.instantiate_pre(module) {
            Ok(pre) if unknown.is_empty() => return Ok(pre),
            Ok(_) => return Err(Refusal::UnknownImports(unknown)),
            Err(error) => error,
        };
        let Some(import) = unresolved(module, &error) else {
            return Err(Refusal::ImportType(shorten(&format!("{error:#}"))));
        };
        let ty = import.ty();
        // What is served later is all functions.
        let known_later = import.module() == ENV
            && later::accepts(import.name())
            && matches!(ty, ExternType::Func(_));
        if !known_later {
            unknown.push(display_name(&import));
        }
        match ty {
            // Also defined when unknown, to find the next one.
            ExternType::Func(ty) if unknown.len() < MAX_NAMED => {
                let added = later::add(&mut linker, &import, ty);
                added.map_err(|e| Refusal::ImportType(shorten(&format!("{e:#}"))))?;
            }
            _ => return Err(Refusal::UnknownImports(unknown)),
        }
    }
}

/// The import that a linking error says is not defined.
fn unresolved<'a>(module: &'a Module, error: &wasmtime::Error) -> Option<ImportType<'a>> {
    let missing = error.downcast_ref::<UnknownImportError>()?;
    let mut imports = module.imports();
    imports.find(|i| (i.module(), i.name()) == (missing.module(), missing.name()))
}

fn display_name(import: &ImportType<'_>) -> String {
    let (module, name) = (shorten(import.module()), shorten(import.name()));
    format!("`{module}::{name}`")
}

/// A guest's text, fit for one line of a message.
fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
