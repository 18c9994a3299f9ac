//! What is in an archive, in memory.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::zip::Entry;
use super::{ArchiveError, ArchiveLimits, EntryProblem, time};
use crate::{LowerDirEntry, Metadata, NodeKind};

/// The files and directories of an archive. All paths lie in one text, and what lies in one
/// directory side by side, ordered by name: that is how it is looked up and how it is listed.
pub(super) struct Index {
    paths: String,
    nodes: Box<[Node]>,
}

#[derive(Clone, Copy)]
struct Node {
    /// Where its path starts in the text.
    start: u32,
    len: u16,
    /// Where its name starts in its path.
    name: u16,
    /// Time of last modification, in ns since 1970.
    modified: u64,
    body: Body,
}

// There are as many as a user likes, up to the limits.
const _: () = assert!(size_of::<Node>() == 32);

#[derive(Clone, Copy)]
pub(super) enum Body {
    Directory,
    /// `len` bytes at `start`.
    File {
        start: u64,
        len: u32,
    },
}

/// Something found.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) modified: u64,
    pub(super) body: Body,
}

impl Index {
    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> u64 {
        (self.paths.capacity() + size_of_val(&*self.nodes)) as u64
    }

    /// Of these entries, each with its place, and of the directories that their paths imply.
    pub(super) fn new(
        entries: &[Entry],
        bodies: impl Iterator<Item = Body>,
        limits: &ArchiveLimits,
    ) -> Result<Self, ArchiveError> {
        let too_many = || ArchiveError::TooManyEntries {
            limit: limits.max_entries,
        };
        let mut kinds = HashMap::with_capacity(entries.len());
        for entry in entries {
            let is_directory = entry.file.is_none();
            if kinds.insert(entry.path.as_str(), is_directory).is_some() {
                return Err(entry.fails(EntryProblem::Duplicate));
            }
        }
        let mut paths = String::new();
        let mut nodes = Vec::with_capacity(entries.len());
        for (entry, body) in entries.iter().zip(bodies) {
            let whole = Node::new(paths.len(), &entry.path, entry.modified, body);
            let whole = whole.ok_or_else(too_many)?;
            paths.push_str(&entry.path);
            nodes.push(whole);
            let mut path = entry.path.as_str();
            while let Some((parent, _)) = path.rsplit_once('/') {
                match kinds.get(parent) {
                    Some(true) => break,
                    Some(false) => return Err(entry.fails(EntryProblem::Conflict)),
                    None => {}
                }
                kinds.insert(parent, true);
                // It starts where the entry's path does, so it takes no more text.
                let node = whole.directory(parent).ok_or_else(too_many)?;
                nodes.push(node);
                path = parent;
            }
            if nodes.len() > limits.max_entries {
                return Err(too_many());
            }
        }
        nodes.sort_unstable_by(|a, b| a.key(&paths).cmp(&b.key(&paths)));
        paths.shrink_to_fit();
        Ok(Self {
            nodes: nodes.into(),
            paths,
        })
    }

    pub(super) fn find(&self, path: &str) -> Option<Found> {
        if path.is_empty() {
            return Some(Found {
                modified: time::FIRST,
                body: Body::Directory,
            });
        }
        // Not "", whose address is none: comparing with that is very slow, even none of its bytes.
        let key = path.rsplit_once('/').unwrap_or(path.split_at(0));
        let at = self.nodes.binary_search_by(|node| self.compare(node, key));
        let Node { modified, body, .. } = *self.nodes.get(at.ok()?)?;
        Some(Found { modified, body })
    }

    /// The entries of a directory whose names come behind `after`, `limit` at most.
    pub(super) fn list(&self, directory: &str, after: &str, limit: usize) -> Vec<LowerDirEntry> {
        let before = |node: &Node| self.compare(node, (directory, after)).is_le();
        let first = self.nodes.partition_point(before);
        let nodes = self.nodes[first..].iter();
        let named = nodes.map(|node| (node, node.key(&self.paths)));
        let listed = named
            .take_while(|(_, (parent, _))| *parent == directory)
            .take(limit)
            .map(|(node, (_, name))| LowerDirEntry {
                name: name.to_owned(),
                kind: node.body.kind(),
            });
        listed.collect()
    }

    fn compare(&self, node: &Node, key: (&str, &str)) -> Ordering {
        node.key(&self.paths).cmp(&key)
    }
}

impl Node {
    /// `None` if the numbers do not fit.
    fn new(start: usize, path: &str, modified: u64, body: Body) -> Option<Self> {
        Some(Self {
            start: start.try_into().ok()?,
            len: path.len().try_into().ok()?,
            name: name_start(path)?,
            modified,
            body,
        })
    }

    /// A directory on the way to it, of which the archive says nothing else.
    fn directory(self, path: &str) -> Option<Self> {
        Some(Self {
            len: path.len().try_into().ok()?,
            name: name_start(path)?,
            modified: time::FIRST,
            body: Body::Directory,
            ..self
        })
    }

    /// The path of the directory that holds it, and its name there.
    fn key<'a>(&self, paths: &'a str) -> (&'a str, &'a str) {
        let start = self.start as usize;
        let path = &paths[start..start + usize::from(self.len)];
        let name = usize::from(self.name);
        (&path[..name.saturating_sub(1)], &path[name..])
    }
}

fn name_start(path: &str) -> Option<u16> {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    start.try_into().ok()
}

impl Body {
    fn kind(self) -> NodeKind {
        match self {
            Body::Directory => NodeKind::Directory,
            Body::File { .. } => NodeKind::File,
        }
    }
}

impl From<Found> for Metadata {
    fn from(found: Found) -> Self {
        Metadata {
            kind: found.body.kind(),
            len: match found.body {
                Body::Directory => 0,
                Body::File { len, .. } => u64::from(len),
            },
            mtime: found.modified,
        }
    }
}
