//! `faasm py`, and Python in `invoke`, `new` and `up`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::shell::Shell;

const HELLO: &str = "def faasm_main(input):\n    print('Hello,', input.decode() or 'world')\n\n\
                     def other():\n    return 'the other'\n";

fn write(shell: &Shell, path: &str, text: &str) {
    let path = shell.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn files_are_put_called_fetched_listed_inspected_and_removed() {
    let shell = Shell::new().await;
    write(&shell, "hello.py", HELLO);
    let put = shell.run(&["py", "put", "demo", "hello", "hello.py", "--time", "5s"]);
    let put = put.code(0);
    assert!(put.stdout.starts_with(b"demo/hello: "), "{:?}", put.stdout);
    assert!(
        put.stderr
            .contains("next: faasm invoke --python demo hello"),
        "{}",
        put.stderr
    );
    let invoke = ["invoke", "--python", "demo", "hello"];
    assert_eq!(
        shell.run(&[&invoke[..], &["-i", "Ada"]].concat()).ok(),
        "Hello, Ada\n"
    );
    assert_eq!(
        shell
            .run(&[&invoke[..], &["--entry", "other"]].concat())
            .ok(),
        "the other"
    );
    let waited = [&invoke[..], &["--async", "--wait", "--entry", "other"]].concat();
    assert_eq!(shell.run(&waited).ok(), "the other");
    let none = shell
        .run(&[&invoke[..], &["--entry", "none"]].concat())
        .code(1);
    assert!(none.stderr.contains("none"), "{}", none.stderr);
    shell
        .run(&["invoke", "demo", "hello", "--entry", "other"])
        .code(2);
    // It is no module.
    shell.run(&["invoke", "demo", "hello"]).code(4);
    assert_eq!(shell.run(&["func", "ls"]).ok(), "");

    assert_eq!(shell.run(&["py", "get", "demo", "hello"]).ok(), HELLO);
    for args in [&["py", "ls"][..], &["py", "ls", "demo"]] {
        let list = shell.run(args).ok();
        assert!(
            list.starts_with("demo/hello ") && list.lines().count() == 1,
            "{list}"
        );
    }
    let info = shell.run(&["py", "inspect", "demo", "hello", "--format", "json"]);
    assert_eq!(info.code(0).json()["effective_limits"]["time_ms"], 5_000);
    let limits = shell
        .run(&["py", "limits", "demo", "hello", "--memory", "64MiB"])
        .ok();
    assert!(
        limits.contains("64.0 MiB  (the function's own)"),
        "{limits}"
    );
    assert_eq!(
        shell.run(&["py", "rm", "demo", "hello"]).ok(),
        "removed demo/hello\n"
    );
    for verb in ["rm", "get", "inspect", "limits"] {
        let gone = shell.run(&["py", verb, "demo", "hello"]).code(4);
        assert!(
            gone.stderr.contains("Python function demo/hello"),
            "{}",
            gone.stderr
        );
    }
    shell
        .run(&["py", "put", "demo", "hello", "nowhere.py"])
        .code(5);
}

#[tokio::test]
async fn a_syntax_error_is_shown_with_its_line() {
    let shell = Shell::new().await;
    write(&shell, "bad.py", "def faasm_main():\n\treturn = 1\n");
    let put = ["py", "put", "demo", "bad", "bad.py"];
    let bad = shell.run(&put).code(4);
    let excerpt = "bad.py:2\n  2 | \treturn = 1\n    | \t       ^\n";
    assert!(bad.stderr.contains(excerpt), "{}", bad.stderr);
    assert!(bad.stderr.contains("invalid syntax"), "{}", bad.stderr);
    let json = shell
        .run(&[&put[..], &["--format", "json"]].concat())
        .code(4);
    let error: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!(error["error"]["code"], "python_syntax_error");

    write(
        &shell,
        "project/function.py",
        "import helper\ndef faasm_main(:\n",
    );
    let bad = shell.run(&["py", "put", "demo", "bad", "project"]).code(4);
    assert!(
        bad.stderr.contains("project/function.py:2\n"),
        "{}",
        bad.stderr
    );
    write(&shell, "project/function.py", "import helper\n");
    write(&shell, "project/helper.py", "\n\nx = = 1\n");
    let bad = shell.run(&["py", "put", "demo", "bad", "project"]).code(4);
    assert!(
        bad.stderr.contains("project/helper.py:3\n"),
        "{}",
        bad.stderr
    );
}

#[tokio::test]
async fn a_directory_goes_up_as_an_archive_that_is_always_the_same() {
    let shell = Shell::new().await;
    write(
        &shell,
        "project/function.py",
        "import helper\ndef faasm_main(): return helper.word\n",
    );
    write(&shell, "project/helper.py", "word = 'helped'\n");
    write(&shell, "project/data/values.json", "[1]\n");
    for unwanted in [".git/config", ".env", "__pycache__/helper.pyc", "old.pyc"] {
        write(&shell, &format!("project/{unwanted}"), "secret");
    }
    let put = [
        "py", "put", "demo", "project", "project", "--format", "json",
    ];
    let first = shell.run(&put).code(0).json();
    assert_eq!(
        shell.run(&["invoke", "--python", "demo", "project"]).ok(),
        "helped"
    );
    shell
        .run(&["py", "get", "demo", "project", "-o", "project.zip"])
        .ok();
    assert_eq!(
        names(&shell.path().join("project.zip")),
        ["data/values.json", "function.py", "helper.py"]
    );
    // Equal files make equal bytes, whenever they were written.
    let helper = shell.path().join("project/helper.py");
    let file = fs::File::options().append(true).open(helper).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(shell.run(&put).code(0).json()["hash"], first["hash"]);

    write(&shell, "empty/main.py", "");
    let no_main = shell.run(&["py", "put", "demo", "empty", "empty"]).code(5);
    assert!(no_main.stderr.contains("function.py"), "{}", no_main.stderr);
}

#[tokio::test]
async fn packages_of_pure_python_go_with_their_directory() {
    let shell = Shell::new().await;
    wheel(
        &shell,
        "shouting",
        "py3-none-any",
        "def shout(text): return text.upper() + '!'\n",
    );
    wheel(
        &shell,
        "numbers_fast",
        "cp313-cp313-manylinux_2_17_x86_64",
        "",
    );
    let main = "import shouting\ndef faasm_main(input): return shouting.shout(input.decode())\n";
    write(&shell, "project/function.py", main);
    let requirements = "# wheels that the test has made\n--no-index\n--find-links ../wheels\n";
    write(
        &shell,
        "project/requirements.txt",
        &format!("{requirements}shouting==1.0\n"),
    );
    let put = ["py", "put", "demo", "loud", "project"];
    shell.run(&put).ok();
    let called = shell.run(&["invoke", "--python", "demo", "loud", "-i", "hello"]);
    assert_eq!(called.ok(), "HELLO!");

    write(
        &shell,
        "project/requirements.txt",
        &format!("{requirements}numbers_fast\n"),
    );
    let native = shell.run(&put).code(5);
    assert!(
        native.stderr.contains("numbers_fast of pure Python"),
        "{}",
        native.stderr
    );
    assert!(
        native.stderr.contains("native code do not run yet"),
        "{}",
        native.stderr
    );
    write(&shell, "project/shouting.py", "");
    write(
        &shell,
        "project/requirements.txt",
        &format!("{requirements}shouting\n"),
    );
    let conflict = shell.run(&put).code(5);
    assert!(
        conflict.stderr.contains("shouting.py is in the directory"),
        "{}",
        conflict.stderr
    );
}

#[tokio::test]
async fn a_new_project_goes_up_and_a_mistake_in_it_ends_there() {
    let shell = Shell::new().await;
    shell
        .run(&["new", "python", "mine", "--user", "ada", "--name", "greet"])
        .ok();
    assert_eq!(shell.run(&["up", "mine"]).ok(), "Hello, world!\n");
    let invoke = ["invoke", "--python", "ada", "greet", "-i", "Ada"];
    assert_eq!(shell.run(&invoke).ok(), "Hello, Ada!\n");
    write(&shell, "mine/function.py", "def faasm_main(:\n");
    let broken = shell.run(&["up", "mine"]).code(4);
    assert!(
        broken.stderr.contains("1 | def faasm_main(:"),
        "{}",
        broken.stderr
    );
    assert_eq!(shell.run(&invoke).ok(), "Hello, Ada!\n");
    shell.run(&["new", "python", "mine"]).code(5);
}

#[test]
fn the_tests_of_a_new_project_pass_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut new = Command::new(faasm_testkit::binary());
    new.args(["new", "python"]).arg(dir.path().join("mine"));
    assert!(new.output().unwrap().status.success());
    let mut tests = Command::new("python3");
    tests
        .args(["-m", "unittest"])
        .current_dir(dir.path().join("mine"));
    tests.env("PYTHONPATH", root.join("sdk/python"));
    tests.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tests.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Makes a wheel of one module.
fn wheel(shell: &Shell, name: &str, tag: &str, code: &str) {
    let program = "import os, sys, zipfile\nname, tag, code = sys.argv[1:]\n\
        os.makedirs('wheels', exist_ok=True)\ninfo = f'{name}-1.0.dist-info'\n\
        with zipfile.ZipFile(f'wheels/{name}-1.0-{tag}.whl', 'w') as z:\n\
        \x20   z.writestr(f'{name}.py', code)\n\
        \x20   z.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n')\n\
        \x20   z.writestr(f'{info}/WHEEL', f'Wheel-Version: 1.0\\nGenerator: a test\\nRoot-Is-Purelib: true\\nTag: {tag}\\n')\n\
        \x20   z.writestr(f'{info}/RECORD', '')\n";
    let mut python = Command::new("python3");
    python
        .args(["-c", program, name, tag, code])
        .current_dir(shell.path());
    let output = python.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The names of an archive's files.
fn names(archive: &Path) -> Vec<String> {
    let program = "import sys, zipfile; print('\\n'.join(zipfile.ZipFile(sys.argv[1]).namelist()))";
    let output = Command::new("python3")
        .args(["-c", program])
        .arg(archive)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}
