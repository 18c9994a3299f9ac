//! A shared tree that looks at every path it is asked for.

use std::sync::Arc;

use faasm_vfs::{Errno, Lower, LowerDirEntry, LowerFile, Metadata, SharedChange, Vfs};

use super::common::MemoryTree;

pub struct Watched(Arc<MemoryTree>);

impl Watched {
    pub fn new() -> Arc<Self> {
        let files = [
            ("lower", "text"),
            ("a/lower", "text"),
            ("a/b/lower", "text"),
        ];
        Arc::new(Self(MemoryTree::writable(&files)))
    }

    /// Carries out what a call asked for.
    pub fn carry_out(&self, vfs: &mut Vfs) {
        while let Some(change) = vfs.next_change() {
            match &change {
                SharedChange::Publish(draft) => watch(draft.path()),
                SharedChange::Unlink { path }
                | SharedChange::CreateDirectory { path }
                | SharedChange::RemoveDirectory { path } => watch(path),
                SharedChange::Rename { from, to } => {
                    watch(from);
                    watch(to);
                }
            }
            self.0.apply(change);
        }
    }
}

fn watch(path: &str) {
    let is_clean =
        |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0') && name.len() <= 255;
    assert!(path.is_empty() || path.split('/').all(is_clean), "{path:?}");
}

impl Lower for Watched {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        watch(path);
        self.0.metadata(path)
    }

    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        watch(path);
        self.0.list(path, after, limit)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        watch(path);
        self.0.open(path)
    }

    fn is_writable(&self) -> bool {
        true
    }
}
