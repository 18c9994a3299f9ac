//! From a path to what it names.

use crate::node::View;
use crate::path::Path;
use crate::tree::{Place, Tree};
use crate::{Errno, Symlinks};

/// Symbolic links followed in one path at most, as on Linux.
const MAX_LINKS: u32 = 40;

/// How a path ends.
#[derive(Debug)]
pub(crate) enum Last {
    /// With a name, which may or may not exist.
    Name(String),
    /// With `.`.
    Dot,
    /// With `..`.
    DotDot,
    /// It is the root.
    Root,
}

/// A path but for its last component.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) directory: Place,
    pub(crate) last: Last,
    /// Whether the path ends with a slash.
    pub(crate) slash: bool,
}

/// A path, followed as far as it exists.
pub(crate) enum Found {
    Place(Place),
    /// Only the last name is missing.
    Missing(Missing),
}

pub(crate) struct Missing {
    pub(crate) directory: Place,
    pub(crate) name: String,
}

/// What a path is followed for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Use,
    /// To make a file where nothing is.
    CreateFile,
}

impl Tree {
    /// What a path names; it must exist.
    pub(crate) fn resolve(
        &mut self,
        from: Place,
        path: &[u8],
        symlinks: Symlinks,
    ) -> Result<Place, Errno> {
        match self.find(from, path, symlinks, Purpose::Use)? {
            Found::Place(place) => Ok(place),
            Found::Missing(_) => Err(Errno::Noent),
        }
    }

    /// What a path names, or where a file would be made. As on Linux, no file is made or opened so
    /// by a name with a slash behind it, be that the path's or a link's.
    pub(crate) fn find_for_file(
        &mut self,
        from: Place,
        path: &[u8],
        symlinks: Symlinks,
    ) -> Result<Found, Errno> {
        self.find(from, path, symlinks, Purpose::CreateFile)
    }

    fn find(
        &mut self,
        from: Place,
        path: &[u8],
        symlinks: Symlinks,
        purpose: Purpose,
    ) -> Result<Found, Errno> {
        let mut walk = Walk::start(self, from, path)?;
        loop {
            let Entry {
                directory,
                last,
                slash,
            } = walk.advance(self)?;
            let name = match last {
                Last::Name(name) => name,
                Last::Root | Last::Dot => return Ok(Found::Place(directory)),
                Last::DotDot => return self.parent(&directory).map(Found::Place),
            };
            if slash && purpose == Purpose::CreateFile {
                return Err(Errno::Isdir);
            }
            let Some(place) = self.child(&directory, &name)? else {
                return Ok(Found::Missing(Missing { directory, name }));
            };
            if (slash || symlinks == Symlinks::Follow)
                && let Some(target) = self.link_target(&place)?.map(str::to_owned)
            {
                walk.follow(self, &target)?;
                continue;
            }
            if slash && !self.is_directory(&place)? {
                return Err(Errno::Notdir);
            }
            return Ok(Found::Place(place));
        }
    }

    /// The directory and the last name of a path; that name is looked at by the caller.
    pub(crate) fn entry(&mut self, from: Place, path: &[u8]) -> Result<Entry, Errno> {
        Walk::start(self, from, path)?.advance(self)
    }
}

struct Walk {
    at: Place,
    /// What is still to be walked, the next name last.
    rest: Vec<String>,
    slash: bool,
    links: u32,
}

impl Walk {
    fn start(tree: &mut Tree, from: Place, path: &[u8]) -> Result<Self, Errno> {
        let mut walk = Self {
            at: from,
            rest: Vec::new(),
            slash: false,
            links: 0,
        };
        walk.push(tree, path)?;
        Ok(walk)
    }

    fn push(&mut self, tree: &mut Tree, path: &[u8]) -> Result<(), Errno> {
        let path = Path::parse(path)?;
        match path.root {
            Some(View::Merged) => self.at = tree.root(),
            Some(View::Shared) => self.at = tree.shared_root()?,
            None => {}
        }
        // The last slash counts, be it of the path or of the link at its end.
        if self.rest.is_empty() {
            self.slash |= path.slash;
        }
        self.rest
            .extend(path.names.iter().rev().map(|&name| name.to_owned()));
        Ok(())
    }

    fn follow(&mut self, tree: &mut Tree, target: &str) -> Result<(), Errno> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::Loop);
        }
        self.push(tree, target.as_bytes())
    }

    /// Walks to the directory of the last component.
    fn advance(&mut self, tree: &mut Tree) -> Result<Entry, Errno> {
        while self.rest.len() > 1 {
            if let Some(name) = self.rest.pop() {
                self.step(tree, &name)?;
            }
        }
        if !tree.is_directory(&self.at)? {
            return Err(Errno::Notdir);
        }
        let last = match self.rest.pop() {
            None => Last::Root,
            Some(name) => match name.as_str() {
                "." => Last::Dot,
                ".." => Last::DotDot,
                _ => Last::Name(name),
            },
        };
        Ok(Entry {
            directory: self.at.clone(),
            last,
            slash: self.slash,
        })
    }

    fn step(&mut self, tree: &mut Tree, name: &str) -> Result<(), Errno> {
        self.at = match name {
            "." if tree.is_directory(&self.at)? => return Ok(()),
            "." => return Err(Errno::Notdir),
            ".." => tree.parent(&self.at)?,
            _ => {
                let place = tree.child(&self.at, name)?.ok_or(Errno::Noent)?;
                match tree.link_target(&place)?.map(str::to_owned) {
                    Some(target) => return self.follow(tree, &target),
                    None => place,
                }
            }
        };
        Ok(())
    }
}
