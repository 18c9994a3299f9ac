//! What the other tests show of worlds in one part, of worlds in several.
#![allow(
    clippy::duplicate_mod,
    reason = "each of the files has the common parts as a module"
)]

#[path = "collectives.rs"]
mod collectives;
#[path = "communicators.rs"]
mod communicators;
#[path = "datatypes.rs"]
mod datatypes;
#[path = "endings.rs"]
mod endings;
#[path = "hostile.rs"]
mod hostile;
#[path = "matching.rs"]
mod matching;
#[path = "memory.rs"]
mod memory;
#[path = "point_to_point.rs"]
mod point_to_point;
#[path = "reductions.rs"]
mod reductions;
#[path = "requests.rs"]
mod requests;
