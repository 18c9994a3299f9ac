//! Trees in other trees, as calls see them.

mod common;

use std::sync::Arc;

use common::walk::{Contents, walk};
use common::{Account, MemoryTree, RDWR, names, open, put, text};
use faasm_vfs::{Errno, Limits, Lower, Mount, Oflags, Rights, SharedChange, Vfs};
use proptest::prelude::*;

fn mounted(root: Arc<dyn Lower>, point: &str, tree: MemoryTree) -> Arc<dyn Lower> {
    Arc::new(Mount::new(root, point, Arc::new(tree)).expect("it is a path"))
}

/// Shared files under a library and a function.
fn python() -> (Arc<MemoryTree>, Vfs) {
    let shared = MemoryTree::writable(&[
        ("data/x", "shared x"),
        ("usr/lib/libz.so", "shared z"),
        ("usr/lib/python3.13/os.py", "hidden"),
        ("usr/lib/python3.13/hidden.py", "hidden"),
    ]);
    let library = MemoryTree::new(&[("os.py", "os"), ("json/decoder.py", "decode")], &[]);
    let function = MemoryTree::new(&[("function.py", "def faasm_main(): pass")], &[]);
    let tree = mounted(shared.clone(), "usr/lib/python3.13", library);
    let tree = mounted(tree, "function", function);
    let account = Account::new(u64::MAX);
    let vfs = Vfs::new(tree, account, Limits::default());
    (shared, vfs)
}

#[test]
fn what_is_mounted_hides_what_was_there() {
    let (_, mut vfs) = python();
    let library = "usr/lib/python3.13";
    for root in ["/", "faasm://"] {
        let mut in_root = |path: &str| names(&mut vfs, &format!("{root}{path}")).unwrap();
        assert_eq!(in_root(library), ["json", "os.py"]);
        assert_eq!(in_root("usr/lib"), ["libz.so", "python3.13"]);
        assert_eq!(in_root("function"), ["function.py"]);
        let mut in_root = |path: &str| text(&mut vfs, &format!("{root}{library}/{path}"));
        assert_eq!(in_root("os.py").unwrap(), "os");
        assert_eq!(in_root("json/../json/decoder.py").unwrap(), "decode");
        assert_eq!(in_root("hidden.py"), Err(Errno::Noent));
        assert_eq!(in_root("../libz.so").unwrap(), "shared z");
    }
    let root = names(&mut vfs, "faasm://").unwrap();
    assert_eq!(root, ["data", "function", "usr"]);
}

#[test]
fn a_call_changes_what_is_mounted_for_itself() {
    let (shared, mut vfs) = python();
    put(&mut vfs, "/usr/lib/python3.13/os.py", "mine").unwrap();
    put(&mut vfs, "/usr/lib/python3.13/new.py", "mine").unwrap();
    vfs.path_unlink_file(Vfs::ROOT, "function/function.py")
        .unwrap();
    vfs.path_rename(Vfs::ROOT, "usr", Vfs::ROOT, "tmp/usr")
        .unwrap();
    let library = "tmp/usr/lib/python3.13";
    assert_eq!(
        names(&mut vfs, library).unwrap(),
        ["json", "new.py", "os.py"]
    );
    let moved = text(&mut vfs, "tmp/usr/lib/python3.13/os.py");
    assert_eq!(moved.unwrap(), "mine");
    assert_eq!(
        text(&mut vfs, "usr/lib/python3.13/os.py"),
        Err(Errno::Noent)
    );
    vfs.path_remove_directory(Vfs::ROOT, "function").unwrap();
    let os = "faasm://usr/lib/python3.13/os.py";
    assert_eq!(text(&mut vfs, os).unwrap(), "os");
    assert_eq!(shared.carry_out(&mut vfs), 0);
}

#[test]
fn what_is_mounted_is_not_changed_through_the_shared_tree() {
    let (shared, mut vfs) = python();
    let root = Vfs::ROOT;
    let os = "faasm://usr/lib/python3.13/os.py";
    let new = "faasm://function/new";
    for (path, oflags) in [
        (os, Oflags::empty()),
        (os, Oflags::TRUNC),
        (os, Oflags::CREAT),
        (new, Oflags::CREAT),
        (new, Oflags::CREAT | Oflags::EXCL),
        ("faasm://function/no/such/directory", Oflags::CREAT),
    ] {
        let refused = if path.contains("no/such") {
            Errno::Noent
        } else {
            Errno::Rofs
        };
        assert_eq!(open(&mut vfs, path, oflags, RDWR), Err(refused), "{path}");
    }
    assert_eq!(vfs.path_unlink_file(root, os), Err(Errno::Rofs));
    assert_eq!(vfs.path_create_directory(root, new), Err(Errno::Rofs));
    let shared_file = "faasm://data/x";
    for (from, to) in [
        (shared_file, os),
        (shared_file, new),
        (os, shared_file),
        (os, "faasm://data/os.py"),
        ("faasm://function", "faasm://data/function"),
        ("faasm://usr", "faasm://moved"),
        ("faasm://usr/lib", "faasm://moved"),
    ] {
        let renamed = vfs.path_rename(root, from, root, to);
        assert_eq!(renamed, Err(Errno::Rofs), "{from} {to}");
    }
    for directory in ["faasm://function", "faasm://usr", "faasm://usr/lib"] {
        let removed = vfs.path_remove_directory(root, directory);
        assert_eq!(removed, Err(Errno::Notempty));
    }
    let link = vfs.path_rename(root, "data/x", root, new);
    assert_eq!(link, Err(Errno::Xdev));
    assert_eq!(shared.carry_out(&mut vfs), 0);
    assert_eq!(shared.text("usr/lib/python3.13/os.py").unwrap(), "hidden");
}

