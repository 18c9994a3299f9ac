//! `fairness`: latency of a no-op over HTTP while functions of other users compute.

use std::time::{Duration, Instant};

use faasm_testkit::{Server, c, wat_noop};

use crate::effort::Effort;
use crate::report::{Figure, Report};
use crate::stats::Latencies;

const SPIN: &str = "int main(void) { for (volatile unsigned i = 0;; i++) {} }";

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let server = Server::builder()
        .args(["--max-time", "10m", "--max-faaslets", "8192"])
        .start()
        .await;
    server.put("demo/noop", wat_noop()).await;
    server.put("busy/spin", c(SPIN)).await;
    let mut idle = measure(&server, effort.seconds).await;
    report.note_latencies("beside no spinner", &mut idle);
    let mut running = 0;
    for count in [4, 16, 256] {
        for _ in running..count {
            server.submit("busy/spin", "").await;
        }
        running = count;
        while server.metric("faasm_faaslets_live", "").await < f64::from(count) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut busy = measure(&server, effort.seconds).await;
        for (share, name, goal) in [(0.5, "p50", None), (0.99, "p99", Some(20.0))] {
            let [busy, idle] = [&mut busy, &mut idle].map(|latencies| latencies.us(share) / 1e3);
            let figure = Figure::lower(format!("{name} beside {count} spinners"), busy, "ms");
            report.add(figure.goal(goal).beside("beside none", idle));
        }
        report.note_latencies(&format!("beside {count} spinners"), &mut busy);
    }
    Ok(())
}

async fn measure(server: &Server, seconds: f64) -> Latencies {
    let mut latencies = Latencies::default();
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end {
        let begun = Instant::now();
        let _ = server.call("demo/noop", "").await.expect(200);
        latencies.add(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    latencies
}
