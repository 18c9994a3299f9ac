//! Why a guest stops before its function returns, and what that makes of the call.

use faasm_budget::UsedUp;
use faasm_model::{Failure, FailureKind};
use wasmtime::{Trap, WasmBacktrace};

use crate::backtrace;
use crate::call::ChainRefused;
use crate::files::Refused;
use crate::memory::BadPointer;

/// A reason of ours to stop a guest; travels through wasmtime as an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("exit({0})")]
    Exit(i32),
    #[error("the call was cancelled")]
    Cancelled,
    #[error("time limit: the call ran for {ms} ms, its limit{waiting}")]
    Time { ms: u128, waiting: String },
    #[error("time limit: it ran for {0} ms, which is all it may (--max-init-time)")]
    InitTime(u128),
    #[error(
        "output limit: stdout, stderr and output data together exceed {limit} bytes (--max-output)"
    )]
    Output { limit: u64 },
    #[error("memory budget: there is no memory left for the output of this call: {0}")]
    NoMemoryForOutput(UsedUp),
    #[error(transparent)]
    Chain(#[from] ChainRefused),
    #[error(transparent)]
    BadPointer(#[from] BadPointer),
    #[error("{import}: {error}")]
    State {
        import: &'static str,
        error: faasm_state::Error,
    },
    #[error("shared file at the end of the call: {0}")]
    File(Refused),
    #[error("the function's image cannot be mapped: {0}")]
    Image(faasm_state::Error),
    #[error("{import}: {problem}")]
    Misuse {
        import: &'static str,
        problem: String,
    },
    #[error("{import} is not available: {reason}")]
    Unavailable {
        import: String,
        reason: &'static str,
    },
    #[error(transparent)]
    Mpi(faasm_mpi::Stop),
    #[error("C++ exception thrown: {what} (functions are compiled without exceptions)")]
    CxxThrow { what: String },
}

impl Stop {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Cancelled => FailureKind::Cancelled,
            Self::Time { .. } | Self::InitTime(_) => FailureKind::TimeLimit,
            Self::Output { .. } => FailureKind::OutputLimit,
            Self::NoMemoryForOutput(_) | Self::Chain(ChainRefused::NoMemory) => {
                FailureKind::MemoryLimit
            }
            Self::Chain(_) => FailureKind::ChainLimit,
            Self::State { error, .. } => state_kind(error),
            Self::File(_) => FailureKind::File,
            Self::Image(_) => FailureKind::Overloaded,
            Self::Mpi(faasm_mpi::Stop::BadAddress { .. }) => FailureKind::Trap,
            Self::Mpi(_) => FailureKind::Mpi,
            Self::Exit(_)
            | Self::BadPointer(_)
            | Self::Misuse { .. }
            | Self::Unavailable { .. }
            | Self::CxxThrow { .. } => FailureKind::Trap,
        }
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self {
            kind: stop.kind(),
            message: stop.to_string(),
        }
    }
}

/// The class of a failure that state caused.
pub(crate) fn state_kind(error: &faasm_state::Error) -> FailureKind {
    use faasm_state::{Error, LockError};
    match error {
        Error::NoMemory => FailureKind::MemoryLimit,
        Error::Lock(LockError::Deadlock(_)) | Error::GlobalLockHeld(_) => FailureKind::Deadlock,
        Error::Outside { .. }
        | Error::MaskSize { .. }
        | Error::NotHeld(_)
        | Error::GlobalLockNotHeld(_) => FailureKind::Trap,
        _ => FailureKind::State,
    }
}

/// How a guest's run ended.
pub(crate) enum End {
    Returned(i32),
    Failed(Failure),
}

/// Reads the end of a run off what wasmtime returned.
pub(crate) fn end(result: Result<i32, wasmtime::Error>, max_stack: usize) -> End {
    let error = match result {
        Ok(value) => return End::Returned(value),
        Err(error) => error,
    };
    if let Some(Stop::Exit(code)) = error.downcast_ref::<Stop>() {
        return End::Returned(*code);
    }
    let (kind, mut message) = if let Some(stop) = error.downcast_ref::<Stop>() {
        (stop.kind(), stop.to_string())
    } else if let Some(pointer) = error.downcast_ref::<BadPointer>() {
        let kind = match pointer {
            BadPointer::State { error, .. } => state_kind(error),
            _ => FailureKind::Trap,
        };
        (kind, pointer.to_string())
    } else {
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => (
                FailureKind::StackLimit,
                format!("stack limit: the call stack exceeds {max_stack} bytes (--max-stack)"),
            ),
            Some(trap) => (FailureKind::Trap, trap.to_string()),
            None => (FailureKind::Internal, format!("{error:#}")),
        }
    };
    if let Some(trace) = error.downcast_ref::<WasmBacktrace>() {
        message.push_str(&backtrace::one_line(trace));
    }
    End::Failed(Failure { kind, message })
}
