//! How long functions and their images last, and what becomes of calls meanwhile.

use std::path::PathBuf;

use faasm_testkit::Server;
use futures::future::join_all;
use reqwest::Method;

use super::{call, output, put, text};

/// Draws at import: two images of the same file differ.
const DRAWN: &str = "import random\nDRAWN = random.getrandbits(64)\nVALUES = list(range(200_000))\n\
    def faasm_main():\n    return f'{DRAWN} {sum(VALUES)}'\n";

/// Waits until it may go on, and then looks at its file.
const WAITS: &str = r#"import pyfaasm, time

def faasm_main():
    pyfaasm.write_state("started", b"x")
    pyfaasm.push_state("started")
    while pyfaasm.read_state_size("go") == 0:
        time.sleep(0.01)
        pyfaasm.pull_state("go", 0)
    with open(__file__) as file:
        return "old " + file.readline()
"#;

/// The images below a directory.
fn images(server: &Server) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![server.data_dir().join("cache")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "image") {
                found.push(path);
            }
        }
    }
    found
}

#[tokio::test]
async fn functions_and_their_images_outlive_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Server::builder().python().data_dir(dir.path()).start();
    let mut server = start().await;
    put(&server, "demo/f", DRAWN).await;
    let first = output(&server, "faasm_main", "").await;
    for _ in 0..2 {
        server.kill();
        server = start().await;
        // Not imported again: what was drawn is what it was.
        assert_eq!(output(&server, "faasm_main", "").await, first);
    }
}

#[tokio::test]
async fn images_that_are_damaged_or_gone_are_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Server::builder().python().data_dir(dir.path()).start();
    let mut server = start().await;
    put(&server, "demo/f", DRAWN).await;
    let first = output(&server, "faasm_main", "").await;
    let found = images(&server);
    assert!(!found.is_empty(), "no images in {}", dir.path().display());
    for damage in ["flip", "cut", "empty", "remove"] {
        server.kill();
        for path in &found {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            match damage {
                "flip" => bytes[middle] ^= 1,
                "cut" => bytes.truncate(middle),
                "empty" => bytes.clear(),
                _ => {}
            }
            if damage == "remove" {
                std::fs::remove_file(path).unwrap();
            } else {
                std::fs::write(path, bytes).unwrap();
            }
        }
        server = start().await;
        let calls = join_all((0..10).map(|_| output(&server, "faasm_main", ""))).await;
        for seen in &calls {
            // Made once, and not from what was damaged.
            assert_eq!(seen, &calls[0], "{damage}");
            assert!(seen.ends_with(" 19999900000"), "{damage}: {seen}");
        }
        assert_ne!(calls[0], first, "{damage}");
        assert!(found.iter().all(|path| path.exists()), "{damage}");
    }
}

#[tokio::test]
async fn the_cache_can_be_removed_under_a_running_server() {
    let server = Server::with_python().await;
    put(&server, "demo/f", DRAWN).await;
    std::fs::remove_dir_all(server.data_dir().join("cache")).unwrap();
    let flush = server.stored(Method::POST, "/flush", "");
    let _ = flush.await.expect(200);
    let seen = output(&server, "faasm_main", "").await;
    assert!(seen.ends_with(" 19999900000"), "{seen}");
    put(&server, "demo/f", DRAWN).await;
    assert_ne!(output(&server, "faasm_main", "").await, seen);
}

#[tokio::test]
async fn uploads_while_calls_run_are_met_whole_or_not_at_all() {
    let server = Server::with_python().await;
    // What the file says and what its image says must be of the same upload.
    let source = |n: u32| {
        format!(
            "VALUE = {n}\ndef faasm_main():\n    \
             with open(__file__) as file:\n        \
                 return f'{{VALUE}} {{file.readline()}}'\n"
        )
    };
    put(&server, "demo/f", source(0)).await;
    let uploads = async {
        for n in 1..=20 {
            put(&server, "demo/f", source(n)).await;
        }
    };
    let calls = async {
        let mut last = 0;
        for _ in 0..40 {
            let seen = join_all((0..5).map(|_| output(&server, "faasm_main", ""))).await;
            for text in &seen {
                let (value, line) = text.split_once(' ').unwrap();
                assert_eq!(line, format!("VALUE = {value}\n"));
            }
            let numbers = seen.iter().map(|text| text.split_once(' ').unwrap().0);
            let newest = numbers.map(|n| n.parse::<u32>().unwrap()).max().unwrap();
            assert!(newest >= last, "{newest} after {last}");
            last = newest;
        }
    };
    futures::future::join(uploads, calls).await;
    assert!(output(&server, "faasm_main", "").await.starts_with("20 "));
}

#[tokio::test]
async fn a_call_that_runs_ends_on_the_code_that_it_began_with() {
    let server = Server::with_python().await;
    put(&server, "demo/f", WAITS).await;
    let running = call(&server, "demo/f", "faasm_main", "");
    let replaced = async {
        while server
            .stored(Method::GET, "/s/demo/started", "")
            .await
            .status
            != 200
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        put(&server, "demo/f", "def faasm_main(): return 'new'\n").await;
        assert_eq!(output(&server, "faasm_main", "").await, "new");
        let go = server.stored(Method::PUT, "/s/demo/go", "go");
        let _ = go.await.expect(200);
    };
    let (ended, ()) = futures::future::join(running, replaced).await;
    assert_eq!(
        text(&ended, "output_data"),
        "old import pyfaasm, time\n",
        "{ended:#}"
    );
}
