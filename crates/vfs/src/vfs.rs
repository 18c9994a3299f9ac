//! The filesystem of one call.

use std::sync::Arc;

use crate::fds::{Descriptor, Fds, Target};
use crate::node::NodeId;
use crate::quota::Meter;
use crate::tree::{Place, Tree};
use crate::{Charge, Errno, Fd, FdKind, Limits, Lower, Rights};

/// The filesystem of one call: its scratch layer over a lower tree, and its descriptors.
///
/// Making one costs next to nothing; what a call does not use is never allocated.
///
/// Unless it says otherwise, an operation fails with [`Errno::Badf`] if a descriptor is not open,
/// with [`Errno::Notcapable`] if it has lost the right, with [`Errno::Nospc`] if the scratch layer
/// is full, and with [`Errno::Io`] or what else a [`Lower`] tree reports. Those on paths also know
/// [`Errno::Notdir`], [`Errno::Noent`], [`Errno::Loop`] (over 40 symbolic links),
/// [`Errno::Nametoolong`] (a name over 255 or a path over 4,095 bytes), [`Errno::Inval`] (a NUL),
/// [`Errno::Ilseq`] (not UTF-8) and [`Errno::Rofs`] (a change through `faasm://`).
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

    /// Bytes that the scratch layer uses now, bookkeeping included.
    #[must_use]
    pub fn scratch_bytes(&self) -> u64 {
        self.tree.meter.used()
    }

    /// What a descriptor is open on.
    ///
    /// # Errors
    /// [`Errno::Badf`].
    pub fn kind(&mut self, fd: Fd) -> Result<FdKind, Errno> {
        self.fds.get(fd).map(|descriptor| descriptor.target.kind())
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
        let descriptor = self.fds.get(fd)?;
        // Directories have neither right; reading one is then refused for what it is.
        if descriptor.target.kind() != FdKind::Directory {
            descriptor.check(right)?;
        }
        Ok(descriptor.target.kind())
    }

    /// The directory that a path is relative to, and its descriptor.
    pub(crate) fn directory(
        &mut self,
        fd: Fd,
        right: Rights,
    ) -> Result<(Place, &mut Descriptor), Errno> {
        let descriptor = self.fds.get(fd)?;
        let place = match descriptor.target {
            Target::Root => self.tree.root(),
            Target::Directory(id) => Place::Node(id),
            Target::File(_) | Target::Stdin | Target::Stdout | Target::Stderr => {
                return Err(Errno::Notdir);
            }
        };
        descriptor.check(right)?;
        Ok((place, descriptor))
    }

    /// Where a path begins.
    pub(crate) fn from(&mut self, fd: Fd, right: Rights) -> Result<Place, Errno> {
        self.directory(fd, right).map(|(place, _)| place)
    }

    /// The file or directory that a descriptor is open on; `None` for a standard stream.
    pub(crate) fn node_of(&mut self, fd: Fd, right: Rights) -> Result<Option<NodeId>, Errno> {
        let descriptor = self.fds.get(fd)?;
        descriptor.check(right)?;
        Ok(match descriptor.target {
            Target::Stdin | Target::Stdout | Target::Stderr => None,
            Target::File(id) | Target::Directory(id) => Some(id),
            Target::Root => {
                self.tree.root();
                Some(NodeId::ROOT)
            }
        })
    }

    /// Gives up what a closed descriptor kept.
    pub(crate) fn let_go(&mut self, descriptor: &Descriptor) {
        if let Some(listing) = &descriptor.listing {
            self.tree.meter.give(listing.cost);
        }
        if let Some(id) = descriptor.target.pinned() {
            self.tree.unpin(id);
        }
    }
}
