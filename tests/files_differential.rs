//! The same random file operations by the same program, once as a process of this machine
//! and once as a function: every result, every errno and the tree in the end must be the
//! same.
//!
//! What differs on purpose and is not compared: permissions, which WASI does not have;
//! sizes and link counts of directories, which are each file system's own; the position in
//! a directory.

mod extremes;
mod native;
mod script;

use std::fmt::Write;
use std::path::Path;

use faasm_testkit::{Server, build};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;

use native::Native;

use crate::files::guest::put;

const SOURCES: [&str; 3] = ["guest.c", "script.c", "streams.c"];

fn sources() -> [std::path::PathBuf; 3] {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files_differential");
    SOURCES.map(|source| dir.join(source))
}

/// What there is before a script begins, by its path from the script's directory.
type Files<'a> = &'a [(&'a str, String)];

/// How far below the directory that it is given a script works: no chain of links to `..` leaves
/// that.
const DEPTH: usize = 64;

/// Runs as many scripts as there is time for, for a function over shared files.
fn compare(scripts: impl Strategy<Value = Vec<String>>, files: Files<'_>) {
    // In memory, where there is such a place: a disk's journal takes ten times as long.
    let memory = Path::new("/dev/shm");
    let place = match std::env::var_os("TMPDIR") {
        None if memory.is_dir() => tempfile::tempdir_in(memory),
        _ => tempfile::tempdir(),
    };
    let place = place.unwrap();
    let base = place.path().join("base");
    let inside = base.join(["up"; DEPTH].join("/"));
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(start(&inside, files));
    let native = Native::compile(&sources());
    let config = ProptestConfig {
        cases: if crate::is_long() { 5_000 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let checked = TestRunner::new(config).run(&scripts, |script| {
        prepare(&inside, files)?;
        let directories = format!("{}\n{}", base.display(), inside.display());
        let input = format!("{directories}\n{}\n", script.join("\n"));
        let expected = native.run(&input);
        std::fs::remove_dir_all(&base)?;
        let answer = runtime.block_on(server.call("demo/f", input));
        prop_assert_eq!(answer.status, 200, "{}", answer.text());
        let printed = answer.text();
        if let Some(difference) = difference(&script, &expected, &printed) {
            return Err(TestCaseError::fail(difference));
        }
        prop_assert_eq!(expected.len(), printed.len());
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}

/// A server with the program and the files, shared.
async fn start(inside: &Path, files: Files<'_>) -> Server {
    let server = Server::start().await;
    let sources = sources();
    let sources: Vec<&Path> = sources.iter().map(AsRef::as_ref).collect();
    server.put("demo/f", build(&sources)).await;
    for (path, text) in files {
        let path = inside.join(path);
        let path = path.to_str().unwrap().trim_start_matches('/');
        put(&server, path, text.clone()).await;
    }
    server
}

/// The same files on this machine.
fn prepare(inside: &Path, files: Files<'_>) -> std::io::Result<()> {
    std::fs::create_dir_all(inside)?;
    for (path, text) in files {
        let path = inside.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(inside))?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// Both sides of the first line that differs, after the operations before it.
fn difference(script: &[String], native: &str, function: &str) -> Option<String> {
    let (mut native, mut function) = (native.lines(), function.lines());
    let mut told = String::new();
    for operation in script {
        let (left, right) = (native.next()?, function.next()?);
        let _ = writeln!(told, "{operation} = {left}");
        if left != right {
            return Some(told + "but as a function: " + right);
        }
    }
    let mut trees = native.zip(function);
    let (left, right) = trees.find(|(left, right)| left != right)?;
    Some(format!(
        "{told}then the tree has\n{left}\nbut as a function:\n{right}"
    ))
}

#[test]
fn functions_find_files_as_native_programs_do() {
    compare(script::mixed(), &[]);
}

#[test]
fn functions_find_shared_files_as_native_programs_find_copies() {
    let long = "0123456789abcdef".repeat(10_000);
    compare(
        script::mixed(),
        &[
            ("a/b/c", "deep".to_owned()),
            ("a/d", String::new()),
            ("c", long),
            ("d/a/a", "one\ntwo\n".to_owned()),
        ],
    );
}

#[test]
fn streams_of_functions_are_those_of_native_programs() {
    compare(script::buffered(), &[("a", "text\n".repeat(3_000))]);
}
