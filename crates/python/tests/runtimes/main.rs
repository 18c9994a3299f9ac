//! Runtimes on a real disk: installed from good and from hostile archives, damaged,
//! mended, packed, found and removed.
#![allow(missing_docs, clippy::unwrap_used, reason = "these are tests")]

mod damage;
mod hostile;
mod install;
mod made;
mod pack;
