//! `memory`: resident memory of the idle server and of each live Faaslet.

use std::time::Duration;

use faasm_testkit::Server;

use crate::load::Process;
use crate::report::{Figure, Report};

/// Live Faaslets; all of one user, who gets half of what may run.
const COUNT: u32 = 1_000;

/// Like the bare guest: touches a page, then waits.
const SLEEP: &str = r#"(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (i64.store (i32.const 1048) (i64.const 3600000000000))
    (i32.store (i32.const 1040) (i32.const 1))
    (drop (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 3000)))))"#;

pub async fn run(report: &mut Report) -> anyhow::Result<()> {
    let server = Server::builder()
        .args(["--max-faaslets", "8192", "--max-time", "1h"])
        .start()
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let idle = server.rss();
    server.put("demo/sleep", SLEEP).await;
    // One call first: what it allocates for good is not a Faaslet's.
    server.submit("demo/sleep", "").await;
    wait_for_live(&server, 1).await;
    let one = server.rss();
    for _ in 1..=COUNT {
        server.submit("demo/sleep", "").await;
    }
    wait_for_live(&server, COUNT + 1).await;
    let each = server.rss().saturating_sub(one) / u64::from(COUNT);
    let (_peer, bare) = Process::start_self(&["bare-instances", &COUNT.to_string()])?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    report.add(Figure::lower("idle server", mib(idle), "MiB").goal(60.0));
    let figure = Figure::lower("a live no-op Faaslet", kib(each), "KiB").goal(24.0);
    report.add(figure.beside("a bare suspended instance", kib(bare.parse()?)));
    report.note(format!(
        "live: each of {COUNT} that wait in a host call, with their calls' records and tasks"
    ));
    Ok(())
}

/// Waits until so many Faaslets are live.
pub async fn wait_for_live(server: &Server, count: u32) {
    while server.metric("faasm_faaslets_live", "").await < f64::from(count) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
