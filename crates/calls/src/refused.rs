//! Why a request about calls is refused.

use faasm_model::{CallId, FunctionName, Name, WorldSize};

/// A request that was not carried out; nothing of it is left behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such function.
    #[error("there is no function {0}")]
    UnknownFunction(FunctionName),
    /// There is no such Python function.
    #[error("there is no Python function {0}")]
    UnknownPython(FunctionName),
    /// No such id was issued, or its result has expired.
    #[error("there is no call {0}: it was never issued, or its result has expired")]
    UnknownCall(CallId),
    /// The user has too many calls waiting.
    #[error("{user} has {limit} calls waiting, which is the limit (--max-queued); try again later")]
    QueueFull {
        /// The user.
        user: Name,
        /// The limit.
        limit: usize,
    },
    /// There can never be as many Faaslets as an MPI world has ranks.
    #[error("this server runs at most {0} ranks (--max-running, --max-faaslets)")]
    WorldTooLarge(u32),
    /// There are not as many Faaslets in the whole cluster, for now.
    #[error("the servers of this cluster run at most {0} ranks (--max-running, --max-faaslets)")]
    WorldTooLargeForCluster(u32),
    /// There are not as many Faaslets free as an MPI world has ranks.
    #[error("there is no room for the {} ranks of the world now; try again later, or with fewer ranks", .0.get())]
    NoRoomForWorld(WorldSize),
    /// The memory budget has no room for the input.
    #[error("the server's memory budget is used up; try again later")]
    NoMemory,
    /// Every Faaslet is taken by callers that wait.
    #[error(
        "every Faaslet is taken by calls that wait for others (--max-faaslets); try again later"
    )]
    NoFaaslets,
    /// The idempotency key belongs to another request.
    #[error(
        "the idempotency key was used for another request, call {0}; use a new key for a new request"
    )]
    IdempotencyConflict(CallId),
    /// What this server knows of functions may have been changed by others.
    #[error(
        "the server is cut off from its cluster, and must not use what others may have changed"
    )]
    CutOff,
    /// Some servers of the cluster may not have done their part.
    #[error("not all servers of the cluster can be told: {0}; try again")]
    Unannounced(String),
    /// The server is going down.
    #[error("the server is shutting down; try again")]
    ShuttingDown,
    /// The log's disk is full.
    #[error("the server's disk is full; nothing was accepted")]
    NoSpace,
    /// What the servers of the cluster share cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The log failed.
    #[error("the call log failed: {0}")]
    Log(faasm_calllog::Error),
}

impl Refused {
    /// Why a call of this user was not accepted.
    pub(crate) fn of_user(error: faasm_calllog::Error, user: Name) -> Self {
        match error {
            faasm_calllog::Error::QueueFull { limit } => Self::QueueFull {
                user,
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
            },
            other => other.into(),
        }
    }
}

impl From<faasm_calllog::Error> for Refused {
    fn from(error: faasm_calllog::Error) -> Self {
        match error {
            faasm_calllog::Error::NoSpace => Self::NoSpace,
            faasm_calllog::Error::Closed => Self::ShuttingDown,
            faasm_calllog::Error::UnknownCall(id) => Self::UnknownCall(id),
            error @ faasm_calllog::Error::Unavailable(_) => Self::Unavailable(error.to_string()),
            other => Self::Log(other),
        }
    }
}
