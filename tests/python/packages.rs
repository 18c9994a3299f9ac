//! Archives: trees of modules and data.

use std::process::{Command, Stdio};

use faasm_testkit::Server;

use super::{call, output, put, serve, try_put};

const MAIN: &str = r#"
import importlib
import importlib.metadata
import importlib.resources
import os
import pathlib
import pkgutil
import sys

import package
from package.inner import deep
from package.inner.deep import who
import single

LOADED_EARLY = sorted(name for name in sys.modules if name.startswith(("package", "single", "late")))

def faasm_main():
    return " ".join(LOADED_EARLY)

def values():
    return f"{package.VALUE} {who()} {single.VALUE} {package.relative()} {__name__}"

def by_file():
    folder = pathlib.Path(__file__).parent
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt"))
    with open(os.path.join(os.path.dirname(package.__file__), "data.txt")) as file:
        return f"{folder} {names} {file.read()}"

def by_resources():
    root = importlib.resources.files("package")
    texts = [path.read_text() for path in sorted(root.iterdir(), key=str) if path.name.endswith(".txt")]
    with importlib.resources.as_file(root / "data.txt") as path:
        assert path.read_bytes() == b"data"
    return f"{texts} {pkgutil.get_data('package', 'inner/more.txt').decode()}"

def lazily():
    import late
    from package.inner import lazy
    return f"{late.VALUE} {lazy.VALUE} {importlib.import_module('package.other').VALUE}"

def namespace():
    from spaces.one import VALUE
    return VALUE

def distribution():
    return importlib.metadata.version("thing") + " " + importlib.metadata.metadata("thing")["Summary"]

def walk():
    return " ".join(sorted(module.name for module in pkgutil.walk_packages(["/function"])))

def cannot_write():
    for name in ("/function/new.py", package.__file__, "/usr/lib/python3.13/json/__init__.py"):
        try:
            with open(name, "a") as file:
                file.write("VALUE = 'changed'\n")
        except OSError:
            pass
    return package.VALUE

def missing():
    import nothing_of_that_name

def broken():
    import broken_module

def raises():
    package.fail()
"#;

/// Makes an archive of a tree; `files` are Python's text for a dictionary of names and contents.
fn archive(files: &str) -> Vec<u8> {
    let program = format!(
        "import io, sys, zipfile\nout = io.BytesIO()\n\
         with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as file:\n    \
             for name, text in ({files}).items(): file.writestr(name, text)\n\
         sys.stdout.buffer.write(out.getvalue())"
    );
    let mut python = Command::new("python3");
    let output = python
        .args(["-c", &program])
        .stderr(Stdio::inherit())
        .output();
    let output = output.unwrap();
    assert!(output.status.success());
    output.stdout
}

async fn serve_tree() -> Server {
    let files = format!(
        r#"{{
            "function.py": {MAIN:?},
            "single.py": "VALUE = 'single'",
            "late.py": "print('late import')\nVALUE = 'late'",
            "broken_module.py": "x = = 1",
            "package/__init__.py": "VALUE = 'package'\ndef relative():\n from . import other\n return other.VALUE\n"
                "def fail():\n    raise ValueError('from the package')\n",
            "package/other.py": "VALUE = 'other'",
            "package/data.txt": "data",
            "package/z.txt": "second",
            "package/inner/__init__.py": "",
            "package/inner/deep.py": "def who(): return __name__",
            "package/inner/lazy.py": "VALUE = __package__",
            "package/inner/more.txt": "more",
            "spaces/one.py": "VALUE = 'namespace'",
            "json/notes.txt": "of no module",
            "thing-1.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.5\nSummary: A thing\n",
        }}"#
    );
    serve(archive(&files)).await
}

#[tokio::test]
async fn packages_data_files_and_late_imports_work_from_an_archive() {
    let server = serve_tree().await;
    for (entry, expected) in [
        (
            "faasm_main",
            "package package.inner package.inner.deep single",
        ),
        ("values", "package package.inner.deep single other function"),
        (
            "by_file",
            "/function ['json/notes.txt', 'package/data.txt', 'package/inner/more.txt', \
             'package/z.txt'] data",
        ),
        ("by_resources", "['data', 'second'] more"),
        ("lazily", "late package.inner other"),
        ("namespace", "namespace"),
        ("distribution", "1.5 A thing"),
        ("cannot_write", "package"),
        (
            "walk",
            "broken_module function late package package.inner package.inner.deep \
             package.inner.lazy package.other single",
        ),
    ] {
        assert_eq!(output(&server, entry, "").await, expected, "{entry}");
        // Also for the next call.
        assert_eq!(output(&server, entry, "").await, expected, "{entry}");
    }
}

