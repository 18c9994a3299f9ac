//! A deadlock told to people.

use std::fmt::{self, Display};
use std::sync::Arc;

use faasm_model::{CallId, StateKey};

use super::key_lock::KeyLock;
use super::mutex::Kit;
use super::table::Await;
use super::text::Shown;
use super::waiter::Waiter;
use super::{Deadlock, Mode, Party};

/// Calls of which each waits for the next, and the last for the first.
pub(super) struct Circle<'a>(pub Vec<Link<'a>>);

/// A call of a circle.
pub(super) struct Link<'a> {
    party: &'a Party,
    /// What the one before it waits for, if that is a lock.
    holds: Option<(Mode, &'a StateKey)>,
    waits_for: Target<'a>,
}

enum Target<'a> {
    Lock {
        mode: Mode,
        key: &'a StateKey,
        /// The call that wants to write, when all holders read as this one wants to.
        behind: Option<CallId>,
    },
    Call(CallId),
}

impl<'a> Link<'a> {
    pub fn waiting_for_lock<K: Kit>(
        holds: Option<(Mode, &'a StateKey)>,
        waiter: &'a Arc<Waiter<K>>,
        lock: &'a KeyLock<K>,
    ) -> Self {
        let excluded = waiter.mode == Mode::Write || lock.mode() == Mode::Write;
        let mut ahead = lock.queue().iter().take_while(|w| !Arc::ptr_eq(w, waiter));
        let behind = ahead.find(|w| !excluded && w.mode == Mode::Write);
        Self {
            party: &waiter.party,
            holds,
            waits_for: Target::Lock {
                mode: waiter.mode,
                key: &waiter.slot.key,
                behind: behind.map(|w| w.party.call),
            },
        }
    }

    pub fn waiting_for_call(holds: Option<(Mode, &'a StateKey)>, noted: &'a Await) -> Self {
        Self {
            party: &noted.party,
            holds,
            waits_for: Target::Call(noted.other),
        }
    }
}

impl Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.party)?;
        if let Some((mode, key)) = self.holds {
            write!(f, "holds the {mode} lock of {} and ", Shown(key))?;
        }
        match self.waits_for {
            Target::Call(other) => write!(f, "waits for the end of call {other}"),
            Target::Lock { mode, key, behind } => {
                write!(f, "waits for the {mode} lock of {}", Shown(key))?;
                match behind {
                    Some(writer) => write!(f, " behind call {writer}, which wants to write"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl From<Circle<'_>> for Deadlock {
    fn from(Circle(links): Circle<'_>) -> Self {
        const MOST_NAMES: usize = 8;
        let named: Vec<String> = links.iter().take(MOST_NAMES).map(Link::to_string).collect();
        let mut message = format!("deadlock: {}", named.join("; "));
        if links.len() > MOST_NAMES {
            message += &format!("; and so on, {} calls in all", links.len());
        }
        Self::new(message + "; lock keys in the same order everywhere")
    }
}
