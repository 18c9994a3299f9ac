//! How a call ended.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Everything a finished call left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What `main` returned or `exit` was given; -1 when the call did not get there.
    pub return_value: i32,
    /// The output data.
    pub output: Bytes,
    /// Captured standard output.
    pub stdout: Bytes,
    /// Captured standard error.
    pub stderr: Bytes,
    /// Why the call failed; `None` means success.
    pub failure: Option<Failure>,
    /// Where the time went.
    pub timings: Timings,
}

impl Outcome {
    /// The outcome of a call that failed before or beside running guest code.
    pub fn failed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            return_value: -1,
            failure: Some(Failure {
                kind,
                message: message.into(),
            }),
            ..Self::default()
        }
    }

    /// Bytes that the call has put out: stdout, stderr and output data.
    pub fn bytes(&self) -> usize {
        self.stdout.len() + self.stderr.len() + self.output.len()
    }

    /// Whether the call succeeded.
    pub fn is_success(&self) -> bool {
        self.failure.is_none()
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class of failure; its code is stable.
    pub kind: FailureKind,
    /// One line for people, with the wasm backtrace where there is one.
    pub message: String,
}

/// The classes of failure. Their order is part of how results are stored: new ones go to
/// the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The function returned a value other than 0.
    NonZeroReturn,
    /// The function trapped.
    Trap,
    /// The wall-clock limit was reached.
    TimeLimit,
    /// The linear memory limit, or the server's memory budget, was reached.
    MemoryLimit,
    /// The call stack was exhausted.
    StackLimit,
    /// The table limit was reached.
    TableLimit,
    /// stdout, stderr and output data grew over their limit.
    OutputLimit,
    /// Chained calls nested too deep, or a root call chained too many.
    ChainLimit,
    /// Somebody cancelled the call, or its client went away.
    Cancelled,
    /// There is no such function.
    FunctionNotFound,
    /// The server ended under the call too often.
    AttemptsExhausted,
    /// The server had no room to run the call.
    Overloaded,
    /// A fault of the server.
    Internal,
    /// State could not be read, written or pushed, or a limit of state was reached.
    State,
    /// The call waited for a lock that it would never have got.
    Deadlock,
    /// A shared file that the call had open could not be stored at its end.
    File,
    /// A Python function raised an exception, or returned what none may return.
    PythonException,
    /// A Python file has no such function.
    PythonEntry,
    /// The server has no interpreter for Python functions.
    PythonMissing,
    /// An MPI program ended its world, waited for what could not come, or misused MPI.
    Mpi,
    /// The server of a cluster that ran the call was lost.
    WorkerLost,
    /// The function's code could not be fetched: the storage is elsewhere and does not answer.
    StorageUnavailable,
}

impl FailureKind {
    /// The stable code, as HTTP answers and metrics carry it.
    pub fn code(self) -> &'static str {
        match self {
            Self::NonZeroReturn => "nonzero_return",
            Self::Trap => "trap",
            Self::TimeLimit => "time_limit",
            Self::MemoryLimit => "memory_limit",
            Self::StackLimit => "stack_limit",
            Self::TableLimit => "table_limit",
            Self::OutputLimit => "output_limit",
            Self::ChainLimit => "chain_limit",
            Self::State => "state_failed",
            Self::Deadlock => "deadlock",
            Self::File => "file_failed",
            Self::PythonException => "python_exception",
            Self::PythonEntry => "python_entry_not_found",
            Self::Mpi => "mpi_failed",
            Self::PythonMissing => "python_not_installed",
            Self::Cancelled => "cancelled",
            Self::FunctionNotFound => "function_not_found",
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
            Self::WorkerLost => "worker_lost",
            Self::StorageUnavailable => "storage_unavailable",
        }
    }
}

/// Where a call's time went, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Waiting for a place to run.
    pub queued_us: u64,
    /// Making the Faaslet: instantiating the module.
    pub start_us: u64,
    /// Running the function.
    pub run_us: u64,
}
