//! The functions that guests import: one group a file.

mod allocate;
mod calls;
mod cxx;
mod environment;
mod later;
mod mpi;
mod posix;
mod python;
mod state;
mod wasi;

use wasmtime::{Engine, ExternType, ImportType, InstancePre, Linker, Module, UnknownImportError};

use crate::faaslet::Faaslet;
use crate::refusal::Refusal;

pub(crate) use mpi::MpiPart;

/// The module that Faasm's host interface is imported from.
pub(crate) const ENV: &str = "env";

/// Longest NUL-terminated string that a guest may pass.
const MAX_STRING: usize = 4096;

/// The host functions, for whoever imports them.
pub(crate) struct Linkers {
    /// All of them, for calls.
    pub(crate) calls: Linker<Faaslet>,
    /// Those that change nothing outside of the Faaslet, for initialisers.
    initialisers: Linker<Faaslet>,
}

/// Why a function of [`Linkers::calls`] is missing in [`Linkers::initialisers`].
pub(crate) const NOT_YET: &str = "functions may not use it while they are initialised";

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        Self::with(engine, |_| Ok(()))
    }

    /// The same for the interpreter of Python functions, which imports some more.
    pub(crate) fn for_python(engine: &Engine) -> wasmtime::Result<Self> {
        Self::with(engine, crate::python::add_host_functions)
    }

    fn with(
        engine: &Engine,
        add_more: fn(&mut Linker<Faaslet>) -> wasmtime::Result<()>,
    ) -> wasmtime::Result<Self> {
        let mut initialisers = Linker::new(engine);
        wasi::add(&mut initialisers)?;
        environment::add(&mut initialisers)?;
        posix::add(&mut initialisers)?;
        cxx::add(&mut initialisers)?;
        python::add_names(&mut initialisers)?;
        add_more(&mut initialisers)?;
        let mut calls = initialisers.clone();
        calls::add(&mut calls)?;
        python::add(&mut calls)?;
        state::add(&mut calls)?;
        mpi::add(&mut calls)?;
        Ok(Self {
            calls,
            initialisers,
        })
    }

    /// Resolves the imports of a module for its calls, or says which cannot be.
    pub(crate) fn for_calls(&self, module: &Module) -> Result<InstancePre<Faaslet>, Refusal> {
        resolve(&self.calls, module, later::reason)
    }

    /// Resolves the imports of a module for its initialiser, when they are known to be there.
    pub(crate) fn for_initialiser(&self, module: &Module) -> Result<InstancePre<Faaslet>, Refusal> {
        resolve(&self.initialisers, module, |name| {
            later::reason(name).or(Some(NOT_YET))
        })
    }
}

/// Whether a module with this import can map state into its memory.
pub(crate) fn maps_state(import: &ImportType<'_>) -> bool {
    import.module() == ENV && state::MAPPING.contains(&import.name())
}

/// Unknown imports that a refusal names; the rest follows when these are gone.
const MAX_NAMED: usize = 20;

/// Resolves a module's imports, or says which cannot be. What the linker does not have ends the
/// guest that calls it, if there is a reason for that.
fn resolve(
    linker: &Linker<Faaslet>,
    module: &Module,
    reason: fn(&str) -> Option<&'static str>,
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
        // What is not served is all functions.
        let is_function = matches!(ty, ExternType::Func(_)) && import.module() == ENV;
        let reason = is_function.then(|| reason(import.name())).flatten();
        if reason.is_none() {
            unknown.push(display_name(&import));
        }
        match ty {
            // Also defined when unknown, to find the next one.
            ExternType::Func(ty) if unknown.len() < MAX_NAMED => {
                let reason = reason.unwrap_or("it is unknown");
                let added = later::add(&mut linker, &import, ty, reason);
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
