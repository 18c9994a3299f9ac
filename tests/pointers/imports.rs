//! All imports, and a module that calls one of them with any arguments.

pub(super) const WASI: &str = "wasi_snapshot_preview1";
pub(super) const ENV: &str = "env";

/// Module, name, parameters and result of every import that is served. Parameters: `d` a
/// directory, `f` a file, `p` a pointer to what has a fixed size or the next length, `n`
/// that length, `b` a pointer to one byte, `r` a length that may be more than there is, `c`
/// a count of structures, `s` a string or key, `q` a path, `h` a call's handle, `v` another `i32`, `l`
/// an `i64`; of state `t` a total, `o` an offset, `m` a length in the value, `k` a count.
pub(super) const IMPORTS: &[(&str, &str, &str, &str)] = &[
    (WASI, "args_get", "pp", "i32"),
    (WASI, "args_sizes_get", "pp", "i32"),
    (WASI, "environ_get", "pp", "i32"),
    (WASI, "environ_sizes_get", "pp", "i32"),
    (WASI, "clock_res_get", "vp", "i32"),
    (WASI, "clock_time_get", "vlp", "i32"),
    (WASI, "fd_advise", "fllv", "i32"),
    (WASI, "fd_allocate", "fll", "i32"),
    (WASI, "fd_close", "f", "i32"),
    (WASI, "fd_datasync", "f", "i32"),
    (WASI, "fd_fdstat_get", "fp", "i32"),
    (WASI, "fd_fdstat_set_flags", "fv", "i32"),
    (WASI, "fd_fdstat_set_rights", "fll", "i32"),
    (WASI, "fd_filestat_get", "fp", "i32"),
    (WASI, "fd_filestat_set_size", "fl", "i32"),
    (WASI, "fd_filestat_set_times", "fllv", "i32"),
    (WASI, "fd_pread", "fpclp", "i32"),
    (WASI, "fd_prestat_get", "dp", "i32"),
    (WASI, "fd_prestat_dir_name", "dbr", "i32"),
    (WASI, "fd_pwrite", "fpclp", "i32"),
    (WASI, "fd_read", "fpcp", "i32"),
    (WASI, "fd_readdir", "dpnlp", "i32"),
    (WASI, "fd_renumber", "ff", "i32"),
    (WASI, "fd_seek", "flvp", "i32"),
    (WASI, "fd_sync", "f", "i32"),
    (WASI, "fd_tell", "fp", "i32"),
    (WASI, "fd_write", "fpcp", "i32"),
    (WASI, "path_create_directory", "dpn", "i32"),
    (WASI, "path_filestat_get", "dvpnp", "i32"),
    (WASI, "path_filestat_set_times", "dvpnllv", "i32"),
    (WASI, "path_link", "dvpndpn", "i32"),
    (WASI, "path_open", "dvpnvllvp", "i32"),
    (WASI, "path_readlink", "dpnprp", "i32"),
    (WASI, "path_remove_directory", "dpn", "i32"),
    (WASI, "path_rename", "dpndpn", "i32"),
    (WASI, "path_symlink", "pndpn", "i32"),
    (WASI, "path_unlink_file", "dpn", "i32"),
    (WASI, "poll_oneoff", "ppcp", "i32"),
    (WASI, "proc_exit", "v", ""),
    (WASI, "proc_raise", "v", "i32"),
    (WASI, "sched_yield", "", "i32"),
    (WASI, "random_get", "pn", "i32"),
    (WASI, "sock_accept", "fvp", "i32"),
    (WASI, "sock_recv", "fpcvpp", "i32"),
    (WASI, "sock_send", "fpcvp", "i32"),
    (WASI, "sock_shutdown", "fv", "i32"),
    (ENV, "__faasm_read_input", "pr", "i32"),
    (ENV, "__faasm_write_output", "pn", ""),
    (ENV, "__faasm_chain_name", "spn", "i32"),
    (ENV, "__faasm_chain_function", "spn", "i32"),
    (ENV, "__faasm_chain_ptr", "vpn", "i32"),
    (ENV, "__faasm_chain_this", "vpn", "i32"),
    (ENV, "__faasm_chain_py", "vvv", "i32"),
    (ENV, "__faasm_get_idx", "", "i32"),
    (ENV, "__faasm_await_call", "h", "i32"),
    (ENV, "__faasm_await_call_output", "hpp", "i32"),
    (ENV, "__faasm_conf_flag", "s", "i32"),
    (ENV, "__faasm_backtrace", "v", ""),
    (ENV, "__faasm_get_py_user", "pn", ""),
    (ENV, "__faasm_get_py_func", "pn", ""),
    (ENV, "__faasm_get_py_entry", "pn", ""),
    (ENV, "__faasm_read_state", "spn", "i32"),
    (ENV, "__faasm_read_state_ptr", "st", "i32"),
    (ENV, "__faasm_read_state_offset", "stopn", ""),
    (ENV, "__faasm_read_state_offset_ptr", "stom", "i32"),
    (ENV, "__faasm_write_state", "spn", ""),
    (ENV, "__faasm_write_state_offset", "stopn", ""),
    (ENV, "__faasm_write_state_from_file", "sq", "i32"),
    (ENV, "__faasm_append_state", "spn", ""),
    (ENV, "__faasm_read_appended_state", "spnk", ""),
    (ENV, "__faasm_clear_appended_state", "s", ""),
    (ENV, "__faasm_flag_state_dirty", "st", ""),
    (ENV, "__faasm_flag_state_offset_dirty", "stom", ""),
    (ENV, "__faasm_push_state", "s", ""),
    (ENV, "__faasm_push_state_partial", "s", ""),
    (ENV, "__faasm_push_state_partial_mask", "ss", ""),
    (ENV, "__faasm_pull_state", "sk", ""),
    (ENV, "__faasm_lock_state_read", "s", ""),
    (ENV, "__faasm_unlock_state_read", "s", ""),
    (ENV, "__faasm_lock_state_write", "s", ""),
    (ENV, "__faasm_unlock_state_write", "s", ""),
    (ENV, "__faasm_lock_state_global", "s", ""),
    (ENV, "__faasm_unlock_state_global", "s", ""),
    (ENV, "mmap", "vvvvfl", "i32"),
    (ENV, "munmap", "vv", "i32"),
    (ENV, "dup", "f", "i32"),
    (ENV, "getpwuid", "v", "i32"),
    (ENV, "getpwnam", "v", "i32"),
    (ENV, "waitpid", "vvv", "i32"),
    (ENV, "__cxa_allocate_exception", "v", "i32"),
    (ENV, "__cxa_throw", "vvv", ""),
];

