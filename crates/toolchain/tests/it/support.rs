//! Building into a temporary directory, and a host just large enough to run what was
//! built: standard output, input and output, nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use faasm_toolchain::{BuildOptions, Built, Error, Search, Toolchain};
use tempfile::TempDir;
use wasmtime::{Caller, Engine, Extern, ExternType, Linker, Module, Store};

use crate::state_host::{self, Values};

/// A directory for one test, with a toolchain.
pub struct Workshop {
    pub dir: TempDir,
    pub toolchain: Toolchain,
}

impl Workshop {
    /// A machine without a toolchain fails the test with what to install.
    pub fn new() -> Self {
        // Without the cache nothing is left behind in the home of who runs the tests.
        let search = Search {
            cache: None,
            ..Search::from_env()
        };
        let toolchain = Toolchain::find_in(&search).unwrap_or_else(|e| panic!("{e}"));
        Self {
            dir: TempDir::new().unwrap(),
            toolchain,
        }
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub fn output(&self) -> PathBuf {
        self.dir.path().join("out.wasm")
    }

    /// The options for one source of that name and text.
    pub fn options(&self, name: &str, text: &str) -> BuildOptions {
        BuildOptions::new([self.write(name, text)], self.output())
    }

    pub fn build(&self, name: &str, text: &str) -> Result<Built, Error> {
        self.toolchain.build(&self.options(name, text))
    }

    /// Builds, and panics with the diagnostics if that fails.
    pub fn module(&self, options: &BuildOptions) -> Guest {
        let built = self
            .toolchain
            .build(options)
            .unwrap_or_else(|e| panic!("{e}"));
        Guest::read(&built.output)
    }
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// A module that was built.
pub struct Guest {
    engine: Engine,
    module: Module,
}

/// What a guest left behind.
#[derive(Debug, Default)]
pub struct Left {
    input: Vec<u8>,
    pub stdout: String,
    stderr: String,
    pub output: Vec<u8>,
    pub state: Values,
}

impl Guest {
    pub fn read(path: &Path) -> Self {
        let engine = Engine::default();
        let module = Module::from_file(&engine, path).unwrap();
        Self { engine, module }
    }

    pub fn exports(&self) -> Vec<String> {
        self.module.exports().map(|e| e.name().to_owned()).collect()
    }

    pub fn imports_of(&self, module: &str) -> Vec<String> {
        let of_module = self.module.imports().filter(|i| i.module() == module);
        of_module.map(|i| i.name().to_owned()).collect()
    }

    /// The functions imported from `module`, each as `ii -> i`: a letter a parameter.
    pub fn signatures_of(&self, module: &str) -> Vec<(String, String)> {
        let of_module = self.module.imports().filter(|i| i.module() == module);
        let signature = |ty: ExternType| {
            let function = ty.unwrap_func().clone();
            assert!(
                function
                    .params()
                    .chain(function.results())
                    .all(|ty| ty.is_i32())
            );
            let [params, results] = [function.params().len(), function.results().len()];
            format!("{} -> {}", "i".repeat(params), "i".repeat(results))
        };
        of_module
            .map(|i| (i.name().to_owned(), signature(i.ty())))
            .collect()
    }

    /// How many pages the memory may have; `None` without a limit of its own.
    pub fn memory_limit(&self) -> Option<u64> {
        let memory = self.module.get_export("memory").unwrap();
        memory.unwrap_memory().maximum()
    }

    /// Runs `_start` with `input`.
    pub fn run(&self, input: &str) -> Left {
        self.call(&["_start"], input)
    }

    /// Calls exports one after the other in one instance, whatever they return.
    pub fn call(&self, exports: &[&str], input: &str) -> Left {
        let (left, ended) = self.try_call(exports, input);
        ended.unwrap_or_else(|error| panic!("{error:?}"));
        left
    }

    /// Runs `_start`: what it printed or, where it trapped, said on standard error.
    pub fn try_run(&self, input: &str) -> Result<String, String> {
        let (left, ended) = self.try_call(&["_start"], input);
        match ended {
            Ok(()) => Ok(left.stdout),
            Err(_) => Err(left.stderr),
        }
    }

    fn try_call(&self, exports: &[&str], input: &str) -> (Left, wasmtime::Result<()>) {
        let left = Left {
            input: input.into(),
            ..Left::default()
        };
        let mut store = Store::new(&self.engine, left);
        let mut linker = host(&self.engine);
        linker
            .define_unknown_imports_as_traps(&self.module)
            .unwrap();
        let instance = linker.instantiate(&mut store, &self.module).unwrap();
        for name in exports {
            let function = instance
                .get_func(&mut store, name)
                .unwrap_or_else(|| panic!("{name}"));
            let mut results = vec![wasmtime::Val::I32(0); function.ty(&store).results().len()];
            if let Err(error) = function.call(&mut store, &[], &mut results) {
                return (store.into_data(), Err(error));
            }
        }
        (store.into_data(), Ok(()))
    }
}

pub type Host<'a> = Caller<'a, Left>;

pub fn memory<'a>(caller: &'a mut Host<'_>) -> (&'a mut [u8], &'a mut Left) {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        panic!("no memory is exported");
    };
    memory.data_and_store_mut(caller)
}

