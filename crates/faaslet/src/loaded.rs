//! A module that is ready to run, and what of it is run.

use std::sync::Arc;

use faasm_vfs::Lower;
use wasmtime::{
    Engine, ExternType, FuncType, Instance, InstancePre, Module, ModuleExport, Store, ValType,
};

use crate::faaslet::Faaslet;
use crate::host::{self, Linkers};
use crate::image::{self, Image};
use crate::refusal::Refusal;
use crate::warm::Keeping;

/// A module with its imports resolved and its entry points found.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) instance_pre: InstancePre<Faaslet>,
    pub(crate) start: Start,
    pub(crate) constructors: Option<ModuleExport>,
    /// What makes the image.
    pub(crate) initialiser: Option<Initialiser>,
    pub(crate) pointers: PointerSetup,
    pub(crate) memory: Option<ModuleExport>,
    /// Bytes of memory that a call has from the start.
    pub(crate) min_memory_bytes: u64,
    /// What calls start from, if the initialiser leaves anything.
    pub(crate) image: Option<Arc<Image>>,
    /// Whether it can map state into its memory.
    pub(crate) maps_state: bool,
    /// What its calls find instead of the shared files alone.
    pub(crate) tree: Option<Arc<dyn Lower>>,
    /// How Faaslets of calls are kept for others, if they are.
    pub(crate) keeping: Option<Arc<Keeping>>,
}

/// An initialiser, and what it may import.
#[derive(Clone)]
pub(crate) struct Initialiser {
    pub(crate) instance_pre: InstancePre<Faaslet>,
    pub(crate) zygote: ModuleExport,
}

/// How a function is run from its beginning.
#[derive(Clone)]
pub(crate) enum Start {
    /// `_start` does everything: constructors, `main`, destructors.
    Command(ModuleExport),
    /// The steps one by one, for a module that has an initialiser or no `_start`. Before them
    /// the constructors run, unless there is an image.
    Steps {
        main: Main,
        destructors: Option<ModuleExport>,
    },
}

/// `main` in the shapes that compilers give it.
#[derive(Clone)]
pub(crate) enum Main {
    /// `() -> i32`, which reads its arguments itself.
    Plain(ModuleExport),
    /// `(argc, argv) -> i32`, called with none.
    WithArgs(ModuleExport),
    /// `()`.
    Void(ModuleExport),
}

/// What runs around a chained function pointer.
#[derive(Clone)]
pub(crate) struct PointerSetup {
    pub(crate) table: Option<ModuleExport>,
    pub(crate) destructors: Option<ModuleExport>,
}

/// What the interpreter of Python functions exports to run a call.
const PYTHON: &str = "faasm_python_run";
const CONSTRUCTORS: [&str; 2] = ["__wasm_call_ctors", "_initialize"];
const DESTRUCTORS: [&str; 1] = ["__wasm_call_dtors"];
/// Names of initialisers, as compilers and tools give them.
pub(crate) const ZYGOTES: [&str; 4] = [
    "_faasm_zygote",
    "_Z13_faasm_zygotev",
    "wizer-initialize",
    "wizer.initialize",
];
const TABLES: [&str; 2] = ["__indirect_function_table", "table"];

impl Loaded {
    /// Checks a compiled module and resolves what a call needs of it.
    pub(crate) fn new(linkers: &Linkers, module: &Module) -> Result<Self, Refusal> {
        let exports = Exports(module);
        let memory = exports.memory()?;
        let zygote = exports.zygote()?;
        let start = exports.start(zygote.is_some())?;
        let constructors = exports.first_of(&CONSTRUCTORS, &[], &[])?;
        let destructors = exports.first_of(&DESTRUCTORS, &[], &[])?;
        let instance_pre = linkers.for_calls(module)?;
        let initialiser = match zygote {
            Some(zygote) if image::is_bare(module) => Some(Initialiser {
                instance_pre: linkers.for_initialiser(module)?,
                zygote,
            }),
            _ => None,
        };
        Ok(Self {
            start,
            pointers: PointerSetup {
                table: exports.table(),
                destructors,
            },
            constructors,
            initialiser,
            image: None,
            min_memory_bytes: exports.min_memory_bytes(),
            memory,
            maps_state: module.imports().any(|import| host::maps_state(&import)),
            instance_pre,
            tree: None,
            keeping: None,
        })
    }

    /// The same, started from `image`.
    pub(crate) fn with_image(self, image: Arc<Image>) -> Self {
        Self {
            min_memory_bytes: image.memory_bytes().max(self.min_memory_bytes),
            image: Some(image),
            ..self
        }
    }

    /// The same, whose calls find `tree`.
    pub(crate) fn with_tree(self, tree: Arc<dyn Lower>) -> Self {
        Self {
            tree: Some(tree),
            ..self
        }
    }

    /// The same, whose Faaslets are kept for later calls.
    pub(crate) fn with_keeping(self, keeping: Option<Keeping>) -> Self {
        Self {
            keeping: keeping.map(Arc::new),
            ..self
        }
    }

    /// Remembers the memory of an instance of this module.
    pub(crate) fn find_memory(&self, store: &mut Store<Faaslet>, instance: &Instance) {
        if let Some(memory) = &self.memory {
            let memory = instance.get_module_export(&mut *store, memory);
            store.data_mut().memory = memory.and_then(wasmtime::Extern::into_memory);
        }
    }

    pub(crate) fn module(&self) -> &Module {
        self.instance_pre.module()
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.module().engine()
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
            // A module that imports nothing needs nobody to see its memory; only its image does.
            None if self.0.imports().len() == 0 => Ok(self.0.get_export_index(image::MEMORY)),
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

    fn start(&self, has_zygote: bool) -> Result<Start, Refusal> {
        if let Some(run) = self.function(PYTHON, &[], &[ValType::I32]) {
            return Ok(Start::Steps {
                main: Main::Plain(run),
                destructors: None,
            });
        }
        let command = self.first_of(&["_start"], &[], &[])?;
        match (command, self.main()?) {
            // `_start` would run the constructors, then `main`, with nothing between.
            (_, Some(main)) if has_zygote => self.steps(main),
            (Some(_), None) if has_zygote => Err(Refusal::MissingExport {
                what: "`main` or `__main_void` beside its initialiser (`_start` would run the constructors again; export what it calls)",
            }),
            (Some(command), _) => Ok(Start::Command(command)),
            (None, Some(main)) => self.steps(main),
            (None, None) => Err(Refusal::MissingExport {
                what: "an entry point: `_start`, `main` or `__main_void` (compile a program that has a `main`)",
            }),
        }
    }

    fn steps(&self, main: Main) -> Result<Start, Refusal> {
        Ok(Start::Steps {
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
