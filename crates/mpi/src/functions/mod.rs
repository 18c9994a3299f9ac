//! The functions of MPI, one group a file.

mod attributes;
mod carts;
mod comms;
mod completion;
mod environment;
mod errors;
mod groups;
mod infos;
#[allow(non_snake_case, reason = "the names are those of the standard")]
mod list;
mod making;
mod movement;
mod nonblocking;
mod ops;
mod packs;
mod point_to_point;
mod probe;
mod reduce;
mod reductions;
mod types;

pub use list::*;
