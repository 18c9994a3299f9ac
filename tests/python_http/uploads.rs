//! What is taken as a Python function, and what is refused.

use faasm_testkit::Server;
use serde_json::Value;

use super::{call, put, try_put};

/// The error of a refused upload.
async fn refused(server: &Server, source: impl Into<reqwest::Body>) -> Value {
    let answer = try_put(server, "demo/refused", source).await.expect(422);
    let _ = server
        .call("demo/refused?python=true", "")
        .await
        .expect(404);
    answer.json()["error"].clone()
}

#[tokio::test]
async fn a_syntax_error_is_refused_with_its_line_and_column() {
    let server = Server::with_python().await;
    for (source, line, column) in [
        ("def faasm_main(:\n    pass\n", 1, 16),
        ("x = 1\n\n\ndef f():\n    return (1\n", 5, 12),
        ("# ä ö ü\nx = 'ä' = 1\n", 2, 5),
        ("\u{feff}x = 1\ny = = 2\n", 2, 5),
        ("x = 1\r\ny = = 2\r\n", 2, 5),
    ] {
        let error = refused(&server, source).await;
        assert_eq!(error["code"], "python_syntax_error", "{source:?}: {error}");
        assert_eq!(
            (&error["line"], &error["column"]),
            (&line.into(), &column.into()),
            "{source:?}: {error}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("line {line}")), "{message}");
    }
}

#[tokio::test]
async fn top_level_code_that_fails_is_refused_with_its_reason() {
    let server = Server::with_python().await;
    for (source, reason) in [
        (
            "print('seen')\n1 / 0\n",
            "ZeroDivisionError: division by zero",
        ),
        (
            "import no_such_module\n",
            "No module named 'no_such_module'",
        ),
        ("import sys\nsys.exit(3)\n", "sys.exit"),
        (
            "import pyfaasm.core as core\ncore.set_state('k', b'v')\n",
            "no-snapshot",
        ),
        ("x = bytearray(1 << 30)\n", "MemoryError"),
        ("def f(): f()\nf()\n", "RecursionError"),
    ] {
        let error = refused(&server, source).await;
        assert_eq!(error["code"], "python_import_failed", "{source:?}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(reason), "{source:?}: {message}");
    }
}

#[tokio::test]
async fn top_level_code_that_never_ends_is_ended() {
    let limit = ["--max-init-time", "300ms"];
    let server = Server::builder().python().args(limit).start().await;
    put(&server, "demo/warm", "def faasm_main(): pass\n").await;
    let error = refused(&server, "while True: pass\n").await;
    assert_eq!(error["code"], "python_import_failed", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("--max-init-time"), "{message}");
}

#[tokio::test]
async fn odd_texts_are_taken_as_python_takes_them() {
    let server = Server::with_python().await;
    for (source, expected) in [
        ("\u{feff}def faasm_main(): return 'bom'\n", "bom"),
        ("def faasm_main():\r\n    return 'crlf'\r\n", "crlf"),
        ("def faasm_main(): return 'no newline'", "no newline"),
        ("def faasm_main(): return 'ä€😀'\n", "ä€😀"),
    ] {
        put(&server, "demo/odd", source).await;
        assert_eq!(call(&server, "demo/odd", "").await, expected);
    }
    // Nothing to call is no fault of an upload.
    put(&server, "demo/empty", "").await;
    let called = server.call_json("demo/empty?python=true", "").await;
    assert_eq!(
        called["reason"]["code"], "python_entry_not_found",
        "{called}"
    );
    let large = format!(
        "data = '{}'\ndef faasm_main(): return str(len(data))\n",
        "x".repeat(10 << 20)
    );
    put(&server, "demo/large", large).await;
    assert_eq!(
        call(&server, "demo/large", "").await,
        (10 << 20).to_string()
    );
}

#[tokio::test]
async fn hostile_bytes_are_refused_by_what_they_are() {
    let server = Server::with_python().await;
    for (bytes, code) in [
        (&b"x = '\xff\xfe'\n"[..], "python_syntax_error"),
        (b"x = 1\0\n", "python_"),
        (b"\0asm\x01\0\0\0", "python_"),
        (b"PK\x03\x04 and no more", "invalid_archive"),
        (&zip(&[("main.py", b"")]), "invalid_archive"),
        (
            &zip(&[("../function.py", b""), ("function.py", b"")]),
            "invalid_archive",
        ),
        (
            &zip(&[("/function.py", b""), ("function.py", b"")]),
            "invalid_archive",
        ),
        (
            &zip(&[("function.py", b""), ("function.py", b"x")]),
            "invalid_archive",
        ),
    ] {
        let error = refused(&server, bytes.to_vec()).await;
        // Python has no place to name for a NUL: that is an import that failed.
        let found = error["code"].as_str().unwrap();
        assert!(
            found.starts_with(code),
            "{:?}: {error}",
            String::from_utf8_lossy(bytes)
        );
    }
    let huge = Server::builder()
        .python()
        .args(["--max-function", "64KiB"])
        .start()
        .await;
    let answer = try_put(&huge, "demo/f", "#".repeat(70_000))
        .await
        .expect(413);
    assert_eq!(answer.json()["error"]["code"], "body_too_large");
}

#[tokio::test]
async fn an_archive_is_a_tree_of_modules_and_data() {
    let server = Server::with_python().await;
    let main = br#"
import pathlib
import package.inner
import helper

def faasm_main():
    data = pathlib.Path(__file__).with_name("data.txt").read_text()
    return " ".join([__name__, helper.word, package.inner.word, data])
"#;
    let archive = zip(&[
        ("data.txt", b"data"),
        ("function.py", main),
        ("helper.py", b"word = 'helper'"),
        ("package/__init__.py", b""),
        ("package/inner.py", b"word = 'inner'"),
    ]);
    put(&server, "demo/tree", archive.clone()).await;
    assert_eq!(
        call(&server, "demo/tree", "").await,
        "function helper inner data"
    );
    let get = server
        .stored(reqwest::Method::GET, "/p/demo/tree", "")
        .await
        .expect(200);
    assert_eq!(get.header("content-type"), "application/zip");
    assert!(get.body == archive);
    // Replaced by a file of its own, and back.
    put(&server, "demo/tree", "def faasm_main(): return __name__\n").await;
    assert_eq!(call(&server, "demo/tree", "").await, "tree");
    put(&server, "demo/tree", archive).await;
    assert_eq!(
        call(&server, "demo/tree", "").await,
        "function helper inner data"
    );
}

#[tokio::test]
async fn an_archive_that_unpacks_to_more_than_it_may_is_refused() {
    let server = Server::with_python().await;
    let bomb = bomb();
    assert!(bomb.len() < 4 << 20);
    let error = refused(&server, bomb).await;
    assert_eq!(error["code"], "invalid_archive", "{error}");
}

/// An archive of stored files, made by hand: the programs that make archives refuse some of these.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let files = files
        .iter()
        .map(|(name, bytes)| format!("({name:?}, {bytes:?})"));
    let files = files.collect::<Vec<_>>().join(",");
    by_python(&format!(
        "for name, data in [{files}]: z.writestr(zipfile.ZipInfo(name), bytes(data))"
    ))
}

/// 400 MiB of zeros in two files that take few bytes.
fn bomb() -> Vec<u8> {
    by_python(
        "z.writestr('function.py', '')\n\
         for n in range(2):\n\
        \x20   with z.open(f'{n}', 'w') as f:\n\
        \x20       for _ in range(200): f.write(bytes(1 << 20))",
    )
}

fn by_python(body: &str) -> Vec<u8> {
    let program = format!(
        "import io, sys, warnings, zipfile\nwarnings.simplefilter('ignore')\nb = io.BytesIO()\n\
         z = zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED)\n{body}\nz.close()\nsys.stdout.buffer.write(b.getvalue())"
    );
    let output = std::process::Command::new("python3")
        .args(["-c", &program])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
