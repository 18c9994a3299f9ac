//! The names that a function may leave undefined, since the server provides them.

use crate::sdk;

/// Names in the import module `env`.
const NAMES: &[&str] = &[
    // Calls
    "__faasm_read_input",
    "__faasm_write_output",
    "__faasm_chain_name",
    "__faasm_chain_ptr",
    "__faasm_chain_py",
    "__faasm_chain_function",
    "__faasm_chain_this",
    "__faasm_get_idx",
    "__faasm_await_call",
    "__faasm_await_call_output",
    "__faasm_get_py_user",
    "__faasm_get_py_func",
    "__faasm_get_py_entry",
    "__faasm_conf_flag",
    "__faasm_backtrace",
    // State
    "__faasm_read_state",
    "__faasm_read_state_ptr",
    "__faasm_read_state_offset",
    "__faasm_read_state_offset_ptr",
    "__faasm_write_state",
    "__faasm_write_state_offset",
    "__faasm_write_state_from_file",
    "__faasm_append_state",
    "__faasm_read_appended_state",
    "__faasm_clear_appended_state",
    "__faasm_flag_state_dirty",
    "__faasm_flag_state_offset_dirty",
    "__faasm_push_state",
    "__faasm_push_state_partial",
    "__faasm_push_state_partial_mask",
    "__faasm_pull_state",
    "__faasm_lock_state_read",
    "__faasm_unlock_state_read",
    "__faasm_lock_state_write",
    "__faasm_unlock_state_write",
    "__faasm_lock_state_global",
    "__faasm_unlock_state_global",
    // Others of Faasm's guests
    "__faasm_migrate_point",
    "__faasm_host_interface_test",
    // POSIX beyond WASI
    "mmap",
    "munmap",
    "dup",
    "getpwnam",
    "getpwuid",
    "waitpid",
    "dlopen",
    "dlsym",
    "dlclose",
    "dlerror",
    "dladdr",
];

/// Families too large to list here; the server knows their members.
const FAMILIES: &[&str] = &[
    "pthread_",
    "omp_",
    "__kmpc_",
    "__cxa_",
    "_Unwind_",
    "__faasm_sm_",
    "__faasm_s3_",
];

/// Where WASI preview 1 imports come from.
pub(crate) const WASI_MODULE: &str = "wasi_snapshot_preview1";

/// Whether `name` is a function of MPI that the server provides from `env`.
pub(crate) fn is_mpi(name: &str) -> bool {
    name.starts_with("MPI_") && sdk::MPI_HEADER.contains(&format!(" {name}("))
}

/// Whether a server provides `name` from `module`.
pub(crate) fn provides(module: &str, name: &str) -> bool {
    match module {
        // Made by the C library, which knows them; the upload checks each name.
        WASI_MODULE => true,
        "env" => {
            NAMES.contains(&name) || is_mpi(name) || FAMILIES.iter().any(|f| name.starts_with(f))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::provides;

    #[test]
    fn only_names_of_the_host_interface_are_provided() {
        assert!(provides("env", "__faasm_chain_ptr"));
        assert!(provides("env", "MPI_Send"));
        assert!(provides("env", "MPI_Wtime"));
        assert!(!provides("env", "MPI_Sen"));
        assert!(!provides("env", "MPI_Win_create"));
        assert!(provides("env", "__cxa_throw"));
        assert!(provides("wasi_snapshot_preview1", "fd_write"));
        assert!(!provides("env", "__faasm_chain_pointer"));
        assert!(!provides("env", "compute"));
        assert!(!provides("host", "__faasm_chain_ptr"));
    }
}
