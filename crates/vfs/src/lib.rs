//! The virtual filesystem of one call.
//!
//! A [`Vfs`] is what a function sees as `/`: a writable **scratch layer** that is private to the
//! call, bounded, and gone when the value is dropped, over a **read-only lower tree** ([`Lower`])
//! that many calls share. It also keeps the call's file descriptors. Verbs, flags and
//! [error numbers](Errno) are those of WASI preview 1, the behaviour behind them is Linux's; the
//! crate itself knows nothing of WebAssembly.
//!
//! ```
//! use std::sync::Arc;
//! use faasm_vfs::{EmptyTree, Limits, Oflags, OpenOptions, Rights, Unmetered, Vfs};
//!
//! # fn main() -> Result<(), faasm_vfs::Errno> {
//! let mut vfs = Vfs::new(Arc::new(EmptyTree), Arc::new(Unmetered), Limits::default());
//! let options = OpenOptions {
//!     oflags: Oflags::CREAT,
//!     rights: Rights::FD_READ | Rights::FD_WRITE,
//!     ..OpenOptions::default()
//! };
//! let fd = vfs.path_open(Vfs::ROOT, "tmp/greeting", options)?;
//! assert_eq!(vfs.write(fd, b"hello")?, 5);
//!
//! let mut text = [0; 8];
//! assert_eq!(vfs.pread(fd, &mut text, 0)?, 5);
//! assert_eq!(&text[..5], b"hello");
//! vfs.close(fd)
//! # }
//! ```
//!
//! # What a path means
//!
//! - Paths are relative to a directory descriptor, absolute ones to `/`. As in a chroot, `..` in
//!   `/` is `/` again: there is nothing above it to reach.
//! - A path that starts with `faasm://` (or `/faasm://`) names the shared tree: the lower tree
//!   alone, whatever the scratch layer holds. It is read-only ([`Errno::Rofs`]).
//! - `/tmp` always exists at the start of a call, empty.
//!
//! # What is bounded
//!
//! Every byte, node, directory entry and directory listing of the scratch layer is counted against
//! [`Limits`] and charged to a [`Charge`]; dropping the [`Vfs`] gives everything back. The layer
//! holds what was *changed*, in 64 KiB chunks: opening a lower file for writing, renaming it or
//! renaming a whole lower directory copies no data.

#![forbid(unsafe_code)]

mod content;
mod edit;
mod errno;
mod fds;
mod listing;
mod lower;
mod node;
mod ops;
mod path;
mod quota;
mod tree;
mod types;
mod vfs;
mod walk;

pub use errno::Errno;
pub use fds::{Fd, FdKind};
pub use listing::{DirEntry, ReadDir};
pub use lower::{EmptyTree, Lower, LowerDirEntry, LowerFile, Metadata, NodeKind};
pub use ops::{OpenOptions, Whence};
pub use quota::{Charge, Limits, Unmetered};
pub use types::{
    FdFlags, FdStat, Filestat, Filetype, FstFlags, Oflags, Rights, SetTimes, Symlinks, TimeChange,
};
pub use vfs::Vfs;
