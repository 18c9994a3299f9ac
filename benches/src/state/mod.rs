//! `state`: mapping, reading, finding changes and pushing them.

mod native;
mod redis;
mod sgd;

use std::path::Path;

use anyhow::Context;
use faasm_testkit::Server;

use crate::stats::Latencies;
use native::Native;
use redis::Redis;

pub use sgd::worker as sgd_worker;

pub async fn run() -> anyhow::Result<()> {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/state/guest.c");
    let server = Server::builder()
        .args(["--max-memory", "1GiB", "--max-mapped-state", "2GiB"])
        .start()
        .await;
    server
        .put("demo/state", faasm_testkit::build(&[&guest]))
        .await;
    let faasm = Faasm(server);
    faasm.prepare().await?;
    println!("state: from inside a function, which is called anew for each figure");
    mapping(&faasm).await?;
    faults(&faasm).await?;
    bandwidth(&faasm).await?;
    small_reads(&faasm).await?;
    pushes(&faasm).await?;
    commits(&faasm).await?;
    drop(faasm);
    sgd::run().await
}

/// A server with the guest.
struct Faasm(Server);

impl Faasm {
    async fn prepare(&self) -> anyhow::Result<()> {
        for (key, size) in [("tiny", 4096), ("word", 64), ("small", 1 << 20)] {
            self.set(key, vec![1; size]).await?;
        }
        // 1 GiB that takes no room: what was never written is zeros.
        self.ask("touch-large").await?;
        self.ask("sum").await?;
        Ok(())
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> anyhow::Result<()> {
        let url = format!("{}/s/demo/{key}", self.0.upload);
        let client = reqwest::Client::new();
        client
            .put(url)
            .body(value)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    /// The numbers that the guest prints.
    async fn ask(&self, what: &'static str) -> anyhow::Result<Vec<f64>> {
        let answer = self.0.call("demo/state", what).await;
        anyhow::ensure!(answer.status == 200, "{what}: {}", answer.text());
        let numbers = answer
            .text()
            .lines()
            .map(str::parse)
            .collect::<Result<_, _>>();
        numbers.with_context(|| format!("{what}: {}", answer.text()))
    }

    /// The median of each number over `rounds` calls.
    async fn median(&self, what: &'static str, rounds: usize) -> anyhow::Result<Vec<f64>> {
        let mut asked = Vec::new();
        for _ in 0..rounds {
            asked.push(self.ask(what).await?);
        }
        let columns = asked.first().map_or(0, Vec::len);
        let median = |column: usize| {
            let mut values: Vec<f64> = asked.iter().map(|row| row[column]).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Ok((0..columns).map(median).collect())
    }
}

async fn mapping(faasm: &Faasm) -> anyhow::Result<()> {
    let ours = faasm.median("map", 200).await?;
    let bare = Native::new(1 << 30)?.map_us(200)?;
    println!("  mapping a value (goal: the same for both, below 10 µs)");
    println!("    1 MiB            {:9.1} µs", ours[0] / 1e3);
    println!("    1 GiB            {:9.1} µs", ours[1] / 1e3);
    println!("    bare mmap, 1 GiB {bare:9.1} µs");
    println!("    1 GiB / bare     {:9.2}", ours[1] / 1e3 / bare);
    Ok(())
}

async fn faults(faasm: &Faasm) -> anyhow::Result<()> {
    let ours = faasm.median("fault", 200).await?[0] / 1e3;
    let bare = Native::new(1 << 20)?.fault_us(200)?;
    println!("  the first store into a chunk of 60 KiB, by which changes are found");
    println!("    faasm            {ours:9.1} µs   (with a copy of the chunk, its twin)");
    println!("    bare page fault  {bare:9.1} µs");
    println!("    ratio            {:9.2}", ours / bare);
    Ok(())
}

async fn bandwidth(faasm: &Faasm) -> anyhow::Result<()> {
    const BYTES: u64 = 256 << 20;
    let rate = |nanos: f64| BYTES as f64 / nanos;
    let ours = rate(faasm.median("sum", 10).await?[0]);
    let bare = rate(Native::new(BYTES)?.sum_us(10)? * 1e3);
    println!("  reading 256 MiB of mapped state (goal: at least 0.80)");
    println!("    faasm            {ours:9.2} GB/s");
    println!("    native           {bare:9.2} GB/s");
    println!("    faasm / native   {:9.2}", ours / bare);
    Ok(())
}

async fn small_reads(faasm: &Faasm) -> anyhow::Result<()> {
    let ours = faasm.median("read", 20).await?[0] / 1e3;
    let redis = Redis::start()?;
    let mut client = redis.client()?;
    client.command(&[b"SET", b"word", &[1; 64]])?;
    let mut theirs = Latencies::default();
    for _ in 0..20_000 {
        theirs.time(|| client.command(&[b"GET", b"word"]))?;
    }
    let theirs = theirs.us(0.5);
    println!("  read_state of 64 bytes (goal: below 1 µs, Redis / faasm above 50)");
    println!("    faasm            {ours:9.2} µs");
    println!("    Redis GET        {theirs:9.2} µs   (loopback, one connection)");
    println!("    Redis / faasm    {:9.1}", theirs / ours);
    Ok(())
}

async fn pushes(faasm: &Faasm) -> anyhow::Result<()> {
    let mut latencies = [Latencies::default(), Latencies::default()];
    for _ in 0..100 {
        for (latencies, what) in latencies.iter_mut().zip(["touch-small", "touch-large"]) {
            let begun = std::time::Instant::now();
            faasm.ask(what).await?;
            latencies.add(begun.elapsed());
        }
    }
    let [small, large] = latencies.each_mut().map(|latencies| latencies.us(0.5));
    let bare = native::commit_us(100)?;
    println!("  a call over HTTP that stores one byte, durable when it is answered");
    println!("    into 1 MiB       {small:9.0} µs");
    println!("    into 1 GiB       {large:9.0} µs   (goal: cost follows what was written)");
    println!("    bare redb        {bare:9.0} µs   (one durable commit of one chunk)");
    println!("    1 GiB / 1 MiB    {:9.2}", large / small);
    println!("    1 GiB / bare     {:9.2}", large / bare);
    Ok(())
}

async fn commits(faasm: &Faasm) -> anyhow::Result<()> {
    const CALLS: u32 = 100;
    let count = async || faasm.0.metric("faasm_state_commits_total", "").await;
    let mut before = count().await;
    for what in ["look", "touch-small"] {
        for _ in 0..CALLS {
            faasm.ask(what).await?;
        }
        let after = count().await;
        let kind = if what == "look" { "read" } else { "write" };
        println!(
            "  durable commits of {CALLS} calls that {kind} state: {}",
            after - before
        );
        before = after;
    }
    Ok(())
}
