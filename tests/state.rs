//! State as functions see it: every import of the host interface's group "State".

mod endings;
pub(crate) mod guest;
mod sharing;

use faasm_testkit::Server;
use reqwest::Method;

use guest::{fail, run, set, start, stored};

#[tokio::test]
async fn a_missing_key_has_size_0_and_reads_as_zeros_until_a_mapping_makes_it() {
    let server = start(Server::builder()).await;
    let seen = run(&server, "size a; read a 4; readat a 10 2 4; size a").await;
    assert_eq!(seen, "0\n0 ....\n....\n0\n");
    assert_eq!(stored(&server, "demo/a").await, None);
    assert_eq!(run(&server, "map 0 a 8; load 0 0 8").await, "........\n");
    assert_eq!(stored(&server, "demo/a").await.unwrap(), [0; 8][..]);
    assert_eq!(run(&server, "size a").await, "8\n");
}

#[tokio::test]
async fn an_empty_value_is_there_and_has_size_0() {
    let server = start(Server::builder()).await;
    assert_eq!(
        run(&server, "write a ; size a; read a 3").await,
        "0\n0 ...\n"
    );
    assert_eq!(stored(&server, "demo/a").await.unwrap(), b""[..]);
    set(&server, "demo/a", "text").await;
    assert_eq!(
        run(&server, "read a 4; write a ; size a").await,
        "4 text\n0\n"
    );
    assert_eq!(stored(&server, "demo/a").await.unwrap(), b""[..]);
}

#[tokio::test]
async fn a_value_is_copied_whole_and_in_parts() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", "abcdef").await;
    for (script, seen) in [
        ("size a", "6\n"),
        ("read a 3", "6 abc\n"),
        ("read a 0", "6 \n"),
        ("read a 8", "6 abcdef..\n"),
        ("readat a 6 2 3", "cde\n"),
        ("readat a 6 6 0", "\n"),
        ("readat a 9 4 5", "ef...\n"),
    ] {
        assert_eq!(run(&server, script).await, seen, "{script}");
    }
    // The same size, another one, a part, and a part that makes the value larger.
    for (script, value) in [
        ("write a ABCDEF", "ABCDEF"),
        ("write a xyz", "xyz"),
        ("writeat a 3 1 Y", "xYz"),
        ("writeat a 2 0 X", "XYz"),
        ("writeat a 7 5 !", "XYz\0\0!\0"),
        ("writeat b 4 1 new", "XYz\0\0!\0"),
        ("writeat a 7 7 ", "XYz\0\0!\0"),
    ] {
        let seen = run(&server, &format!("{script}; read a {}", value.len())).await;
        let shown = value.replace('\0', ".");
        assert_eq!(seen, format!("{} {shown}\n", value.len()), "{script}");
        assert_eq!(stored(&server, "demo/a").await.unwrap(), value, "{script}");
    }
    assert_eq!(stored(&server, "demo/b").await.unwrap(), "\0new");
}

#[tokio::test]
async fn a_file_becomes_a_value() {
    let server = start(Server::builder()).await;
    assert_eq!(run(&server, "file a 5 x; read a 5").await, "5\n5 xxxxx\n");
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "xxxxx");
    assert_eq!(run(&server, "file a 0 x; size a").await, "0\n0\n");
    // More than is copied at once, and larger than before.
    let seen = run(&server, "file a 3000001 y; readat a 3000001 2999999 2").await;
    assert_eq!(seen, "3000001\nyy\n");
    let value = stored(&server, "demo/a").await.unwrap();
    assert!(value.len() == 3_000_001 && value.iter().all(|&byte| byte == b'y'));
}

#[tokio::test]
async fn a_larger_total_extends_a_value_and_a_smaller_one_maps_its_beginning() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", "abcdef").await;
    assert_eq!(
        run(&server, "map 0 a 3; load 0 0 3; size a").await,
        "abc\n6\n"
    );
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "abcdef");
    assert_eq!(
        run(&server, "map 0 a 9; load 0 0 9; size a").await,
        "abcdef...\n9\n"
    );
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "abcdef\0\0\0");
    // Over the borders of pages and chunks, and while a smaller one is mapped and written.
    let grows = "map 0 a 9; store 0 8 1 i; map 1 a 200000; load 1 6 4; store 1 199999 1 z;
        store 0 7 1 h; load 1 7 1; size a";
    assert_eq!(run(&server, grows).await, "..i.\nh\n200000\n");
    let value = stored(&server, "demo/a").await.unwrap();
    assert_eq!((&value[..10], value[199_999]), (&b"abcdef\0hi\0"[..], b'z'));
    assert!(value[9..199_999].iter().all(|&byte| byte == 0));
}

#[tokio::test]
async fn the_same_key_or_part_is_always_at_the_same_address() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", vec![b'a'; 300_000]).await;
    let seen = run(
        &server,
        "map 0 a 300000; map 1 a 300000; distance 0 1; map 2 a 10; distance 0 2
        mapat 3 a 300000 123456 1000; distance 0 3; mapat 4 a 300000 299999 1; distance 0 4",
    )
    .await;
    assert_eq!(seen, "0\n0\n123456\n299999\n");
    // A part first: it can be asked for again, and the whole is beside it.
    let seen = run(
        &server,
        "mapat 0 a 300000 123456 1000; mapat 1 a 300000 123500 100; distance 0 1
        mapat 2 a 300000 123456 1000; distance 0 2; map 3 a 300000
        store 0 5 1 x; load 3 123461 1; store 3 123462 1 y; load 0 6 1",
    )
    .await;
    assert_eq!(seen, "44\n0\nx\ny\n");
    let value = stored(&server, "demo/a").await.unwrap();
    assert_eq!(&value[123_460..123_464], b"axya");
}

