//! The whole system: a real server process, real sockets, functions compiled from C.
//! One file a feature; `./test --long` adds what takes long.
#![allow(missing_docs, clippy::unwrap_used, reason = "these are tests")]

mod admission;
mod async_calls;
mod bad_imports;
mod bad_modules;
mod bad_requests;
mod book;
mod call_records;
mod chaining;
mod cli;
mod cluster;
mod compatibility;
mod concurrent_uploads;
mod connections;
mod cpp;
mod data_dir;
mod examples;
mod fairness;
mod files;
mod files_differential;
mod files_http;
mod files_recovery;
mod full_disk;
mod images;
mod invoke;
mod isolation;
mod limits;
mod memory_budget;
mod mpi;
mod mpi_differential;
mod observability;
mod pointers;
mod python;
mod python_http;
mod quotas;
mod recovery;
mod redis_state;
mod serve_options;
mod shutdown;
mod state;
mod state_http;
mod state_isolation;
mod state_limits;
mod state_locks;
mod state_memory;
mod state_recovery;
mod tls;
mod tokens;
mod upload;
mod versions;
mod wasi;

/// Whether the tests that take long run, too.
fn is_long() -> bool {
    std::env::var_os("FAASM_TEST_LONG").is_some()
}
