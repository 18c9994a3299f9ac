//! What this crate is given to run, and how a running call reaches others.

use std::sync::Arc;

use bytes::Bytes;
use faasm_model::{CallId, Invocation, Name, Outcome, Target};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::loaded::Loaded;
use crate::world::WorldRank;

/// One call to execute.
pub struct Call {
    /// The call's id.
    pub id: CallId,
    /// What the caller asked for.
    pub invocation: Arc<Invocation>,
    /// Where execution begins.
    pub entry: Entry,
    /// Ends the call when cancelled.
    pub cancel: CancellationToken,
    /// What to do when the memory budget has no room for the Faaslet.
    pub no_memory: NoMemory,
    /// How the call chains others.
    pub chain: Arc<dyn Chain>,
    /// What it is of an MPI world, if it is a part of one.
    pub rank: Option<WorldRank>,
}

impl Call {
    /// A call that nobody made, for what runs beside calls.
    pub(crate) fn none(invocation: Arc<Invocation>) -> Self {
        Self {
            id: CallId::MIN,
            invocation,
            entry: Entry::Main { index: 0 },
            cancel: CancellationToken::new(),
            no_memory: NoMemory::Fail,
            chain: Arc::new(NoChain),
            rank: None,
        }
    }
}

/// What becomes of a call that finds the memory budget used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMemory {
    /// It fails at once as overloaded: its client can try again.
    Fail,
    /// It waits for as long as it might run.
    Wait,
}

/// Where the execution of a call begins.
#[derive(Clone, Debug)]
pub enum Entry {
    /// The function's entry point. `index` is what `__faasm_get_idx` answers: 0 unless
    /// the call was chained with an index.
    Main {
        /// The index that the caller gave.
        index: i32,
    },
    /// A function pointer of the very code that the caller runs.
    Pointer {
        /// The caller's code.
        code: Code,
        /// The pointer: an index into the code's table.
        pointer: u32,
    },
}

/// The code that a Faaslet runs, kept alive for what it chains.
#[derive(Clone, Debug)]
pub struct Code(pub(crate) Arc<Loaded>);

/// What a running call asks to be chained; the user stays the same.
#[derive(Clone, Debug)]
pub struct Callee {
    /// Another function's name; `None` is the caller's own function.
    pub function: Option<Name>,
    /// What kind of function it is.
    pub target: Target,
    /// Where it begins.
    pub entry: Entry,
    /// Its input.
    pub input: Bytes,
}

/// How a running call chains others: implemented by whoever schedules calls.
pub trait Chain: Send + Sync {
    /// Starts a call and returns its id at once. The error ends the caller.
    fn start(&self, callee: Callee) -> Result<CallId, ChainRefused>;

    /// Waits until a call that was started here has ended. The waiting caller gives up
    /// its place among the running calls meanwhile.
    fn join(&self, id: CallId) -> BoxFuture<'_, Arc<Outcome>>;
}

/// Of calls that cannot chain: the imports for that are refused to them by name.
struct NoChain;

impl Chain for NoChain {
    fn start(&self, _callee: Callee) -> Result<CallId, ChainRefused> {
        Err(ChainRefused::NoIds)
    }

    fn join(&self, _id: CallId) -> BoxFuture<'_, Arc<Outcome>> {
        Box::pin(std::future::pending())
    }
}

/// A call may not chain any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainRefused {
    /// Calls are nested too deep.
    #[error("chained calls are nested {0} deep, which is the limit (--max-chain-depth)")]
    TooDeep(u32),
    /// The root call has chained too many.
    #[error("{0} calls were chained below one root call, which is the limit (--max-chained-calls)")]
    TooMany(u64),
    /// The call log could not be written to reserve more ids.
    #[error("the server has no call ids at hand; its disk may be full")]
    NoIds,
    /// The memory budget has no room for the input.
    #[error("the server's memory budget has no room for another chained call's input")]
    NoMemory,
}
