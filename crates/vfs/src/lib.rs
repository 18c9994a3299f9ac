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
//! - A path that starts with `faasm://` names the shared tree: the lower tree alone, whatever the
//!   scratch layer holds. So does what follows `faasm://` behind a slash: C libraries put the
//!   working directory before it.
//! - `/tmp` always exists at the start of a call, empty.
//!
//! # Writing through `faasm://`
//!
//! If the lower tree [is writable](Lower::is_writable), a file of the shared tree that is opened for
//! writing is a private **draft** over the present file, which only its descriptors see. When the
//! last of them is closed, or the call [finishes](Vfs::finish), the draft becomes the shared file:
//! others see the old or the new whole file, and of several writers the last to close wins. Drafts
//! of a call that ends otherwise are lost. A draft goes to the path that it was opened at, whatever
//! was renamed or removed meanwhile; opening alone, if nothing is created, cut off or written,
//! publishes nothing. Nor does a draft that lacks what was to be written to it: then closing it
//! fails, as the write did. Names of the shared tree change at once.
//!
//! Nothing here waits for a disk: such changes are handed out by [`Vfs::next_change`], for whoever
//! runs the guest to carry out.
//!
//! ```
//! use std::sync::Arc;
//! use faasm_vfs::{
//!     EmptyTree, Errno, Limits, Lower, LowerDirEntry, LowerFile, Metadata, Oflags, OpenOptions,
//!     Rights, SharedChange, Unmetered, Vfs,
//! };
//!
//! struct Writable(EmptyTree);
//!
//! impl Lower for Writable {
//!     fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
//!         self.0.metadata(path)
//!     }
//!     fn list(
//!         &self,
//!         path: &str,
//!         after: Option<&str>,
//!         limit: usize,
//!     ) -> Result<Vec<LowerDirEntry>, Errno> {
//!         self.0.list(path, after, limit)
//!     }
//!     fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
//!         self.0.open(path)
//!     }
//!     fn is_writable(&self) -> bool {
//!         true
//!     }
//! }
//!
//! # fn main() -> Result<(), Errno> {
//! let tree = Arc::new(Writable(EmptyTree));
//! let mut vfs = Vfs::new(tree, Arc::new(Unmetered), Limits::default());
//! let options = OpenOptions {
//!     oflags: Oflags::CREAT,
//!     rights: Rights::FD_WRITE,
//!     ..OpenOptions::default()
//! };
//! let fd = vfs.path_open(Vfs::ROOT, "faasm://results", options)?;
//! vfs.write(fd, b"42")?;
//! assert!(vfs.next_change().is_none());
//! vfs.close(fd)?;
//! match vfs.next_change() {
//!     Some(SharedChange::Publish(draft)) => assert_eq!((draft.path(), draft.len()), ("results", 2)),
//!     other => panic!("no draft, but {other:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Lower trees of this crate
//!
//! An [`Archive`] is the files of a zip archive, which may be anybody's. A [`Mount`] puts one tree
//! in a directory of another; what it puts there is also in `faasm://`, where nothing can change it.
//!
//! # What is bounded
//!
//! Every byte, node, directory entry and directory listing of the scratch layer is counted against
//! [`Limits`] and charged to a [`Charge`]; dropping the [`Vfs`] gives everything back. The layer
//! holds what was *changed*, in 64 KiB chunks: opening a lower file for writing, renaming it or
//! renaming a whole lower directory copies no data. With a [`Spill`], file data beyond a threshold
//! is in a temporary file without a name, and only memory is charged for.

#![forbid(unsafe_code)]

mod archive;
mod below;
mod chunk;
mod content;
mod edit;
mod errno;
mod fds;
mod listing;
mod lower;
mod mount;
mod node;
mod ops;
mod path;
mod quota;
mod shared;
mod slots;
mod spill;
mod tree;
mod types;
mod vfs;
mod walk;

pub use archive::{Archive, ArchiveError, ArchiveLimits, EntryProblem, ReadAt};
pub use errno::Errno;
pub use fds::{Fd, FdKind};
pub use listing::{DirEntry, ReadDir};
pub use lower::{EmptyTree, Lower, LowerDirEntry, LowerFile, Metadata, NodeKind};
pub use mount::Mount;
pub use ops::{OpenOptions, Whence};
pub use quota::{Charge, Limits, Unmetered};
pub use shared::{Draft, LostDraft, SharedChange};
pub use spill::Spill;
pub use types::{
    FdFlags, FdStat, Filestat, Filetype, FstFlags, Oflags, Rights, SetTimes, Symlinks, TimeChange,
};
pub use vfs::Vfs;
