//! `http`: requests a second of a no-op over 64 connections, with a fresh Faaslet each.

use faasm_testkit::{Server, c};

use crate::load::{Load, Peer, wrk};

/// The no-op answers as many bytes as the bare handler, through its output data.
const NOOP: &str = r#"
#include "faasm/faasm.h"
int main(void) { faasmSetOutput((const uint8_t *)"ok\n", 3); return 0; }
"#;

pub async fn run(seconds: f64) -> anyhow::Result<()> {
    let server = Server::builder()
        .args(["--max-faaslets", "8192"])
        .start()
        .await;
    server.put("demo/noop", c(NOOP)).await;
    let (_bare, url) = Peer::start(&["bare-http"])?;
    let ours = format!("{}/invoke/demo/noop", server.invoke);
    let bare = format!("{url}/invoke/demo/noop");
    // In turn, twice, and the better one of each: the machine is shared.
    let (mut best, mut limit) = (load(&ours, seconds).await?, load(&bare, seconds).await?);
    for _ in 0..2 {
        best = better(best, load(&ours, seconds).await?);
        limit = better(limit, load(&bare, seconds).await?);
    }
    println!("http: POST of 16 bytes, 64 connections kept alive (wrk -t2 -c64)");
    print("faasm     ", &best);
    print("bare axum ", &limit);
    let share = best.requests_per_second / limit.requests_per_second;
    println!("  faasm / axum  {share:.2}   (goal: at least 0.60)");
    Ok(())
}

async fn load(url: &str, seconds: f64) -> anyhow::Result<Load> {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || wrk(&url, "0123456789abcdef", seconds)).await?
}

fn better(a: Load, b: Load) -> Load {
    match a.requests_per_second < b.requests_per_second {
        true => b,
        false => a,
    }
}

fn print(who: &str, load: &Load) {
    let Load {
        requests_per_second,
        p50,
        p99,
        errors,
    } = load;
    println!("  {who}  {requests_per_second:9.0} requests/s   p50 {p50}   p99 {p99} {errors}");
}
