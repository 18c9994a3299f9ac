//! What can go wrong with a worker's state.

use faasm_model::{Name, StateKey};

use crate::locks::{LockError, NotHeld};
use crate::tier;

/// What a worker's state answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a worker's state did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The global tier refused or failed.
    #[error(transparent)]
    Tier(#[from] tier::Error),
    /// The memory budget has no room, even after clean copies were dropped.
    #[error("the server's memory budget (--memory-budget) has no room for this state")]
    NoMemory,
    /// The user's state takes too much of this worker's memory.
    #[error(
        "the state of user {user} would take more than {limit} bytes of this worker's memory (--max-local-state)"
    )]
    LocalLimit {
        /// Whose state it is.
        user: Name,
        /// Most bytes.
        limit: u64,
    },
    /// The user has too many values in this worker's memory.
    #[error(
        "user {user} has {limit} state values in use or not yet pushed in this worker, which is the limit"
    )]
    LocalValues {
        /// Whose values they are.
        user: Name,
        /// How many there may be.
        limit: usize,
    },
    /// The call holds too many global locks.
    #[error("a call holds at most {0} global locks at once; unlock what is not needed any more")]
    TooManyGlobalLocks(usize),
    /// A value cannot be this large.
    #[error("a state value of {0} bytes is too large, the limit is {max} bytes", max = tier::MAX_VALUE_BYTES)]
    ValueTooLarge(u64),
    /// A part of a value that does not lie in it.
    #[error("{length} bytes at offset {offset} are outside the value {key} of {size} bytes")]
    Outside {
        /// Whose part it is.
        key: StateKey,
        /// Where the part begins.
        offset: u64,
        /// How long it is.
        length: u64,
        /// The value's size.
        size: u64,
    },
    /// A mask must be as large as what it masks.
    #[error("the mask has {mask} bytes, the value {value}: they must be equal")]
    MaskSize {
        /// The mask's size in bytes.
        mask: u64,
        /// The value's size in bytes.
        value: u64,
    },
    /// The call would have more state mapped than it may.
    #[error(
        "mapping {wanted} bytes of state in one call is too much, the limit is {limit} (--max-mapped-state)"
    )]
    MappedLimit {
        /// Bytes mapped with this one.
        wanted: u64,
        /// Most bytes.
        limit: u64,
    },
    /// A lock of this worker cannot be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A lock is unlocked that the call does not hold.
    #[error(transparent)]
    NotHeld(#[from] NotHeld),
    /// The call would wait for itself.
    #[error(
        "the call holds the global lock of {0} already and would wait for itself; unlock it first"
    )]
    GlobalLockHeld(StateKey),
    /// A global lock is unlocked that the call does not hold.
    #[error("the call does not hold the global lock of {0}")]
    GlobalLockNotHeld(StateKey),
    /// The operating system gives no memory file.
    #[error("the system gives no memory for state ({0})")]
    MemoryFile(String),
    /// The kernel gives the process no more mappings.
    #[error("the system gives the server no more memory mappings; raise vm.max_map_count")]
    TooManyMappings,
    /// A fault of this crate.
    #[error("a fault in the server's state: {0}; please report this")]
    Internal(&'static str),
}

impl Error {
    /// Whether a change of the global tier was refused, and surely not made.
    pub(crate) fn is_refusal(&self) -> bool {
        use tier::Error::{Closed, Conflict, Fenced, Quota, Superseded, TooLarge};
        matches!(
            self,
            Self::ValueTooLarge(_)
                | Self::Tier(
                    Closed
                        | Conflict(_)
                        | Fenced { .. }
                        | Quota { .. }
                        | Superseded
                        | TooLarge { .. }
                )
        )
    }

    pub(crate) fn memory_file(error: impl ToString) -> Self {
        Self::MemoryFile(error.to_string())
    }
}
