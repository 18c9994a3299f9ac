//! What can go wrong with locks.

use faasm_model::StateKey;

use super::{Mode, Party, text::Shown};

/// Why a lock was not granted. The call keeps the locks that it had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// It never would be granted.
    #[error(transparent)]
    Deadlock(#[from] Deadlock),
    /// The call holds too many.
    #[error("a call holds at most {limit} locks at once; unlock what is not needed any more")]
    TooMany {
        /// How many a call may hold, each time that it locked a key counted.
        limit: usize,
    },
}

/// Calls wait for each other in a circle, or one for itself: one line for people, of at
/// most [`Deadlock::MAX_BYTES`], that names each with what it holds and waits for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Deadlock(Box<str>);

impl Deadlock {
    /// Longest message, in bytes.
    pub const MAX_BYTES: usize = 4096;

    pub(super) fn new(mut message: String) -> Self {
        if message.len() > Self::MAX_BYTES {
            let ellipsis = "…";
            let end = message.floor_char_boundary(Self::MAX_BYTES - ellipsis.len());
            message.truncate(end);
            message.push_str(ellipsis);
        }
        Self(message.into())
    }

    /// `party` asks for the lock of `key` in mode `wanted`, which it holds itself.
    pub(super) fn with_itself(party: &Party, key: &StateKey, held: Mode, wanted: Mode) -> Self {
        let key = Shown(key);
        Self::new(format!(
            "deadlock of {party} with itself: it holds the {held} lock of {key} and asks for \
             its {wanted} lock, which it would never get; unlock it first"
        ))
    }
}

/// The call does not hold the lock that it gives back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{party} does not hold the {mode} lock of {}; unlock once for each lock, in the same mode", Shown(.key))]
pub struct NotHeld {
    /// The call.
    pub party: Party,
    /// What it wanted to unlock.
    pub key: StateKey,
    /// In which mode.
    pub mode: Mode,
}