#[tokio::test]
async fn memory_that_is_taken_after_a_mapping_lies_elsewhere() {
    let server = start(Server::builder()).await;
    let seen = run(
        &server,
        "map 0 a 100000; store 0 0 100000 a; claim 3000000 x; map 1 b 70000
        store 1 0 70000 b; claim 5000000 y; grow 20; map 2 a 150000
        load 0 99998 2; load 1 69998 2; load 2 99998 4",
    )
    .await;
    assert_eq!(seen, "aa\nbb\naa..\n");
    let value = stored(&server, "demo/a").await.unwrap();
    assert!(value[..100_000].iter().all(|&byte| byte == b'a'));
    assert!(value[100_000..].iter().all(|&byte| byte == 0));
}

#[tokio::test]
async fn elements_are_appended_in_order_and_are_apart_from_the_value() {
    let server = start(Server::builder()).await;
    let seen = run(
        &server,
        "list a 3 5; append a one; append a ; append a three; size a
        list a 8 2; list a 8 3; list a 10 9; list a 0 0",
    )
    .await;
    assert_eq!(seen, "...\n0\none.....\nonethree\nonethree..\n\n");
    assert_eq!(stored(&server, "demo/a").await, None);
    // They are there at once, also when the call fails later.
    let _ = fail(&server, "append a four; trap").await;
    let elements = server.stored(Method::GET, "/s/demo/a/elements", "");
    let elements = elements.await.expect(200).json();
    let expected = ["b25l", "", "dGhyZWU=", "Zm91cg=="];
    assert_eq!(elements["elements"], serde_json::json!(expected));
    let (code, message) = fail(&server, "list a 7 3").await;
    assert_eq!(code, "trap");
    assert!(
        message.contains("do not fit the buffer of 7 bytes"),
        "{message}"
    );
    set(&server, "demo/a", "value").await;
    assert_eq!(
        run(&server, "clear a; list a 4 9; read a 5").await,
        "....\n5 value\n"
    );
}

#[tokio::test]
async fn a_push_is_durable_before_the_call_ends_and_a_pull_takes_it_back() {
    let server = start(Server::builder()).await;
    for push in ["push", "partial"] {
        set(&server, "demo/a", "aaaa").await;
        let _ = fail(
            &server,
            &format!("writeat a 4 1 b; {push} a; writeat a 4 2 c; trap"),
        )
        .await;
        assert_eq!(stored(&server, "demo/a").await.unwrap(), "abaa");
        assert_eq!(run(&server, "read a 4").await, "4 abca\n");
        assert_eq!(
            run(&server, "map 0 a 4; pull a 4; load 0 0 4; read a 4").await,
            "abaa\n4 abaa\n"
        );
        // What was stored through a mapping is found, flagged or not.
        for flag in ["", "dirty a 4;", "dirtyat a 4 3 1;"] {
            set(&server, "demo/a", "aaaa").await;
            let script = format!("map 0 a 4; store 0 3 1 d; {flag} {push} a; store 0 0 1 x; trap");
            let _ = fail(&server, &script).await;
            assert_eq!(stored(&server, "demo/a").await.unwrap(), "aaad");
        }
    }
    // Of what nobody has there is nothing to push or pull.
    assert_eq!(
        run(&server, "push none; partial none; pull none 0; size none").await,
        "0\n"
    );
}

#[tokio::test]
async fn a_mask_says_which_bytes_are_pushed() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", "aaaa").await;
    set(&server, "demo/mask", &b"\0\x01\xff\0"[..]).await;
    let _ = fail(&server, "map 0 a 4; store 0 0 4 b; mask a mask; trap").await;
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "abba");
    // The rest is still to be pushed, by whoever pushes.
    assert_eq!(run(&server, "read a 4; push a").await, "4 bbbb\n");
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "bbbb");
    for mask in ["none", "long"] {
        set(&server, "demo/long", "12345").await;
        let (code, message) = fail(&server, &format!("mask a {mask}")).await;
        assert_eq!(code, "trap", "{message}");
        assert!(message.contains("the mask has"), "{message}");
    }
}

#[tokio::test]
async fn a_call_that_changes_no_state_makes_no_durable_commit() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", vec![b'a'; 200_000]).await;
    let commits = "faasm_state_commits_total";
    let reads = "size a; read a 200000; readat a 200000 5 5; map 0 a 200000; load 0 0 9
        mapat 1 a 200000 4096 9; rlock a; runlock a; wlock a; wunlock a; dirty a 9
        list a 5 5; push a; pull a 9; writeat a 200000 0 a; store 0 7 1 a; read none 5";
    run(&server, reads).await;
    let before = server.metric(commits, "").await;
    for _ in 0..10 {
        run(&server, reads).await;
        let _ = fail(&server, &format!("{reads}; write a lost; trap")).await;
        run(&server, "pull a 0").await;
    }
    assert_eq!(server.metric(commits, "").await, before);
    run(&server, "writeat a 200000 0 b").await;
    let after = server.metric(commits, "").await;
    assert!(before > 0.0 && after > before, "{before}, then {after}");
}
