//! `state`: mapping, reading, finding changes and pushing them.

mod native;
mod redis;
mod sgd;

use std::path::Path;

use anyhow::Context;
use faasm_testkit::Server;

use crate::effort::Effort;
use crate::report::{Figure, Report};
use crate::stats::Latencies;
use crate::tools;
use native::Native;
use redis::Redis;

pub use sgd::worker as sgd_worker;

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
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
    mapping(report, &faasm, effort).await?;
    faults(report, &faasm, effort).await?;
    bandwidth(report, &faasm, effort).await?;
    small_reads(report, &faasm, effort).await?;
    pushes(report, &faasm, effort).await?;
    commits(report, &faasm).await?;
    drop(faasm);
    sgd::run(report, effort).await
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
        let http = &self.0.http;
        http.put(url).body(value).send().await?.error_for_status()?;
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

async fn mapping(report: &mut Report, faasm: &Faasm, effort: Effort) -> anyhow::Result<()> {
    let rounds = effort.count(200) as usize;
    let ours = faasm.median("map", rounds).await?;
    let bare = Native::new(1 << 30)?.map_us(rounds)?;
    report.add(Figure::lower("mapping 1 MiB", ours[0] / 1e3, "µs").goal(10.0));
    let large = || Figure::lower("mapping 1 GiB", ours[1] / 1e3, "µs");
    report.add(large().goal(10.0).beside("bare mmap of 1 GiB", bare));
    Ok(())
}

async fn faults(report: &mut Report, faasm: &Faasm, effort: Effort) -> anyhow::Result<()> {
    let rounds = effort.count(200) as usize;
    let ours = faasm.median("fault", rounds).await?[0] / 1e3;
    let bare = Native::new(1 << 20)?.fault_us(rounds)?;
    let figure = Figure::lower("the first store into a chunk", ours, "µs");
    report.add(figure.beside("a bare page fault", bare));
    report.note("first store: finds changes; with a copy of the chunk of 60 KiB, its twin");
    Ok(())
}

async fn bandwidth(report: &mut Report, faasm: &Faasm, effort: Effort) -> anyhow::Result<()> {
    const BYTES: u64 = 256 << 20;
    let rounds = effort.count(10).max(3) as usize;
    let rate = |nanos: f64| BYTES as f64 / nanos;
    let ours = rate(faasm.median("sum", rounds).await?[0]);
    let bare = rate(Native::new(BYTES)?.sum_us(rounds)? * 1e3);
    let figure = Figure::higher("reading 256 MiB of mapped state", ours, "GB/s");
    report.add(figure.beside("native", bare).ratio_goal(0.8));
    Ok(())
}

async fn small_reads(report: &mut Report, faasm: &Faasm, effort: Effort) -> anyhow::Result<()> {
    let ours = faasm.median("read", effort.count(20) as usize).await?[0] / 1e3;
    let redis = report.found(tools::REDIS.find());
    let theirs = redis.map(|_| redis_get_us(effort)).transpose()?;
    let figure = Figure::lower("read_state of 64 bytes", ours, "µs").goal(1.0);
    report.add(figure.beside("Redis GET", theirs).ratio_goal(1.0 / 50.0));
    report.note("Redis GET: over the loopback, one connection");
    Ok(())
}

fn redis_get_us(effort: Effort) -> anyhow::Result<f64> {
    let redis = Redis::start()?;
    let mut client = redis.client()?;
    client.command(&[b"SET", b"word", &[1; 64]])?;
    let mut latencies = Latencies::default();
    for _ in 0..effort.count(20_000) {
        latencies.time(|| client.command(&[b"GET", b"word"]))?;
    }
    Ok(latencies.us(0.5))
}

async fn pushes(report: &mut Report, faasm: &Faasm, effort: Effort) -> anyhow::Result<()> {
    let rounds = effort.count(100);
    let mut latencies = [Latencies::default(), Latencies::default()];
    for _ in 0..rounds {
        for (latencies, what) in latencies.iter_mut().zip(["touch-small", "touch-large"]) {
            let begun = std::time::Instant::now();
            faasm.ask(what).await?;
            latencies.add(begun.elapsed());
        }
    }
    let [small, large] = latencies.each_mut().map(|latencies| latencies.us(0.5));
    let bare = native::commit_us(rounds.into())?;
    let push = |into: &str, value| Figure::lower(format!("a stored byte, {into}"), value, "µs");
    report.add(push("in 1 MiB", small).beside("a bare redb commit", bare));
    report.add(push("in 1 GiB", large).beside("a bare redb commit", bare));
    let figure = push("in 1 GiB, beside 1 MiB", large);
    report.add(figure.beside("in 1 MiB", small));
    report.note("a stored byte: a call over HTTP, durable when it is answered");
    report.note("its cost should follow what was written, not the size of the value");
    Ok(())
}

async fn commits(report: &mut Report, faasm: &Faasm) -> anyhow::Result<()> {
    const CALLS: u32 = 100;
    let count = async || faasm.0.metric("faasm_state_commits_total", "").await;
    let mut before = count().await;
    for what in ["look", "touch-small"] {
        for _ in 0..CALLS {
            faasm.ask(what).await?;
        }
        let after = count().await;
        let kind = if what == "look" { "read" } else { "write" };
        let name = format!("durable commits of {CALLS} calls that {kind} state");
        report.add(Figure::lower(name, after - before, ""));
        before = after;
    }
    Ok(())
}
