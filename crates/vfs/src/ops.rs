//! The operations of WASI preview 1, as methods of [`Vfs`](crate::Vfs).

mod descriptors;
mod directories;
mod io;
mod links;
mod open;
mod rename;
mod stat;

pub use io::Whence;
pub use open::OpenOptions;