pub(super) type Import = (&'static str, &'static str, &'static str, &'static str);

/// The size of the memory of a probe.
pub(super) const END: u32 = 2 << 16;

/// A module that calls `import` with the numbers in its input, eight bytes each, and
/// answers with the result. File 4 is open with some bytes in it, and call 1 was made.
pub(super) fn probe((module, name, params, result): Import) -> String {
    let types: Vec<_> = params
        .chars()
        .map(|p| if p == 'l' { "i64" } else { "i32" })
        .collect();
    let loads = types
        .iter()
        .enumerate()
        .map(|(i, ty)| format!("({ty}.load (i32.const {}))", 1024 + 8 * i));
    let call = format!("(call $probed {})", loads.collect::<String>());
    let store = match result {
        "" => call,
        _ => format!("(i32.store (i32.const 2048) {call})"),
    };
    let (params, result) = (
        types.join(" "),
        if result.is_empty() {
            ""
        } else {
            "(result i32)"
        },
    );
    format!(
        r#"(module
        (import "{module}" "{name}" (func $probed (param {params}) {result}))
        (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
        (import "env" "__faasm_write_output" (func $output (param i32 i32)))
        (import "env" "__faasm_get_idx" (func $index (result i32)))
        (import "env" "__faasm_chain_this" (func $chain (param i32 i32 i32) (result i32)))
        (import "{WASI}" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "{WASI}" "fd_filestat_set_size" (func $resize (param i32 i64) (result i32)))
        (memory (export "memory") 2 64)
        (table (export "__indirect_function_table") 4 funcref)
        (data (i32.const 512) "file")
        (data (i32.const 600) "missing\00")
        (data (i32.const 700) "\ff\fe not UTF-8\00")
        (data (i32.const 8192) "\f0\ff\ff\ff\20\00\00\00" "\00\00\00\00\ff\ff\ff\ff" "\00\10\00\00\00\00\00\80")
        (data (i32.const 131008) "{}")
        (func (export "malloc") (param i32) (result i32) (i32.const 16384))
        (func (export "_start")
          (if (call $index) (then return))
          (drop (call $open (i32.const 3) (i32.const 0) (i32.const 512) (i32.const 4) (i32.const 1)
            (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 520)))
          (drop (call $resize (i32.const 4) (i64.const 5000)))
          (drop (call $chain (i32.const 1) (i32.const 0) (i32.const 0)))
          (drop (call $input (i32.const 1024) (i32.const 256)))
          {store}
          (call $output (i32.const 2048) (i32.const 4))))"#,
        "x".repeat(64)
    )
}

/// A number that does no harm, for a parameter.
pub(super) fn harmless(param: char) -> u64 {
    match param {
        'd' => 3,
        'f' => 4,
        'p' | 'b' => 4096,
        'n' | 'r' | 't' | 'm' => 16,
        's' => 600,
        'q' => 512,
        'c' | 'h' | 'k' => 1,
        _ => 0,
    }
}

/// Numbers that no import may accept for a parameter.
pub(super) fn harmful(param: char) -> &'static [u32] {
    match param {
        'p' => &[
            END - 1,
            END,
            END + 1,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_fffc,
            u32::MAX,
        ],
        'b' => &[END, END + 1, 0x8000_0000, u32::MAX],
        'n' => &[END, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, u32::MAX],
        'c' => &[20_000, 0x1000_0000, 0x2000_0001, 0x8000_0000, u32::MAX],
        's' | 'q' => &[END - 1, END - 64, END, 700, u32::MAX],
        'h' => &[0, 2, 0x8000_0000, u32::MAX],
        't' | 'k' => &[0x8000_0000, 0xffff_0000, u32::MAX],
        'o' => &[1, 4096, 0x7fff_ffff, 0x8000_0000, u32::MAX],
        'm' => &[17, 4096, 0x7fff_ffff, 0x8000_0000, u32::MAX],
        _ => &[],
    }
}
