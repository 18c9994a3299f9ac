//! Files and directories of this machine.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use faasm_client::Error;

/// All files below a directory.
#[derive(Debug, Default)]
pub struct Tree {
    /// The files, and what cannot be read, in the order of their names.
    pub files: Vec<LocalFile>,
    /// What is neither a file nor a directory with files, and why.
    pub left_out: Vec<(PathBuf, &'static str)>,
}

/// A file below a directory.
#[derive(Debug)]
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// The same from the directory.
    pub below: PathBuf,
    /// In bytes; or why it cannot be told what it is, or what is in it.
    pub size: Result<u64, Error>,
}

impl Tree {
    /// Looks at everything below `root`, hidden files included. Symbolic links are
    /// followed, except back to a directory that they are in.
    ///
    /// # Errors
    /// If `root` cannot be read. What is below it and cannot be is listed.
    pub fn scan(root: &Path) -> Result<Self, Error> {
        let mut tree = Self::default();
        tree.enter(root, Path::new(""), &mut Vec::new())?;
        Ok(tree)
    }

    /// Adds a directory; `above` are the identities of those that it is in.
    fn enter(
        &mut self,
        directory: &Path,
        below: &Path,
        above: &mut Vec<(u64, u64)>,
    ) -> Result<(), Error> {
        let meta = fs::metadata(directory).map_err(io_error(directory))?;
        let identity = (meta.dev(), meta.ino());
        if above.contains(&identity) {
            let why = "a link to a directory that it is in";
            self.left_out.push((directory.to_owned(), why));
            return Ok(());
        }
        let names = names_in(directory).map_err(io_error(directory))?;
        above.push(identity);
        for name in names {
            let (path, below) = (directory.join(&name), below.join(&name));
            let size = self.add(&path, &below, above).transpose();
            self.files
                .extend(size.map(|size| LocalFile { path, below, size }));
        }
        above.pop();
        Ok(())
    }

    /// Adds what is at `path`, unless it is a file, of which this is the size.
    fn add(
        &mut self,
        path: &Path,
        below: &Path,
        above: &mut Vec<(u64, u64)>,
    ) -> Result<Option<u64>, Error> {
        let meta = fs::metadata(path).map_err(io_error(path))?;
        if meta.is_file() {
            return Ok(Some(meta.len()));
        }
        if meta.is_dir() {
            self.enter(path, below, above)?;
        } else {
            let why = "neither a file nor a directory";
            self.left_out.push((path.to_owned(), why));
        }
        Ok(None)
    }
}

fn names_in(directory: &Path) -> io::Result<Vec<OsString>> {
    let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Makes the directories that lead from `root` to the file at `below`, and returns the
/// file's path. No symbolic link below `root` is followed, so that nothing goes elsewhere.
pub fn make_way(root: &Path, below: &str) -> Result<PathBuf, Error> {
    let mut path = root.to_owned();
    let (directories, name) = match below.rsplit_once('/') {
        Some((directories, name)) => (Some(directories), name),
        None => (None, below),
    };
    for directory in directories.into_iter().flat_map(|names| names.split('/')) {
        path.push(directory);
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let meta = fs::symlink_metadata(&path).map_err(io_error(&path))?;
                if !meta.is_dir() {
                    return Err(in_the_way(&path, "no directory"));
                }
            }
            made => made.map_err(io_error(&path))?,
        }
    }
    path.push(name);
    match fs::symlink_metadata(&path) {
        Ok(meta) if !meta.is_file() => Err(in_the_way(&path, "no regular file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&path)(error)),
        _ => Ok(path),
    }
}

fn in_the_way(path: &Path, what: &str) -> Error {
    io_error(path)(io::Error::other(format!("this is in the way, and {what}")))
}

/// Names the file that an error is about.
pub fn io_error(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(tree: &Tree) -> Vec<&str> {
        let names = tree.files.iter().map(|file| file.below.to_str().unwrap());
        names.collect()
    }

    #[test]
    fn links_are_followed_and_circles_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        for name in ["tree/b", "tree/.hidden", "tree/sub/deep/c", "outside/d"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        symlink("b", root.join("to-file")).unwrap();
        symlink("../outside", root.join("to-directory")).unwrap();
        symlink("..", root.join("sub/up")).unwrap();
        symlink("deep", root.join("sub/deeper")).unwrap();
        let tree = Tree::scan(&root).unwrap();
        let files = [
            ".hidden",
            "b",
            "sub/deep/c",
            "sub/deeper/c",
            "to-directory/d",
            "to-file",
        ];
        assert_eq!(names(&tree), files);
        assert_eq!(*tree.files[1].size.as_ref().unwrap(), 6);
        assert_eq!(tree.left_out.len(), 1);
        assert_eq!(tree.left_out[0].0, root.join("sub/up"));
    }

    #[test]
    fn what_cannot_be_read_is_listed_with_the_reason_unless_it_is_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/x"), "").unwrap();
        symlink("nowhere", root.join("sub/dangling")).unwrap();
        symlink("itself", root.join("itself")).unwrap();
        let tree = Tree::scan(&root).unwrap();
        assert_eq!(names(&tree), ["itself", "sub/dangling", "sub/x"]);
        for file in &tree.files[..2] {
            let error = file.size.as_ref().unwrap_err().to_string();
            assert!(error.contains(file.path.to_str().unwrap()), "{error}");
        }
        assert!(tree.files[2].size.is_ok());
        for root in ["tree/itself", "tree/sub/x", "nowhere"] {
            assert!(Tree::scan(&dir.path().join(root)).is_err(), "{root}");
        }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        symlink(&outside, root.join("link")).unwrap();
        fs::write(outside.join("precious"), "").unwrap();
        symlink(outside.join("precious"), root.join("file")).unwrap();
        for below in ["link/x", "link/y/x", "link", "file", "file/x"] {
            assert!(make_way(&root, below).is_err(), "{below}");
        }
        assert_eq!(make_way(&root, "a/b/c").unwrap(), root.join("a/b/c"));
        assert_eq!(make_way(&root, "a/b/c").unwrap(), root.join("a/b/c"));
        assert!(make_way(&root, "a/b").is_err());
        assert_eq!(outside.read_dir().unwrap().count(), 1);
    }
}
