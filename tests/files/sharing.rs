//! Calls that use the same shared files at the same time.

use faasm_testkit::Server;

use super::guest::{appears, fail, got, put, run, start};

#[tokio::test]
async fn a_replaced_file_is_seen_by_the_next_open_and_an_open_one_stays_as_it_was() {
    let server = start(Server::builder()).await;
    put(&server, "x", "old").await;
    let script = "open 1 x r; open 2 faasm://x r; put faasm://open w 1; await faasm://replaced; \
                  read 1; read 2; cat x; cat faasm://x";
    let reader = run(&server, script);
    let writer = async {
        appears(&server, "open").await;
        put(&server, "x", "newer").await;
        put(&server, "replaced", "").await;
    };
    let (seen, ()) = tokio::join!(reader, writer);
    assert_eq!(seen, "ok\nok\nok\nok\nold\nold\nnewer\nnewer\n");
}

#[tokio::test]
async fn a_deleted_file_can_be_read_by_who_has_it_open() {
    let server = start(Server::builder()).await;
    put(&server, "x", "here").await;
    let script = "open 1 x r; rm faasm://x; read 1; cat faasm://x; cat x";
    assert_eq!(run(&server, script).await, "ok\nok\nhere\nENOENT\nENOENT\n");
}

#[tokio::test]
async fn of_several_writers_the_last_to_close_wins() {
    let server = start(Server::builder()).await;
    let first = run(
        &server,
        "open 1 faasm://x w; write 1 first; put faasm://a w 1; await faasm://b; close 1",
    );
    let second = run(
        &server,
        "await faasm://a; open 1 faasm://x w; write 1 2nd; close 1; cat faasm://x; put faasm://b w 1",
    );
    let (_, second) = tokio::join!(first, second);
    assert_eq!(second, "ok\nok\nok\nok\n2nd\nok\n");
    assert_eq!(got(&server, "x").await.unwrap(), "first");
}

#[tokio::test]
async fn readers_see_whole_versions_while_others_write() {
    let server = start(Server::builder()).await;
    let size = 300_000;
    let write = |letter: &str| format!("put faasm://x w {}", letter.repeat(size));
    let _ = run(&server, &write("a")).await;
    let writers = async {
        for letter in ["b", "c", "d", "e", "f", "g"] {
            let _ = run(&server, &write(letter)).await;
        }
    };
    let readers = async {
        for _ in 0..30 {
            let seen = run(&server, "cat x").await;
            let first = seen.chars().next().unwrap();
            assert_eq!(seen.len(), size + 1);
            assert!(seen.trim_end().chars().all(|letter| letter == first));
        }
    };
    tokio::join!(writers, readers);
}

#[tokio::test]
async fn scratch_files_go_on_on_disk_up_to_their_limit() {
    let limits = ["--max-scratch", "8MiB", "--max-scratch-memory", "1MiB"];
    let server = start(Server::builder().args(limits)).await;
    let script = "open 1 big w; fill 1 6000000; seek 1 5999999; cat big; stat big";
    let seen = run(&server, script).await;
    assert!(seen.starts_with("ok\nok\n5999999\nxxx"), "{}", &seen[..20]);
    assert!(seen.ends_with("\nfile 6000000\n"));
    let script = "open 1 big w; fill 1 9000000; rm big; close 1; open 1 big w; fill 1 7000000";
    assert_eq!(run(&server, script).await, "ok\nENOSPC\nok\nok\nok\nok\n");
    assert_eq!(
        server.metric("faasm_memory_budget_used_bytes", "").await,
        0.0
    );
}

#[tokio::test]
async fn what_is_too_much_for_the_shared_files_is_refused_at_close() {
    let limits = [
        "--max-file",
        "1MiB",
        "--max-file-bytes",
        "3MiB",
        "--max-files",
        "4",
    ];
    let server = start(Server::builder().args(limits)).await;
    let script = "open 1 faasm://x w; fill 1 1048577; close 1; open 1 faasm://x w; fill 1 1048576; \
                  close 1; ls faasm://";
    assert_eq!(run(&server, script).await, "ok\nok\nEFBIG\nok\nok\nok\nx\n");
    let script = "open 1 faasm://y w; fill 1 1048576; close 1; open 1 faasm://z w; fill 1 1048576; \
                  close 1; put faasm://w w 1; put faasm://v w; put faasm://u w";
    let seen = run(&server, script).await;
    assert_eq!(seen, "ok\nok\nok\nok\nok\nok\nEDQUOT\nok\nEDQUOT\n");
    // What is stored at the end of the call has nobody else to tell.
    let (code, message) = fail(&server, "open 1 faasm://u w; write 1 x").await;
    assert_eq!(code, "file_failed");
    assert!(message.contains("u: "), "{message}");
}

#[tokio::test]
async fn a_million_opens_leave_nothing_behind() {
    let server = start(Server::builder().args(["--max-time", "10m"])).await;
    put(&server, "x", "1").await;
    let _ = run(&server, "churn x 1000; churn faasm://x 1000").await;
    let (open, memory) = (open_files(&server), server.rss());
    let times = if crate::is_long() { 1_000_000 } else { 100_000 };
    let script = format!("churn x {times}; churn faasm://x {times}");
    assert_eq!(run(&server, &script).await, "ok\nok\n");
    assert!(open_files(&server) <= open + 2);
    // Less than a byte for each.
    assert!(server.rss() < memory + (4 << 20));
}

fn open_files(server: &Server) -> usize {
    let path = format!("/proc/{}/fd", server.pid());
    std::fs::read_dir(path).unwrap().count()
}