fn word(memory: &[u8], at: usize) -> usize {
    u32::from_le_bytes(memory[at..at + 4].try_into().unwrap()) as usize
}

fn put_word(memory: &mut [u8], at: u32, value: usize) {
    memory[at as usize..][..4].copy_from_slice(&(value as u32).to_le_bytes());
}

fn fd_write(mut caller: Host<'_>, fd: i32, iovs: u32, count: u32, written: u32) -> i32 {
    let (memory, left) = memory(&mut caller);
    let mut total = 0;
    for iov in (0..count).map(|i| (iovs + 8 * i) as usize) {
        let (start, length) = (word(memory, iov), word(memory, iov + 4));
        total += length;
        let text = std::str::from_utf8(&memory[start..start + length]).unwrap();
        match fd {
            1 => left.stdout.push_str(text),
            _ => left.stderr.push_str(text),
        }
    }
    put_word(memory, written, total);
    0
}

fn read_input(mut caller: Host<'_>, buffer: u32, length: u32) -> u32 {
    let (memory, left) = memory(&mut caller);
    if length == 0 {
        return left.input.len() as u32;
    }
    let copied = left.input.len().min(length as usize);
    memory[buffer as usize..][..copied].copy_from_slice(&left.input[..copied]);
    copied as u32
}

fn write_output(mut caller: Host<'_>, buffer: u32, length: u32) {
    let (memory, left) = memory(&mut caller);
    left.output = memory[buffer as usize..][..length as usize].to_vec();
}

fn host(engine: &Engine) -> Linker<Left> {
    const SPIPE: i32 = 70;
    let wasi = "wasi_snapshot_preview1";
    let no_strings = |mut caller: Host<'_>, count: u32, size: u32| {
        let (memory, _) = memory(&mut caller);
        put_word(memory, count, 0);
        put_word(memory, size, 0);
        0
    };
    let mut linker = Linker::new(engine);
    state_host::define(&mut linker);
    linker
        .func_wrap("env", "__faasm_read_input", read_input)
        .unwrap();
    linker
        .func_wrap("env", "__faasm_write_output", write_output)
        .unwrap();
    linker.func_wrap(wasi, "fd_write", fd_write).unwrap();
    linker
        .func_wrap(wasi, "args_sizes_get", no_strings)
        .unwrap();
    linker
        .func_wrap(wasi, "environ_sizes_get", no_strings)
        .unwrap();
    linker
        .func_wrap(wasi, "args_get", |_: u32, _: u32| 0)
        .unwrap();
    linker
        .func_wrap(wasi, "environ_get", |_: u32, _: u32| 0)
        .unwrap();
    linker.func_wrap(wasi, "fd_close", |_: i32| 0).unwrap();
    linker
        .func_wrap(wasi, "fd_seek", |_: i32, _: i64, _: i32, _: u32| SPIPE)
        .unwrap();
    let fdstat = |mut caller: Host<'_>, _: i32, stat: u32| {
        let (memory, _) = memory(&mut caller);
        memory[stat as usize..][..24].fill(0);
        0
    };
    linker.func_wrap(wasi, "fd_fdstat_get", fdstat).unwrap();
    linker
}
