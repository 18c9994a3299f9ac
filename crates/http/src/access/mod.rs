//! Who may do what: the guard before every handler, and what it tells them of the caller.

mod caller;
mod guard;
mod rules;

pub(crate) use caller::Caller;
pub(crate) use guard::{Guard, bearer};
pub(crate) use rules::{Need, need};
