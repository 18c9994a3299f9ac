//! Imports of Faasm's guests that this version does not serve: a module that has them is
//! accepted, since most never call them, and a call of one ends with its name.

use wasmtime::{FuncType, ImportType, Linker};

use super::ENV;
use crate::faaslet::Faaslet;
use crate::stop::Stop;

/// Families of names that are accepted, by what they begin with.
const FAMILIES: [(&str, &str); 8] = [
    ("__faasm_sm_", "snapshot merging is not supported"),
    ("__faasm_s3_", "S3 from functions is not supported"),
    ("__faasm_host_interface_test", "it is for Faasm's own tests"),
    ("pthread_", "threads are not supported"),
    ("omp_", "OpenMP is not supported"),
    ("__kmpc_", "OpenMP is not supported"),
    ("__cxa_", "functions are compiled without C++ exceptions"),
    ("_Unwind_", "functions are compiled without C++ exceptions"),
];

/// Single names that are accepted.
const NAMES: [(&str, &str); 6] = [
    ("__faasm_migrate_point", "migration is not supported"),
    ("dlopen", "dynamic linking is not supported"),
    ("dlclose", "dynamic linking is not supported"),
    ("dlsym", "dynamic linking is not supported"),
    ("dlerror", "dynamic linking is not supported"),
    ("dladdr", "dynamic linking is not supported"),
];

/// Why nothing serves `name`, although a module may import it.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    let family = FAMILIES.iter().find(|(prefix, _)| name.starts_with(prefix));
    let single = || NAMES.iter().find(|(single, _)| name == *single);
    family.or_else(single).map(|(_, reason)| *reason)
}

/// Defines an import as one that ends the call with its name and the reason.
pub(super) fn add(
    linker: &mut Linker<Faaslet>,
    import: &ImportType<'_>,
    ty: FuncType,
    reason: &'static str,
) -> wasmtime::Result<()> {
    let name = format!("{ENV}::{}", super::shorten(import.name()));
    linker.func_new(import.module(), import.name(), ty, move |_, _, _| {
        let import = name.clone();
        Err(Stop::Unavailable { import, reason }.into())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn families_are_accepted_and_other_names_are_not() {
        for name in [
            "pthread_create",
            "omp_get_num_threads",
            "dlopen",
            "__cxa_begin_catch",
        ] {
            assert!(reason(name).is_some(), "{name}");
        }
        for name in ["dlrow", "frobnicate", "__faasm_read_state", ""] {
            assert!(reason(name).is_none(), "{name}");
        }
    }
}
