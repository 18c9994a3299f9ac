//! What worlds take of the memory budget.

use std::time::Duration;

use faasm_testkit::Server;
use reqwest::Method;

use super::{failed, nothing_runs, submit, with_part, world};

/// What a world may keep on the host is bounded and charged; when it is over nothing is left.
#[tokio::test]
async fn what_a_world_keeps_on_the_host_is_charged_to_the_memory_budget() {
    let server = Server::start().await;
    let part = r#"
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
        char key[16], value[1000];
        memset(value, 'v', sizeof value - 1);
        value[sizeof value - 1] = 0;
        MPI_Info info;
        MPI_Info_create(&info);
        int code = 0;
        for (int i = 0; code == 0 && i < 20000; i++) {
            snprintf(key, sizeof key, "%d", i);
            code = MPI_Info_set(info, key, value);
        }
        if (code != 0) exit(code);
        printf("full\n");
        if (rank == 0) { char c; while (read(0, &c, 1) > 0) {} sleep(2); }
        MPI_Barrier(MPI_COMM_WORLD);"#;
    let declared = format!(
        "extern unsigned sleep(unsigned); extern long read(int, void *, unsigned long); {part}"
    );
    server.put("demo/keeping", with_part(&declared)).await;
    let id = submit(&server, "demo/keeping", 2).await;
    // 20,000 entries of a kilobyte each, twice.
    let kept = 2.0 * 20_000.0 * 1000.0;
    while server.metric("faasm_memory_budget_used_bytes", "").await < kept {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ended = server.wait(id).await;
    assert!(ended.starts_with("SUCCESS"), "{ended}");
    nothing_runs(&server).await;
    while server.metric("faasm_memory_budget_used_bytes", "").await > 1e6 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_memory_of_a_world_is_charged_whole_or_not_at_all() {
    let args = ["--memory-budget", "64MiB"];
    let server = Server::builder().args(args).start().await;
    let module = |pages: u32| {
        format!(r#"(module (memory (export "memory") {pages}) (func (export "_start")))"#)
    };
    // 8 ranks of 4 MiB fit, 8 of 16 MiB never will.
    server.put("demo/small", module(64)).await;
    server.put("demo/large", module(256)).await;
    let _ = world(&server, "demo/small", 8).await.expect(200);
    let failed = failed(&world(&server, "demo/large", 8).await);
    assert_eq!(failed.status, 500);
    let says = "memory_limit: memory budget: the 8 ranks start with 134217728 bytes of memory";
    assert!(failed.reason.starts_with(says), "{}", failed.reason);
    // Worlds that do not fit beside each other do not get in each other's way.
    let many = (0..12).map(|_| submit(&server, "demo/small", 12));
    for id in futures::future::join_all(many).await {
        let ended = server.wait(id).await;
        assert!(ended.starts_with("SUCCESS"), "{ended}");
    }
    nothing_runs(&server).await;
}

#[tokio::test]
async fn a_world_that_finds_too_little_memory_can_be_tried_again() {
    let args = ["--memory-budget", "64MiB"];
    let server = Server::builder().args(args).start().await;
    let spin = r#"(module (memory (export "memory") 512)
        (func (export "_start") (loop $more (br $more))))"#;
    server.put("demo/spin", spin).await;
    let small = r#"(module (memory (export "memory") 64) (func (export "_start")))"#;
    server.put("demo/small", small).await;
    let id = server.submit("demo/spin", "").await;
    while server.metric("faasm_faaslets_live", "").await < 1.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let before = server.metric("faasm_memory_budget_used_bytes", "").await;
    let answer = world(&server, "demo/small", 12).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(
        server.metric("faasm_memory_budget_used_bytes", "").await,
        before
    );
    let url = format!("{}/calls/{id}", server.invoke);
    let _ = server.request(Method::DELETE, &url, "").await;
    nothing_runs(&server).await;
}
