//! Who sees whose writes, and when.

use faasm_testkit::Server;
use futures::future::join_all;
use reqwest::Method;

use super::guest::{marked, run, run_as, set, start, stored};

#[tokio::test]
async fn a_running_faaslet_sees_what_another_stores_without_calling_the_host() {
    let server = start(Server::builder()).await;
    // Each computes until the other has stored: no copy could pass this.
    let pairs = (0..4).map(|n| {
        let ping =
            format!("map 0 box{n} 300000; store 0 70000 1 x; until 0 200000 y; store 0 9 1 z");
        let pong = format!("map 0 box{n} 300000; until 0 70000 x; store 0 200000 1 y; until 0 9 z");
        let server = &server;
        async move {
            let (ping, pong) = tokio::join!(run(server, &ping), run(server, &pong));
            assert_eq!((ping, pong), (String::new(), String::new()));
            let value = stored(server, &format!("demo/box{n}")).await.unwrap();
            assert_eq!(
                (value[9], value[70_000], value[200_000]),
                (b'z', b'x', b'y')
            );
        }
    });
    join_all(pairs).await;
}

#[tokio::test]
async fn the_buffer_calls_and_mappings_see_each_other_at_once() {
    let server = start(Server::builder()).await;
    let waits = "map 0 a 10; until 0 4 x; store 0 5 1 y; until 0 6 z";
    let writes = "writeat a 10 4 x; map 1 a 10; until 1 5 y; read a 10; writeat a 10 6 z";
    let (_, seen) = tokio::join!(run(&server, waits), run(&server, writes));
    assert_eq!(seen, "10 ....xy....\n");
    assert_eq!(
        stored(&server, "demo/a").await.unwrap(),
        "\0\0\0\0xyz\0\0\0"
    );
}

#[tokio::test]
async fn a_value_set_from_outside_reaches_the_next_access_and_no_mapping() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", "first").await;
    let running = "map 0 a 5; map 1 gate 1; mark on; until 1 0 x; load 0 0 5
        store 0 0 5 z; load 0 0 5; read a 6; map 2 a 6; load 2 0 6";
    let running = server.submit("demo/f", running).await;
    marked(&server, "on").await;
    set(&server, "demo/a", "second").await;
    assert_eq!(run(&server, "read a 6").await, "6 second\n");
    run(&server, "map 0 gate 1; store 0 0 1 x").await;
    let seen = server.wait(running).await;
    assert_eq!(seen, "SUCCESS: first\nzzzzz\n6 second\nsecond\n");
    // What was stored in the old value went with it.
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "second");
    assert_eq!(run(&server, "read a 6").await, "6 second\n");
}

#[tokio::test]
async fn a_value_deleted_from_outside_is_gone_for_the_next_access_and_kept_by_mappings() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", "first").await;
    let running =
        "map 0 a 5; map 1 gate 1; mark on; until 1 0 x; load 0 0 5; size a; store 0 0 1 z";
    let running = server.submit("demo/f", running).await;
    marked(&server, "on").await;
    let _ = server
        .stored(Method::DELETE, "/s/demo/a", "")
        .await
        .expect(200);
    assert_eq!(
        run(&server, "size a; map 0 gate 1; store 0 0 1 x").await,
        "0\n"
    );
    assert_eq!(server.wait(running).await, "SUCCESS: first\n0\n");
    assert_eq!(stored(&server, "demo/a").await, None);
}

#[tokio::test]
async fn users_with_the_same_keys_share_nothing() {
    let server = start(Server::builder()).await;
    run(
        &server,
        "write a demos; append l demos; map 0 m 100000; store 0 0 100000 d",
    )
    .await;
    let seen = run_as(
        &server,
        "other/f",
        "size a; read a 5; list l 5 5; size m; map 0 m 100000; load 0 0 5; load 0 99995 5
        write a others; append l others; store 0 0 1 o; pull a 0; push a",
    );
    assert_eq!(seen.await, "0\n0 .....\n.....\n0\n.....\n.....\n");
    let seen = run(&server, "read a 5; list l 6 5; map 0 m 100000; load 0 0 2").await;
    assert_eq!(seen, "5 demos\ndemos.\ndd\n");
    // Locks of one user keep no other out.
    let both = ["demo/f", "other/f"].map(|f| {
        format!(
            "wlock a; glock a; mark on-{}; map 0 gate 1; until 0 0 x",
            &f[..4]
        )
    });
    let ids = [
        server.submit("demo/f", &both[0]).await,
        server.submit("other/f", &both[1]).await,
    ];
    for name in ["demo/on-demo", "other/on-othe"] {
        while stored(&server, name).await.is_none() {
            tokio::task::yield_now().await;
        }
    }
    for (function, id) in ["demo/f", "other/f"].into_iter().zip(ids) {
        run_as(&server, function, "map 0 gate 1; store 0 0 1 x").await;
        assert!(server.wait(id).await.starts_with("SUCCESS: "));
    }
}

#[tokio::test]
async fn writers_of_different_words_do_not_undo_each_other() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", vec![b'.'; 8192]).await;
    let writers = (0..16).map(|n| {
        let script = (0..64).map(|row| format!("store 0 {} 8 {:x};", (row * 16 + n) * 8, n));
        let script = format!("map 0 a 8192; {}", script.collect::<String>());
        let server = &server;
        async move { run(server, &script).await }
    });
    join_all(writers).await;
    let value = stored(&server, "demo/a").await.unwrap();
    for (word, bytes) in value.chunks(8).enumerate() {
        let expected = char::from_digit(u32::try_from(word % 16).unwrap(), 16).unwrap();
        assert!(
            bytes.iter().all(|&byte| char::from(byte) == expected),
            "word {word}: {bytes:?}"
        );
    }
    assert_eq!(run(&server, "size a").await, "8192\n");
}

#[tokio::test]
async fn elements_of_concurrent_appenders_are_neither_mixed_nor_lost() {
    let server = start(Server::builder()).await;
    let appenders = (0..20).map(|n| {
        let script: String = (0..10).map(|i| format!("append log {n:02}-{i};")).collect();
        let server = &server;
        async move { run(server, &script).await }
    });
    join_all(appenders).await;
    let seen = run(&server, "list log 800 200").await;
    let elements: Vec<_> = seen.trim_end().as_bytes().chunks(4).collect();
    assert_eq!(elements.len(), 200);
    for n in 0..20 {
        let own = format!("{n:02}-");
        let of = elements
            .iter()
            .filter(|element| element.starts_with(own.as_bytes()));
        let order: Vec<_> = of.map(|element| element[3]).collect();
        assert_eq!(order, b"0123456789", "of {n}");
    }
}
