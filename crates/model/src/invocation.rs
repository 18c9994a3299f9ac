//! What a caller asks for.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{FunctionName, Name, WorldSize};

/// A request to run a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// What to run.
    pub function: FunctionName,
    /// What kind of function that is.
    pub target: Target,
    /// The bytes that the function reads as its input.
    pub input: Bytes,
    /// What follows `argv[0]`.
    pub args: Vec<String>,
    /// What the call, and all that it calls, may do with shared files.
    pub files: FileAccess,
}

/// What a call may do with shared files. Reading is for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileAccess {
    /// Also write them, through `faasm://`.
    #[default]
    Write,
    /// Only read them.
    Read,
}

/// A kind of function. Each has names of its own: a user may have a module and a Python file of
/// the same name. Their order is part of how calls are stored: new ones go to the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A WebAssembly module.
    #[default]
    Wasm,
    /// A Python file, or an archive of them.
    Python {
        /// The function of the file to run; `None` is [`PYTHON_ENTRY`](Self::PYTHON_ENTRY).
        entry: Option<Name>,
    },
    /// A WebAssembly module that is run as an MPI world: once for each rank.
    Mpi {
        /// How many ranks there are.
        size: WorldSize,
    },
}

impl Target {
    /// What is run of a Python file unless a call says otherwise.
    pub const PYTHON_ENTRY: &'static str = "faasm_main";

    /// Python from its usual beginning.
    pub const PYTHON: Self = Self::Python { entry: None };

    /// How many Faaslets a call takes from its beginning.
    pub fn ranks(&self) -> WorldSize {
        match self {
            Self::Mpi { size } => *size,
            Self::Wasm | Self::Python { .. } => WorldSize::ONE,
        }
    }

    /// Whether the function is a Python one.
    pub fn is_python(&self) -> bool {
        matches!(self, Self::Python { .. })
    }
}

impl Invocation {
    /// A call of the module `function` with `input` and no arguments.
    pub fn new(function: FunctionName, input: impl Into<Bytes>) -> Self {
        Self {
            function,
            target: Target::Wasm,
            input: input.into(),
            args: Vec::new(),
            files: FileAccess::default(),
        }
    }
}
