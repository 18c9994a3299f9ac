//! How much the shared files may take.

use std::ops::{AddAssign, SubAssign};

use super::record::Node;
use crate::{Error, Result};

/// Limits of the shared files of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilesOptions {
    /// Most bytes of all files together. Equal files are stored once and count each. What is
    /// no longer at any path counts no more, though it takes its space on the disk as long as
    /// somebody has it open.
    pub max_bytes: u64,
    /// Most files and directories that were made. Each takes some hundred bytes of memory.
    pub max_files: u64,
    /// Most files that are kept open, so that opening them again takes no look at the disk.
    /// Each takes a descriptor.
    pub max_open: usize,
    /// Most files that readers have open at the same time. Each takes a descriptor, but
    /// files that are equal take one together.
    pub max_handles: usize,
}

impl Default for FilesOptions {
    /// A TiB in a million files, 1024 of them kept open, and 16,384 in use.
    fn default() -> Self {
        Self {
            max_bytes: 1 << 40,
            max_files: 1_000_000,
            max_open: 1024,
            max_handles: 16_384,
        }
    }
}

/// How much some shared files, and directories that were made, take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Their number, and that of the directories that were made.
    pub files: u64,
    /// The sum of their sizes, in bytes.
    pub bytes: u64,
}

impl Usage {
    /// What a file or a directory takes.
    pub(super) fn of(node: &Node) -> Self {
        Self {
            files: 1,
            bytes: node.file().map_or(0, |file| file.size),
        }
    }

    /// What a directory takes that was made.
    pub(super) const DIRECTORY: Self = Self { files: 1, bytes: 0 };

    /// What a file of `size` bytes takes more than the one of `replaced` bytes that it
    /// replaces.
    pub(super) fn growth(size: u64, replaced: Option<u64>) -> Self {
        Self {
            files: u64::from(replaced.is_none()),
            bytes: size.saturating_sub(replaced.unwrap_or(0)),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        self.files = self.files.saturating_add(more.files);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

impl SubAssign for Usage {
    fn sub_assign(&mut self, less: Self) {
        self.files = self.files.saturating_sub(less.files);
        self.bytes = self.bytes.saturating_sub(less.bytes);
    }
}

impl FilesOptions {
    /// The same, but with no more than `descriptors` for files that are open, of which a
    /// quarter at most for those that nobody uses.
    pub fn within_descriptors(self, descriptors: usize) -> Self {
        let max_open = self.max_open.min(descriptors / 4);
        Self {
            max_open,
            max_handles: self.max_handles.min(descriptors - max_open),
            ..self
        }
    }

    /// Refuses to take `more` than what is `taken` if that is too much. What takes no more
    /// is never refused: it may be what makes room.
    pub(super) fn check(&self, taken: Usage, more: Usage) -> Result<()> {
        let mut after = taken;
        after += more;
        if more.files > 0 && after.files > self.max_files {
            let (limit, unit) = (self.max_files, "files");
            return Err(Error::Quota { limit, unit });
        }
        if more.bytes > 0 && after.bytes > self.max_bytes {
            let (limit, unit) = (self.max_bytes, "bytes");
            return Err(Error::Quota { limit, unit });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_used_to_the_last_byte_and_no_further() {
        let options = FilesOptions {
            max_bytes: 10,
            max_files: 2,
            ..FilesOptions::default()
        };
        let taken = Usage { files: 1, bytes: 6 };
        let check = |size, replaced| options.check(taken, Usage::growth(size, replaced));
        assert!(check(4, None).is_ok());
        assert!(check(5, None).is_err());
        assert!(check(10, Some(6)).is_ok());
        assert!(check(11, Some(6)).is_err());
        assert!(check(u64::MAX, None).is_err());
        let full = Usage {
            files: 9,
            bytes: 99,
        };
        assert!(options.check(full, Usage::growth(6, Some(6))).is_ok());
        assert!(options.check(full, Usage::growth(0, None)).is_err());
    }

    #[test]
    fn open_files_share_the_descriptors_that_there_are() {
        for (descriptors, max_open, max_handles) in [
            (0, 0, 0),
            (256, 64, 192),
            (16_384, 1024, 15_360),
            (1 << 20, 1024, 16_384),
        ] {
            let options = FilesOptions::default().within_descriptors(descriptors);
            assert_eq!(
                (options.max_open, options.max_handles),
                (max_open, max_handles)
            );
        }
    }
}
