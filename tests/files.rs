//! Shared files, and a call's own, as functions see them.

pub(crate) mod guest;
mod sharing;

use faasm_testkit::Server;

use guest::{fail, got, put, run, start};

#[tokio::test]
async fn a_shared_file_is_at_its_path_and_behind_faasm() {
    let server = start(Server::builder()).await;
    put(&server, "data/x", "hello").await;
    for path in [
        "/data/x",
        "data/x",
        "faasm://data/x",
        "/data/../data/./x",
        "faasm://data/../data/x",
        "/tmp/faasm://data/x",
    ] {
        assert_eq!(
            run(&server, &format!("cat {path}")).await,
            "hello\n",
            "{path}"
        );
    }
    let seen = run(
        &server,
        "stat /data/x; stat /data; ls /data; ls faasm://; ls /",
    )
    .await;
    assert_eq!(seen, "file 5\ndirectory 0\nx\ndata\ndata tmp\n");
    assert_eq!(
        run(&server, "open 1 data/x r; map 1 5").await,
        "ok\nhello\n"
    );
}

#[tokio::test]
async fn what_a_call_writes_at_a_path_is_its_own_and_gone_with_it() {
    let server = start(Server::builder()).await;
    put(&server, "data/x", "shared").await;
    let script = "put data/x a +mine; cat data/x; cat faasm://data/x; put data/new w 1; \
                  rm data/x; ls data; ls faasm://data; mkdir d; put d/y w 2; ls /";
    assert_eq!(
        run(&server, script).await,
        "ok\nshared+mine\nshared\nok\nok\nnew\nx\nok\nok\nd data tmp\n"
    );
    assert_eq!(
        run(&server, "cat data/x; ls data; ls /").await,
        "shared\nx\ndata tmp\n"
    );
    assert_eq!(got(&server, "data/x").await.unwrap(), "shared");
}

#[tokio::test]
async fn writing_behind_faasm_is_stored_at_close() {
    let server = start(Server::builder()).await;
    put(&server, "data/x", "old").await;
    let script = "open 1 faasm://data/x w; write 1 new; cat faasm://data/x; read 1; close 1; \
                  cat faasm://data/x; cat data/x";
    assert_eq!(
        run(&server, script).await,
        "ok\nok\nold\nnew\nok\nnew\nnew\n"
    );
    assert_eq!(got(&server, "data/x").await.unwrap(), "new");
    // Over what was there, behind it, and where there was nothing, not even a directory.
    let script = "put faasm://data/x r+ N; put faasm://data/x a er; mkdir faasm://d; \
                  mkdir faasm://d/e; put faasm://d/e/y w deep";
    assert_eq!(run(&server, script).await, "ok\nok\nok\nok\nok\n");
    assert_eq!(got(&server, "data/x").await.unwrap(), "Newer");
    assert_eq!(got(&server, "d/e/y").await.unwrap(), "deep");
}

#[tokio::test]
async fn a_descriptor_s_duplicate_shares_its_position_and_keeps_the_file_open() {
    let server = start(Server::builder()).await;
    let script = "open 1 faasm://x w; dup 1 2; write 1 a; write 2 b; close 1; cat faasm://x; \
                  write 2 c; close 2; cat faasm://x";
    let seen = run(&server, script).await;
    assert_eq!(seen, "ok\nok\nok\nok\nok\nENOENT\nok\nok\nabc\n");
}

#[tokio::test]
async fn names_of_shared_files_change_at_once() {
    let server = start(Server::builder()).await;
    put(&server, "data/x", "1").await;
    put(&server, "data/y", "2").await;
    let script = "mv faasm://data/x faasm://data/z; ls faasm://data; mv faasm://data/z \
                  faasm://data/y; cat data/y; rm faasm://data/y; rm faasm://data/y; ls faasm://";
    assert_eq!(run(&server, script).await, "ok\ny z\nok\n1\nok\nENOENT\n\n");
    let script = "mkdir faasm://d; mkdir faasm://d; put faasm://d/x w 1; rmdir faasm://d; \
                  mv faasm://d faasm://e; rm faasm://d; rm faasm://d/x; ls faasm://; rmdir faasm://d; ls faasm://";
    assert_eq!(
        run(&server, script).await,
        "ok\nEEXIST\nok\nENOTEMPTY\nEXDEV\nEISDIR\nok\nd\nok\n\n"
    );
    let script = "put x w own; mv x faasm://x; mkdir faasm://no/where; put faasm://no/where w 1; \
                  put faasm://y w 1; put faasm://y/z w 1; mkdir faasm://y/z";
    assert_eq!(
        run(&server, script).await,
        "ok\nEXDEV\nENOENT\nENOENT\nok\nENOTDIR\nENOTDIR\n"
    );
}

#[tokio::test]
async fn a_name_that_cannot_be_stored_is_refused_when_it_is_opened() {
    let server = start(Server::builder()).await;
    let long = "n".repeat(256);
    let deep = "d/".repeat(600);
    let script = format!(
        "put faasm://a\tb w 1; mkdir faasm://a\u{7f}; put faasm://{long} w 1; cat faasm://a\tb; \
         cat faasm://{deep}x; put faasm://ü w 1"
    );
    let seen = run(&server, &script).await;
    assert_eq!(seen, "EINVAL\nEINVAL\nENAMETOOLONG\nENOENT\nENOENT\nok\n");
    assert_eq!(got(&server, "%C3%BC").await.unwrap(), "1");
}

#[tokio::test]
async fn what_is_open_at_the_end_is_stored_if_the_function_returns_0() {
    let server = start(Server::builder()).await;
    let _ = run(&server, "open 1 faasm://returned w; write 1 x").await;
    let _ = run(&server, "open 1 faasm://exited w; write 1 x; exit 0").await;
    for (name, end) in [("status", "return 3"), ("exit", "exit 1"), ("trap", "trap")] {
        let open = format!("open 1 faasm://open-{name} w; write 1 x");
        let script = format!("{open}; put faasm://closed-{name} w y; {end}");
        let _ = fail(&server, &script).await;
    }
    assert_eq!(
        run(&server, "ls faasm://").await,
        "closed-exit closed-status closed-trap exited returned\n"
    );
}

#[tokio::test]
async fn no_path_leaves_the_tree() {
    let server = start(Server::builder()).await;
    put(&server, "x", "1").await;
    let secret = server.data_dir().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    for prefix in [
        "",
        "/",
        "faasm://",
        "faasm:///",
        "/../../",
        "faasm://../../",
        "../../../../",
    ] {
        for path in [
            "etc/passwd",
            "secret",
            "../secret",
            "objects",
            "x/../../secret",
        ] {
            let script = format!("cat {prefix}{path}; ls {prefix}{path}");
            let seen = run(&server, &script).await;
            assert!(
                ["ENOENT\nENOENT\n", "ENOTDIR\nENOTDIR\n"].contains(&seen.as_str()),
                "{prefix}{path}: {seen}"
            );
        }
        let absolute = format!("cat {prefix}{}", secret.display());
        assert_eq!(run(&server, &absolute).await, "ENOENT\n");
    }
}

#[tokio::test]
async fn a_file_becomes_state() {
    let server = start(Server::builder()).await;
    put(&server, "data/x", "value").await;
    assert_eq!(run(&server, "state faasm://data/x").await, "5\n");
    let answer = server
        .stored(reqwest::Method::GET, "/s/demo/value", "")
        .await;
    assert_eq!(answer.expect(200).text(), "value");
}
