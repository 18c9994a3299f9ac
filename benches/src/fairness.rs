//! `fairness`: latency of a no-op over HTTP while functions of other users compute.

use std::time::{Duration, Instant};

use faasm_testkit::{Server, c, wat_noop};

use crate::stats::Latencies;

const SPIN: &str = "int main(void) { for (volatile unsigned i = 0;; i++) {} }";

pub async fn run(seconds: f64) -> anyhow::Result<()> {
    let server = Server::builder()
        .args(["--max-time", "10m", "--max-faaslets", "8192"])
        .start()
        .await;
    server.put("demo/noop", wat_noop()).await;
    server.put("busy/spin", c(SPIN)).await;
    println!("fairness: a no-op over HTTP while functions spin (goal: p99 below 20 ms)");
    let mut idle = measure(&server, seconds).await;
    println!("  no spinner    {}", idle.line());
    let mut running = 0;
    for count in [4, 16, 256] {
        for _ in running..count {
            server.submit("busy/spin", "").await;
        }
        running = count;
        while server.metric("faasm_faaslets_live", "").await < f64::from(count) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut busy = measure(&server, seconds).await;
        println!(
            "  {count:3} spinners  {}   p50 × {:.1}",
            busy.line(),
            busy.us(0.5) / idle.us(0.5)
        );
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
