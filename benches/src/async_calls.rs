//! `async`: durable asynchronous calls accepted a second.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use faasm_testkit::{Server, wat_noop};
use redb::{Database, TableDefinition};

use crate::effort::Effort;
use crate::load::wrk;
use crate::report::{Figure, Report};

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("calls");

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let seconds = effort.seconds;
    let server = Server::builder()
        .args(["--max-queued", "10000000"])
        .start()
        .await;
    server.put("demo/noop", wat_noop()).await;
    let url = format!("{}/invoke/demo/noop?async=true", server.invoke);
    let load =
        tokio::task::spawn_blocking(move || wrk(&url, "0123456789abcdef", seconds)).await??;
    drop(server);
    let bare = tokio::task::spawn_blocking(move || bare_loop(seconds)).await??;
    let figure = Figure::higher("calls accepted", load.rate, "/s");
    report.add(figure.beside("a bare redb loop", bare));
    report.add(Figure::lower("latency, p50", load.p50_us / 1e3, "ms"));
    report.add(Figure::lower("latency, p99", load.p99_us / 1e3, "ms"));
    report.note("the redb loop: 64 writers, group commit, no HTTP, no call");
    if !load.errors.is_empty() {
        report.note(load.errors);
    }
    Ok(())
}

/// 64 threads that each wait for their record to be durable before the next, and one
/// that commits whatever has come.
fn bare_loop(seconds: f64) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let database = Database::create(dir.path().join("bare.redb"))?;
    let (queue, records) = mpsc::channel::<mpsc::Sender<()>>();
    let deadline = Instant::now() + Duration::from_secs_f64(seconds);
    for _ in 0..64 {
        let queue = queue.clone();
        std::thread::spawn(move || {
            while Instant::now() < deadline {
                let (done, durable) = mpsc::channel();
                if queue.send(done).is_err() || durable.recv().is_err() {
                    return;
                }
            }
        });
    }
    drop(queue);
    let (begun, mut count) = (Instant::now(), 0u64);
    while let Ok(first) = records.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(records.try_iter()).collect();
        let write = database.begin_write()?;
        {
            let mut table = write.open_table(TABLE)?;
            for _ in &batch {
                count += 1;
                table.insert(count, &[0u8; 64][..])?;
            }
        }
        write.commit()?;
        for done in batch {
            let _ = done.send(());
        }
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}