#[tokio::test]
async fn what_fails_in_an_archive_says_in_which_file() {
    let server = serve_tree().await;
    for (entry, message, stderr) in [
        (
            "missing",
            "No module named 'nothing_of_that_name'",
            "/function/function.py",
        ),
        ("broken", "SyntaxError", "/function/broken_module.py"),
        (
            "raises",
            "ValueError: from the package",
            "\"/function/package/__init__.py\", line 6, in fail",
        ),
    ] {
        let call = call(&server, "demo/f", entry, "").await;
        assert_eq!(call["reason"]["code"], "python_exception", "{call:#}");
        let reason = call["reason"]["message"].as_str().unwrap();
        assert!(reason.contains(message), "{entry}: {reason}");
        let printed = call["stderr"].as_str().unwrap();
        assert!(printed.contains(stderr), "{entry}: {printed}");
    }
    for (files, expected) in [
        (
            "{'function.py': 'import helper', 'helper.py': 'x = = 1'}",
            "helper.py",
        ),
        (
            "{'function.py': 'import helper', 'helper.py': '1 / 0'}",
            "ZeroDivisionError",
        ),
        ("{'function.py': 'x = = 1'}", "line 1"),
        ("{'main.py': ''}", "function.py"),
        ("{}", "function.py"),
        (
            "{'function.py': '', 'json/__init__.py': ''}",
            "'json' has the name of a module of the standard library",
        ),
        (
            "{'function.py': '', 'json.py': ''}",
            "'json.py' has the name of a module of the standard library",
        ),
        (
            "{'function.py': '# faasm: no-snapshot', 'typing.py': ''}",
            "'typing.py' has the name of a module of the standard library",
        ),
    ] {
        let refused = try_put(&server, "demo/other", archive(files))
            .await
            .expect(422);
        assert!(
            refused.text().contains(expected),
            "{files}: {}",
            refused.text()
        );
    }
}

#[tokio::test]
async fn a_thousand_modules_are_imported_at_the_upload_or_when_they_are_wanted() {
    let files = r#"{
        "function.py": "import importlib\nfrom early import m0\n"
            "def faasm_main(data):\n    return str(sum(importlib.import_module(f'late.m{n}').VALUE for n in range(int(data))))\n"
            "def early():\n    import sys\n    return str(sum(name.startswith('early.') for name in sys.modules))\n",
        "early/__init__.py": "".join(f"from . import m{n}\n" for n in range(500)),
        "late/__init__.py": "",
        **{f"{folder}/m{n}.py": f"VALUE = {n}" for folder in ("early", "late") for n in range(500)},
    }"#;
    let server = serve(archive(files)).await;
    assert_eq!(output(&server, "early", "").await, "500");
    assert_eq!(output(&server, "faasm_main", "500").await, "124750");
    assert_eq!(output(&server, "faasm_main", "3").await, "3");
}

#[tokio::test]
async fn an_archive_s_own_modules_come_before_those_of_the_library_that_are_not_yet_imported() {
    let server = Server::with_python().await;
    let files = r#"{
        "function.py": "import colorsys, wave, function\n"
            "def faasm_main(): return f'{colorsys.__file__} {wave.MINE} {function.__name__}'\n",
        "wave.py": "MINE = 'mine'",
        "typing.py": "of a package for old versions of Python",
        "backport-1.dist-info/METADATA": "Name: backport",
        "backport-1.dist-info/RECORD": "typing.py,,\nbackport-1.dist-info/METADATA,,\n",
    }"#;
    put(&server, "demo/f", archive(files)).await;
    let expected = "/usr/lib/python3.13/colorsys.py mine function";
    assert_eq!(output(&server, "faasm_main", "").await, expected);
}
