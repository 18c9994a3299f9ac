//! The filesystem of one call.

use std::sync::Arc;

use crate::fds::{Fds, OpenFile, Opened, Target};
use crate::node::NodeId;
use crate::quota::Meter;
use crate::tree::{Place, Tree};
use crate::{Charge, Errno, Fd, FdKind, Limits, LostDraft, Lower, Rights, SharedChange, Spill};

/// The filesystem of one call: its scratch layer over a lower tree, and its descriptors.
///
/// Making one costs next to nothing; what a call does not use is never allocated.
///
/// Unless it says otherwise, an operation fails with [`Errno::Badf`] if a descriptor is not open,
/// with [`Errno::Notcapable`] if it has lost the right, with [`Errno::Nospc`] if the scratch layer
/// is full, and with [`Errno::Io`] or what else a [`Lower`] tree reports. Those on paths also know
/// [`Errno::Notdir`], [`Errno::Noent`], [`Errno::Loop`] (over 40 symbolic links),
/// [`Errno::Nametoolong`] (a name over 255 or a path over 4,095 bytes), [`Errno::Inval`] (a NUL),
/// [`Errno::Ilseq`] (not UTF-8) and, for a change through `faasm://`, [`Errno::Rofs`] (the shared tree
/// is read-only [there](Lower::check_change)), [`Errno::Perm`] (it has no such thing) and
/// [`Errno::Again`] (the last change still waits in [`next_change`](Vfs::next_change)).
pub struct Vfs {
    pub(crate) tree: Tree,
    pub(crate) fds: Fds,
}

impl Vfs {
    /// The descriptor that `/` is preopened as.
    pub const ROOT: Fd = Fd(3);

    /// A filesystem with an empty scratch layer, `/tmp` apart.
    #[must_use]
    pub fn new(lower: Arc<dyn Lower>, charge: Arc<dyn Charge>, limits: Limits) -> Self {
        let meter = Meter::new(charge, &limits);
        Self {
            tree: Tree::new(lower, meter),
            fds: Fds::new(limits.max_fds),
        }
    }

    /// The same, but that what does not fit in memory goes to disk.
    #[must_use]
    pub fn with_spill(mut self, spill: Spill) -> Self {
        self.tree.meter.spill_to(spill);
        self
    }

    /// The next change of the shared tree that the last operations asked for, if any. Whoever runs
    /// the guest carries it out before the guest goes on: its result is the operation's, and the
    /// next operation counts on it.
    ///
    /// [`close`](Vfs::close) and [`renumber`](Vfs::renumber) may publish a draft;
    /// [`path_unlink_file`](Vfs::path_unlink_file), [`path_rename`](Vfs::path_rename),
    /// [`path_create_directory`](Vfs::path_create_directory) and
    /// [`path_remove_directory`](Vfs::path_remove_directory) may ask for one change; after
    /// [`finish`](Vfs::finish) there may be many. Without any this costs nothing.
    pub fn next_change(&mut self) -> Option<SharedChange> {
        self.tree.next_change()
    }

    /// Closes every descriptor, as at a normal exit. Without it, as after a trap, drafts that are
    /// still open are lost.
    ///
    /// If there is an answer, the call has failed: it is the first draft that is not published
    /// because something is missing in it. The others wait in [`next_change`](Vfs::next_change).
    #[must_use = "a lost draft is a file that was not written"]
    pub fn finish(&mut self) -> Option<LostDraft> {
        let mut lost = None;
        for fd in self.fds.numbers() {
            if let Ok(Some(file)) = self.fds.remove(fd) {
                lost = lost.or(self.let_go(&file).err());
            }
        }
        lost
    }

    /// Whether any file or directory is open, beside `/`.
    #[must_use]
    pub fn has_open_files(&self) -> bool {
        self.fds.has_files()
    }

    /// Bytes of memory that the scratch layer uses now, bookkeeping included.
    #[must_use]
    pub fn scratch_bytes(&self) -> u64 {
        self.tree.meter.used()
    }

    /// Bytes that the scratch layer uses now on disk.
    #[must_use]
    pub fn spilled_bytes(&self) -> u64 {
        self.tree.meter.spilled()
    }

    /// What a descriptor is open on.
    ///
    /// # Errors
    /// [`Errno::Badf`].
    pub fn kind(&mut self, fd: Fd) -> Result<FdKind, Errno> {
        self.fds.get(fd).map(|opened| opened.file.target.kind())
    }

    /// What a descriptor is open on, if it may be read from.
    ///
    /// # Errors
    /// [`Errno::Badf`].
    pub fn kind_for_read(&mut self, fd: Fd) -> Result<FdKind, Errno> {
        self.kind_with(fd, Rights::FD_READ)
    }

    /// What a descriptor is open on, if it may be written to.
    ///
    /// # Errors
    /// [`Errno::Badf`].
    pub fn kind_for_write(&mut self, fd: Fd) -> Result<FdKind, Errno> {
        self.kind_with(fd, Rights::FD_WRITE)
    }

    fn kind_with(&mut self, fd: Fd, right: Rights) -> Result<FdKind, Errno> {
        let opened = self.fds.get(fd)?;
        let kind = opened.file.target.kind();
        // Directories have neither right; reading one is then refused for what it is.
        if kind != FdKind::Directory {
            opened.check(right)?;
        }
        Ok(kind)
    }

    /// The directory that a path is relative to, and its descriptor.
    pub(crate) fn directory(
        &mut self,
        fd: Fd,
        right: Rights,
    ) -> Result<(Place, Opened<'_>), Errno> {
        let opened = self.fds.get(fd)?;
        let place = match opened.file.target {
            Target::Root => self.tree.root(),
            Target::Directory(id) => Place::Node(id),
            Target::File(_) | Target::Stdin | Target::Stdout | Target::Stderr => {
                return Err(Errno::Notdir);
            }
        };
        opened.check(right)?;
        Ok((place, opened))
    }

    /// Where a path begins.
    pub(crate) fn from(&mut self, fd: Fd, right: Rights) -> Result<Place, Errno> {
        self.directory(fd, right).map(|(place, _)| place)
    }

    /// The file or directory that a descriptor is open on; `None` for a standard stream.
    pub(crate) fn node_of(&mut self, fd: Fd, right: Rights) -> Result<Option<NodeId>, Errno> {
        let opened = self.fds.get(fd)?;
        opened.check(right)?;
        Ok(match opened.file.target {
            Target::Stdin | Target::Stdout | Target::Stderr => None,
            Target::File(id) | Target::Directory(id) => Some(id),
            Target::Root => {
                self.tree.root();
                Some(NodeId::ROOT)
            }
        })
    }

    /// Gives up what an open file kept that nothing is open on any more.
    pub(crate) fn let_go(&mut self, file: &OpenFile) -> Result<(), LostDraft> {
        if let Some(listing) = &file.listing {
            self.tree.meter.give(listing.cost);
        }
        let pinned = file.target.pinned();
        pinned.map_or(Ok(()), |id| self.tree.unpin(id))
    }
}
