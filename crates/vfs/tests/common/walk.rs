//! All that is in a lower tree.

use std::collections::BTreeMap;

use faasm_vfs::{Errno, Lower, NodeKind};

/// What is at each path but the root: the bytes of a file, nothing for a directory.
pub type Contents = BTreeMap<String, Option<Vec<u8>>>;

/// Walks through a tree, listing `page` entries at once, and checks that its answers agree.
pub fn walk(tree: &dyn Lower, page: usize) -> Contents {
    let mut contents = Contents::new();
    walk_directory(tree, "", page, &mut contents);
    contents
}

fn walk_directory(tree: &dyn Lower, directory: &str, page: usize, contents: &mut Contents) {
    let mut after: Option<String> = None;
    loop {
        let listed = tree.list(directory, after.as_deref(), page);
        let listed = listed.expect("it is a directory");
        assert!(listed.len() <= page);
        if after.is_none() {
            assert_eq!(tree.is_empty(directory), Ok(listed.is_empty()));
        }
        if listed.is_empty() {
            break;
        }
        for entry in listed {
            assert!(after.is_none_or(|after| after < entry.name));
            let path = match directory {
                "" => entry.name.clone(),
                directory => format!("{directory}/{}", entry.name),
            };
            let kind = tree.metadata(&path).map(|metadata| metadata.kind);
            assert_eq!(kind, Ok(entry.kind), "{path}");
            let old = match entry.kind {
                NodeKind::File => contents.insert(path.clone(), Some(bytes_of(tree, &path))),
                NodeKind::Directory => {
                    walk_directory(tree, &path, page, contents);
                    contents.insert(path, None)
                }
            };
            assert!(old.is_none());
            after = Some(entry.name);
        }
    }
    assert!(tree.open(directory).is_err());
}

fn bytes_of(tree: &dyn Lower, path: &str) -> Vec<u8> {
    let file = tree.open(path).expect("it is a file");
    let metadata = tree.metadata(path);
    let metadata = metadata.map(|metadata| (metadata.len, metadata.mtime));
    assert_eq!(metadata, Ok((file.len(), file.mtime())));
    let mut bytes = vec![0; file.len() as usize];
    let mut done = 0;
    while done < bytes.len() {
        let read = file.read_at(&mut bytes[done..], done as u64);
        let read = read.expect("it can be read");
        assert!(read > 0);
        done += read;
    }
    for end in [file.len(), file.len() + 1, u64::MAX] {
        assert_eq!(file.read_at(&mut [0], end), Ok(0));
    }
    assert!(tree.list(path, None, 1).is_err());
    assert_eq!(tree.metadata(&format!("{path}/x")), Err(Errno::Noent));
    bytes
}
