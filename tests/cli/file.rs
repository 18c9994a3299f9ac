//! `faasm file`: one file at a time.

use super::shell::Shell;

#[tokio::test]
async fn files_are_put_fetched_listed_and_removed() {
    let shell = Shell::new().await;
    let bytes = b"\0\xff binary \n\n".repeat(100_000);
    std::fs::write(shell.path().join("model.bin"), &bytes).unwrap();
    let put = shell
        .run(&["file", "put", "model.bin", "models/v1.bin"])
        .ok();
    let opening = format!("models/v1.bin: {} bytes, hash ", bytes.len());
    assert!(
        put.starts_with(&opening) && put.lines().count() == 1,
        "{put}"
    );
    for spelling in ["models/v1.bin", "/models/v1.bin", "faasm://models/v1.bin"] {
        let get = shell.run(&["file", "get", spelling]).code(0);
        assert!(get.stdout == bytes, "{spelling}");
    }
    let saved = ["file", "get", "models/v1.bin", "copy", "--format", "json"];
    let saved = shell.run(&saved).code(0).json();
    assert_eq!(saved["size"], bytes.len());
    assert!(put.contains(saved["hash"].as_str().unwrap()), "{saved}");
    shell.run(&["file", "get", "models/v1.bin", "."]).ok();
    for copy in ["copy", "v1.bin"] {
        assert!(std::fs::read(shell.path().join(copy)).unwrap() == bytes);
    }

    assert_eq!(
        shell.run(&["file", "put", "echo.c", "sources/"]).code,
        0,
        "a slash takes the file's own name"
    );
    let piped = shell.run_with(&["file", "put", "-", "odd names/?#% ä"], b"piped");
    assert!(piped.ok().contains("5 bytes"));
    assert_eq!(
        shell.run(&["file", "get", "odd names/?#% ä", "-"]).ok(),
        "piped"
    );
    let names = |args: &[&str]| -> Vec<String> {
        let list = shell.run(&[&["file", "ls"][..], args].concat()).ok();
        let names = list.lines().map(|line| line.split("  ").next().unwrap());
        names.map(|name| name.trim_end().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["models/", "odd names/", "sources/"]);
    assert_eq!(names(&["models"]), ["models/v1.bin"]);
    assert_eq!(names(&["models/v1.bin"]), ["models/v1.bin"]);
    let all = ["models/v1.bin", "odd names/?#% ä", "sources/echo.c"];
    assert_eq!(names(&["-r"]), all);
    assert_eq!(names(&["-r", "faasm://models/"]), all[..1]);
    let json = shell
        .run(&["file", "ls", "--format", "json"])
        .code(0)
        .json();
    let models = &json["entries"][0];
    assert_eq!(
        (&models["path"], &models["kind"]),
        (&"models".into(), &"directory".into())
    );

    // A file that says that it is empty, as those of the kernel do.
    shell.run(&["file", "put", "/proc/version", "v"]).ok();
    let version = shell.run(&["file", "get", "v"]).code(0).stdout;
    assert_eq!(version, std::fs::read("/proc/version").unwrap());
    shell.run(&["file", "rm", "v"]).ok();

    let removed = shell.run(&["file", "rm", "models/v1.bin"]).ok();
    assert_eq!(removed, "removed models/v1.bin\n");
    for verb in ["rm", "get", "ls"] {
        let gone = shell.run(&["file", verb, "models/v1.bin"]).code(4);
        assert!(
            gone.stdout.is_empty()
                && gone.stderr.contains("models/v1.bin")
                && gone.stderr.contains("`faasm file ls`"),
            "{}",
            gone.stderr
        );
    }
    let removed = shell.run(&["file", "rm", "-r", "sources"]).ok();
    assert_eq!(removed, "removed sources: 1 file\n");
    assert_eq!(names(&[]), ["odd names/"]);
}

#[tokio::test]
async fn what_cannot_be_done_with_a_file_is_said() {
    let shell = Shell::new().await;
    std::fs::create_dir(shell.path().join("dir")).unwrap();
    shell.run(&["file", "put", "echo.c", "d/x"]).ok();
    for (args, word) in [
        (&["put", "dir", "x"][..], "-r"),
        (&["put", "-", "d/"], "d is a directory"),
        (&["put", "echo.c", "a//b"], "both sides of each /"),
        (&["put", "echo.c", "../x"], ".."),
        (&["put", "echo.c", ""], "empty"),
        (&["rm", "d/x/"], "d/x/ stands for a directory"),
        (&["put", "echo.c"], "REMOTE"),
        (&["get", "d"], "-r"),
        (&["get", "-r", "d"], "a place"),
        (&["get", "d/x", "--format", "json"], "file"),
        (&["rm", "d"], "-r"),
        (&["rm", "-r", "/"], "always there"),
    ] {
        let wrong = shell.run(&[&["file"], args].concat()).code(2);
        assert!(
            wrong.stdout.is_empty() && wrong.stderr.contains(word),
            "{args:?}: {}",
            wrong.stderr
        );
    }
    for (args, word) in [
        (&["put", "nowhere", "x"][..], "nowhere"),
        (&["get", "d/x", "no/such/place"], "no/such/place"),
        (&["get", "d/x", "dir/"], ""),
    ] {
        let code = if word.is_empty() { 0 } else { 5 };
        let local = shell.run(&[&["file"], args].concat()).code(code);
        assert!(local.stderr.contains(word), "{args:?}: {}", local.stderr);
    }
    // A file where the server has a directory, and the other way round.
    for place in ["d", "d/x/y"] {
        let refused = shell.run(&["file", "put", "echo.c", place]).code(4);
        assert!(refused.stderr.contains(place), "{}", refused.stderr);
    }
    assert_eq!(shell.run(&["file", "get", "d/x"]).code(0).stdout, {
        std::fs::read(shell.path().join("echo.c")).unwrap()
    });
}
