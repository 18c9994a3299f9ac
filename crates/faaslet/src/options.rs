//! What an operator can set about Faaslets.

use std::collections::BTreeMap;
use std::time::Duration;

use faasm_model::{Limits, PerUser};

use crate::python::PythonRuntime;

/// Settings of [`crate::Faaslets`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Most Faaslets alive at a time, running and waiting. A Faaslet takes about six
    /// memory mappings, of which Linux allows a process 65,530 by default.
    pub max_faaslets: u32,
    /// Native stack that wasm may use, in bytes; the same for all functions.
    pub max_stack_bytes: usize,
    /// The process's memory budget, in bytes.
    pub memory_budget: u64,
    /// What all calls of a user may take of it together, in bytes; `None`, all.
    pub max_user_memory: PerUser<Option<u64>>,
    /// Bytes of scratch files that a call may have, in memory and on disk.
    pub max_scratch_bytes: u64,
    /// Bytes of scratch files that a call may have in memory; what is more goes to disk.
    pub max_scratch_memory_bytes: u64,
    /// Size of a shared file that a call may write, in bytes.
    pub max_file_bytes: u64,
    /// Longest time that a function's initialiser may take.
    pub max_init_time: Duration,
    /// Limits of functions that have none of their own.
    pub limits: Limits,
    /// Threads that run guests: so many long computations run at a time.
    pub processors: usize,
    /// Environment variables that every function sees.
    pub env: BTreeMap<String, String>,
    /// What `__faasm_conf_flag` answers; 0 for others.
    pub flags: BTreeMap<String, u32>,
    /// What runs Python functions; without it there are none.
    pub python: Option<PythonRuntime>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_faaslets: 8_192,
            max_stack_bytes: 4 << 20,
            memory_budget: 2 << 30,
            max_user_memory: PerUser::default(),
            max_init_time: Duration::from_secs(30),
            max_scratch_bytes: 1 << 30,
            max_scratch_memory_bytes: 16 << 20,
            max_file_bytes: 16 << 30,
            limits: Limits::default(),
            processors: std::thread::available_parallelism().map_or(2, usize::from),
            env: BTreeMap::new(),
            flags: BTreeMap::new(),
            python: None,
        }
    }
}
