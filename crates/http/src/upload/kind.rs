//! The kinds of functions, which are stored side by side and answered alike.

use std::sync::Arc;

use faasm_model::{FunctionName, Target};
use faasm_storage::{FunctionRecord, Functions};

use crate::api::Api;
use crate::error::{ApiError, ErrorCode};

/// A kind of function; each has names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// WebAssembly modules, at `/f`.
    Wasm,
    /// Python files and archives of them, at `/p`.
    Python,
}

impl Kind {
    /// What a call of such a function asks for.
    pub(super) fn target(self) -> Target {
        match self {
            Self::Wasm => Target::Wasm,
            Self::Python => Target::PYTHON,
        }
    }

    /// Where functions of this kind are stored.
    pub(crate) fn functions(self, api: &Api) -> &Functions {
        match self {
            Self::Wasm => api.storage.functions(),
            Self::Python => api.storage.python(),
        }
    }

    /// The function of that name.
    pub(super) fn find(
        self,
        api: &Api,
        name: &FunctionName,
    ) -> Result<Arc<FunctionRecord>, ApiError> {
        let found = self.functions(api).get(name);
        found.ok_or_else(|| self.not_found(name))
    }

    pub(super) fn not_found(self, name: &FunctionName) -> ApiError {
        let what = match self {
            Self::Wasm => "function",
            Self::Python => "Python function",
        };
        ApiError::new(
            ErrorCode::FunctionNotFound,
            format!("there is no {what} {name}"),
        )
    }
}
