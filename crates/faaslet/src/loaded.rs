//! A module that is ready to run, and what of it is run.

use wasmtime::{Engine, ExternType, FuncType, InstancePre, Linker, Module, ModuleExport, ValType};

use crate::faaslet::Faaslet;
use crate::host;
use crate::refusal::Refusal;

/// A module with its imports resolved and its entry points found.
pub(crate) struct Loaded {
    pub(crate) instance_pre: InstancePre<Faaslet>,
    pub(crate) start: Start,
    pub(crate) pointers: PointerSetup,
    pub(crate) memory: Option<ModuleExport>,
    pub(crate) min_memory_bytes: u64,
    /// Whether it can map state into its memory.
    pub(crate) maps_state: bool,
}

/// How a function is run from its beginning.
pub(crate) enum Start {
    /// `_start` does everything: constructors, `main`, destructors.
    Command(ModuleExport),
    /// The steps one by one, for a module that has a zygote or no `_start`.
    Steps {
        constructors: Option<ModuleExport>,
        zygote: Option<ModuleExport>,
        main: Main,
        destructors: Option<ModuleExport>,
    },
}

/// `main` in the shapes that compilers give it.
pub(crate) enum Main {
    /// `() -> i32`, which reads its arguments itself.
    Plain(ModuleExport),
    /// `(argc, argv) -> i32`, called with none.
    WithArgs(ModuleExport),
    /// `()`.
    Void(ModuleExport),
}

/// What runs around a chained function pointer.
pub(crate) struct PointerSetup {
    pub(crate) table: Option<ModuleExport>,
    pub(crate) constructors: Option<ModuleExport>,
    pub(crate) destructors: Option<ModuleExport>,
}

const CONSTRUCTORS: [&str; 2] = ["__wasm_call_ctors", "_initialize"];
const DESTRUCTORS: [&str; 1] = ["__wasm_call_dtors"];
const ZYGOTES: [&str; 4] = [
    "_faasm_zygote",
    "_Z13_faasm_zygotev",
    "wizer-initialize",
    "wizer.initialize",
];
const TABLES: [&str; 2] = ["__indirect_function_table", "table"];

impl Loaded {
    /// Checks a compiled module and resolves what a call needs of it.
    pub(crate) fn new(linker: &Linker<Faaslet>, module: &Module) -> Result<Self, Refusal> {
        let exports = Exports(module);
        let memory = exports.memory()?;
        let start = exports.start()?;
        let constructors = exports.first_of(&CONSTRUCTORS, &[], &[])?;
        let destructors = exports.first_of(&DESTRUCTORS, &[], &[])?;
        let instance_pre = host::resolve(linker, module)?;
        Ok(Self {
            start,
            pointers: PointerSetup {
                table: exports.table(),
                constructors,
                destructors,
            },
            min_memory_bytes: exports.min_memory_bytes(),
            memory,
            maps_state: module.imports().any(|import| host::maps_state(&import)),
            instance_pre,
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.instance_pre.module().engine()
    }
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").finish_non_exhaustive()
    }
}

/// A module's exports, looked up with their types.
struct Exports<'a>(&'a Module);

impl Exports<'_> {
    /// Every function is given its memory by this name.
    fn memory(&self) -> Result<Option<ModuleExport>, Refusal> {
        match self.0.get_export("memory") {
            Some(ExternType::Memory(_)) => Ok(self.0.get_export_index("memory")),
            Some(_) => Err(Refusal::ExportType {
                name: "memory".into(),
                expected: "a memory",
            }),
            // A module that imports nothing needs nobody to see its memory.
            None if self.0.imports().len() == 0 => Ok(None),
            None => Err(Refusal::MissingExport {
                what: "a memory named \"memory\" (the host reads and writes through it)",
            }),
        }
    }

    fn min_memory_bytes(&self) -> u64 {
        // Of the memory that is defined inside: exported or not, the pool reserves it.
        let exported = self.0.exports().filter_map(|e| match e.ty() {
            ExternType::Memory(memory) => Some(memory.minimum() * memory.page_size()),
            _ => None,
        });
        exported.max().unwrap_or(0)
    }

    fn start(&self) -> Result<Start, Refusal> {
        let command = self.first_of(&["_start"], &[], &[])?;
        let zygote = self.zygote()?;
        let main = self.main()?;
        match (command, zygote, main) {
            // `_start` would run the constructors, then `main`, with nothing between.
            (_, zygote @ Some(_), Some(main)) => self.steps(zygote, main),
            (Some(command), ..) => Ok(Start::Command(command)),
            (None, zygote, Some(main)) => self.steps(zygote, main),
            (None, _, None) => Err(Refusal::MissingExport {
                what: "an entry point: `_start`, `main` or `__main_void` (compile a program that has a `main`)",
            }),
        }
    }

    fn steps(&self, zygote: Option<ModuleExport>, main: Main) -> Result<Start, Refusal> {
        Ok(Start::Steps {
            constructors: self.first_of(&CONSTRUCTORS, &[], &[])?,
            zygote,
            main,
            destructors: self.first_of(&DESTRUCTORS, &[], &[])?,
        })
    }

    fn zygote(&self) -> Result<Option<ModuleExport>, Refusal> {
        for name in ZYGOTES {
            if let Some(zygote) = self.function(name, &[], &[ValType::I32]) {
                return Ok(Some(zygote));
            }
            if let Some(zygote) = self.first_of(&[name], &[], &[])? {
                return Ok(Some(zygote));
            }
        }
        Ok(None)
    }

    fn main(&self) -> Result<Option<Main>, Refusal> {
        for name in ["__main_void", "main", "__main_argc_argv"] {
            if self.0.get_export(name).is_none() {
                continue;
            }
            let int = [ValType::I32];
            return if let Some(main) = self.function(name, &[], &int) {
                Ok(Some(Main::Plain(main)))
            } else if let Some(main) = self.function(name, &[ValType::I32, ValType::I32], &int) {
                Ok(Some(Main::WithArgs(main)))
            } else if let Some(main) = self.function(name, &[], &[]) {
                Ok(Some(Main::Void(main)))
            } else {
                Err(Refusal::ExportType {
                    name: name.into(),
                    expected: "a function `() -> i32`, `(i32, i32) -> i32` or `()`",
                })
            };
        }
        Ok(None)
    }

    fn table(&self) -> Option<ModuleExport> {
        let mut names = TABLES.iter();
        names.find_map(|name| match self.0.get_export(name) {
            Some(ExternType::Table(_)) => self.0.get_export_index(name),
            _ => None,
        })
    }

    /// The first of `names` that is exported; an error if that has another type.
    fn first_of(
        &self,
        names: &[&str],
        params: &[ValType],
        results: &[ValType],
    ) -> Result<Option<ModuleExport>, Refusal> {
        let Some(name) = names.iter().find(|name| self.0.get_export(name).is_some()) else {
            return Ok(None);
        };
        match self.function(name, params, results) {
            Some(export) => Ok(Some(export)),
            None => Err(Refusal::ExportType {
                name: (*name).into(),
                expected: "a function `()`",
            }),
        }
    }

    fn function(
        &self,
        name: &str,
        params: &[ValType],
        results: &[ValType],
    ) -> Option<ModuleExport> {
        let Some(ExternType::Func(actual)) = self.0.get_export(name) else {
            return None;
        };
        let engine = self.0.engine();
        let expected = FuncType::new(engine, params.iter().cloned(), results.iter().cloned());
        FuncType::eq(&actual, &expected).then(|| self.0.get_export_index(name))?
    }
}
