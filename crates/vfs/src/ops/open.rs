//! Opening files and directories.

use crate::content::Content;
use crate::fds::{OpenFile, Target};
use crate::node::Body;
use crate::shared::Start;
use crate::tree::Place;
use crate::walk::{Found, Missing};
use crate::{Errno, Fd, FdFlags, Filetype, Oflags, Rights, Symlinks, Vfs};

/// How [`Vfs::path_open`] opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Whether a symbolic link at the end of the path is followed.
    pub symlinks: Symlinks,
    /// What to make of a file that exists, or does not.
    pub oflags: Oflags,
    /// [`Rights::FD_READ`] and [`Rights::FD_WRITE`] say what the file is opened for; other rights
    /// come with the kind of file, as far as the directory's descriptor passes them on.
    pub rights: Rights,
    /// The first flags of the descriptor.
    pub fdflags: FdFlags,
}

impl Vfs {
    /// Opens, and possibly creates, what a path names; the lowest free descriptor.
    ///
    /// # Errors
    /// [`Errno::Mfile`]; [`Errno::Inval`] for `CREAT` with `DIRECTORY`; [`Errno::Exist`] with
    /// `EXCL`; [`Errno::Isdir`] for a directory that is to be created, truncated or written;
    /// [`Errno::Loop`] for a link that is not followed; those of paths. Whether a file of the shared
    /// tree that is opened with `EXCL` is new counts again when it is [published](crate::Draft::is_exclusive).
    pub fn path_open(
        &mut self,
        directory: Fd,
        path: impl AsRef<[u8]>,
        options: OpenOptions,
    ) -> Result<Fd, Errno> {
        let OpenOptions {
            oflags, fdflags, ..
        } = options;
        if oflags.contains(Oflags::CREAT | Oflags::DIRECTORY) {
            return Err(Errno::Inval);
        }
        let (from, opened) = self.directory(directory, Rights::PATH_OPEN)?;
        if oflags.contains(Oflags::CREAT) {
            opened.check(Rights::PATH_CREATE_FILE)?;
        }
        if oflags.contains(Oflags::TRUNC) {
            opened.check(Rights::PATH_FILESTAT_SET_SIZE)?;
        }
        let inheriting = opened.descriptor.inheriting;
        self.fds.vacant()?;

        let place = self.find_or_create(from, path.as_ref(), options)?;
        let is_directory = self.tree.is_directory(&place)?;
        let id = self.tree.pin(place)?;
        if is_directory {
            let file = OpenFile::new(Target::Directory(id), fdflags);
            let rights = Rights::DIRECTORY & inheriting;
            return self.fds.insert(file, rights, inheriting);
        }
        let file = OpenFile::new(Target::File(id), fdflags);
        let direction = Rights::FD_READ | Rights::FD_WRITE;
        let rights = (Rights::FILE - direction) | (options.rights & direction);
        self.fds.insert(file, rights & inheriting, Rights::empty())
    }

    fn find_or_create(
        &mut self,
        from: Place,
        path: &[u8],
        options: OpenOptions,
    ) -> Result<Place, Errno> {
        if !options.oflags.contains(Oflags::CREAT) {
            let place = self.tree.resolve(from, path, options.symlinks)?;
            return self.open_existing(place, options);
        }
        let exclusive = options.oflags.contains(Oflags::EXCL);
        let symlinks = if exclusive {
            Symlinks::NoFollow
        } else {
            options.symlinks
        };
        match self.tree.find_for_file(from, path, symlinks)? {
            Found::Place(_) if exclusive => Err(Errno::Exist),
            Found::Place(place) => self.open_existing(place, options),
            Found::Missing(Missing { directory, name }) => {
                if let Some(path) = self.tree.shared_entry(&directory, &name)? {
                    let draft = self.tree.draft(path, Start::New { exclusive });
                    return draft.map(Place::Node);
                }
                let file = Body::File(Content::default());
                self.tree.create(&directory, &name, file).map(Place::Node)
            }
        }
    }

    fn open_existing(&mut self, place: Place, options: OpenOptions) -> Result<Place, Errno> {
        let oflags = options.oflags;
        let truncate = oflags.contains(Oflags::TRUNC);
        let change = truncate || options.rights.contains(Rights::FD_WRITE);
        match self.tree.filetype(&place)? {
            Filetype::Directory if change || oflags.contains(Oflags::CREAT) => Err(Errno::Isdir),
            Filetype::Directory => Ok(place),
            _ if oflags.contains(Oflags::DIRECTORY) => Err(Errno::Notdir),
            Filetype::SymbolicLink => Err(Errno::Loop),
            _ if !change => Ok(place),
            _ if self.tree.is_shared(&place)? => {
                let start = if truncate { Start::Cut } else { Start::Present };
                self.open_shared(place, start)
            }
            _ if truncate => {
                let id = self.tree.claim(&place)?;
                self.tree.set_len(id, 0)?;
                Ok(Place::Node(id))
            }
            _ => Ok(place),
        }
    }

    /// Opens a file of the shared tree for writing: what is written goes to a draft of it.
    fn open_shared(&mut self, place: Place, start: Start) -> Result<Place, Errno> {
        match place {
            Place::Lower(path, _) => self.tree.draft(path.path, start).map(Place::Node),
            Place::Node(_) => Err(self.tree.refusal()),
        }
    }
}