#[test]
fn an_empty_mounted_tree_stays_where_it_is() {
    let shared = MemoryTree::writable(&[("data/x", "x")]);
    let empty = Arc::new(MemoryTree::new(&[], &[]));
    let tree = Arc::new(Mount::new(shared, "data/empty", empty).unwrap());
    let mut vfs = Vfs::new(tree, Account::new(u64::MAX), Limits::default());
    let removed = vfs.path_remove_directory(Vfs::ROOT, "faasm://data/empty");
    assert_eq!(removed, Err(Errno::Rofs));
    vfs.path_remove_directory(Vfs::ROOT, "data/empty").unwrap();
    assert_eq!(names(&mut vfs, "data").unwrap(), ["x"]);
}

#[test]
fn beside_what_is_mounted_the_shared_tree_is_written_as_ever() {
    let (shared, mut vfs) = python();
    for path in [
        "data/x",
        "usr/lib/other",
        "usr/lib/python3.130",
        "functions",
    ] {
        let path = format!("faasm://{path}");
        let fd = open(&mut vfs, &path, Oflags::CREAT, Rights::FD_WRITE).unwrap();
        vfs.write(fd, b"new").unwrap();
        vfs.close(fd).unwrap();
        match vfs.next_change() {
            Some(change @ SharedChange::Publish(_)) => shared.apply(change),
            other => panic!("{other:?}"),
        }
        assert_eq!(&text(&mut vfs, &path).unwrap()[..3], "new");
    }
}

#[test]
fn a_mount_needs_a_path() {
    let empty = || Arc::new(MemoryTree::new(&[], &[]));
    for point in ["", "/", "a/", "/a", "a//b", ".", "a/../b", "a\0"] {
        let mounted = Mount::new(empty(), point, empty());
        assert_eq!(mounted.err(), Some(Errno::Inval), "{point:?}");
    }
}

const NAMES: [&str; 4] = ["a", "a-", "a0", "b"];

fn path() -> impl Strategy<Value = String> {
    let names = prop::collection::vec(prop::sample::select(NAMES.to_vec()), 1..4);
    names.prop_map(|names| names.join("/"))
}

/// The directories that a path leads through.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// A tree of files at these paths, but those that lie in files or are directories.
fn tree_of(text: &str, paths: Vec<String>) -> Arc<MemoryTree> {
    let tree = MemoryTree::new(&[], &[]);
    for path in paths {
        if tree.metadata(&path).is_err() && !parents(&path).any(|it| tree.text(it).is_some()) {
            tree.put(&path, format!("{text} {path}").as_bytes());
        }
    }
    Arc::new(tree)
}

fn files() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(path(), 0..12)
}

/// What a mount is to be.
fn mount(contents: &mut Contents, point: &str, tree: &dyn Lower) {
    let inside = format!("{point}/");
    contents.retain(|path, _| path != point && !path.starts_with(&inside));
    for directory in parents(&inside) {
        contents.insert(directory.to_owned(), None);
    }
    let mounted = walk(tree, 100).into_iter();
    contents.extend(mounted.map(|(path, bytes)| (inside.clone() + &path, bytes)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn mounts_are_what_a_plain_model_says(
        root in files(),
        mounts in prop::collection::vec((path(), files()), 0..4),
        page in 1..6_usize,
        short in 1..6_usize,
        asked in prop::collection::vec(path(), 20),
    ) {
        let root = tree_of("root", root);
        let mut model = walk(&*root, 100);
        root.list_at_most(short);
        let mut mounted: Arc<dyn Lower> = root;
        for (number, (point, files)) in mounts.into_iter().enumerate() {
            let tree = tree_of(&format!("mount {number}"), files);
            mount(&mut model, &point, &*tree);
            mounted = Arc::new(Mount::new(mounted, &point, tree).unwrap());
        }
        prop_assert_eq!(&walk(&*mounted, page), &model);
        for path in asked {
            prop_assert_eq!(mounted.metadata(&path).is_ok(), model.contains_key(&path));
        }
    }
}
