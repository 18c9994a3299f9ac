//! `density`: how many Faaslets that wait for a call fit into one process and into several, and
//! what each takes.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use faasm_testkit::Server;

use crate::effort::Effort;
use crate::report::{Figure, Report};

/// Chains itself once less deep and awaits that; at the bottom it sleeps.
const NEST: &str = r#"(module
  (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
  (import "env" "__faasm_chain_name" (func $chain (param i32 i32 i32) (result i32)))
  (import "env" "__faasm_await_call" (func $await (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "nest\00")
  (func (export "_start")
    (drop (call $input (i32.const 0) (i32.const 4)))
    (if (i32.eqz (i32.load (i32.const 0))) (then
      (i64.store (i32.const 1048) (i64.const 3600000000000))
      (i32.store (i32.const 1040) (i32.const 1))
      (drop (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 3000)))
      (return)))
    (i32.store (i32.const 0) (i32.sub (i32.load (i32.const 0)) (i32.const 1)))
    (drop (call $await (call $chain (i32.const 16) (i32.const 0) (i32.const 4))))))"#;

/// Where Linux says how many memory mappings a process may have.
const MAX_MAP_COUNT: &str = "/proc/sys/vm/max_map_count";

/// What the issue of density asks for of one process as Linux comes.
const WANTED: u32 = 10_000;

/// How long the number of live Faaslets must not have changed to count as all there will be.
const STILL: Duration = Duration::from_secs(3);

/// A server full of waiting Faaslets.
struct Full {
    server: Server,
    live: u32,
    /// Memory mappings of the process.
    mappings: usize,
    /// Resident memory and page tables that each Faaslet has added, in KiB.
    resident: f64,
    page_tables: f64,
}

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let stock = max_map_count()?;
    let one = Full::start(effort.count(WANTED), effort.count(WANTED)).await?;
    let figure = Figure::higher(
        "live in one process, stock settings",
        f64::from(one.live),
        "",
    );
    report.add(figure.goal(f64::from(effort.count(WANTED))));
    report.add(Figure::lower("resident, each", one.resident, "KiB").goal(24.0));
    report.add(Figure::lower("page tables, each", one.page_tables, "KiB"));
    let each = one.mappings as f64 / f64::from(one.live.max(1));
    report.add(Figure::lower("memory mappings, each", each, ""));
    report.note(format!(
        "vm.max_map_count {stock}: room for about {} in one process",
        (stock as f64 / each) as u64
    ));
    let mut processes = vec![one];
    for _ in 1..4 {
        processes.push(Full::start(effort.count(WANTED), effort.count(WANTED)).await?);
    }
    let live: u32 = processes.iter().map(|full| full.live).sum();
    report.add(Figure::higher(
        "live in four processes",
        f64::from(live),
        "",
    ));
    let resident: u64 = processes.iter().map(|full| full.server.rss()).sum();
    let gib = resident as f64 / f64::from(1 << 30);
    report.add(Figure::lower("resident, four processes", gib, "GiB"));
    drop(processes);
    raised(report, stock, effort.count(WANTED) * 2).await
}

/// One process with more mappings, where this process may allow that. Then the address space is
/// what ends: 4 GiB are set aside for each Faaslet's memory, of 128 TiB.
async fn raised(report: &mut Report, stock: u64, wanted: u32) -> anyhow::Result<()> {
    let Ok(_restored) = Raised::raise(stock) else {
        report.note("vm.max_map_count cannot be raised here: run as root");
        return Ok(());
    };
    let full = Full::start(wanted, wanted).await?;
    let name = "live in one process, vm.max_map_count 1048576";
    report.add(Figure::higher(name, f64::from(full.live), "").goal(f64::from(wanted)));
    report.add(Figure::lower("resident there, each", full.resident, "KiB"));
    Ok(())
}

/// More mappings for every process, until dropped.
struct Raised {
    stock: u64,
}

impl Raised {
    fn raise(stock: u64) -> std::io::Result<Self> {
        fs::write(MAX_MAP_COUNT, "1048576").map(|()| Self { stock })
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        if let Err(error) = fs::write(MAX_MAP_COUNT, self.stock.to_string()) {
            eprintln!(
                "vm.max_map_count was {} and stays raised: {error}",
                self.stock
            );
        }
    }
}

impl Full {
    /// Starts a server for `slots` Faaslets and has `wanted` of them wait.
    async fn start(slots: u32, wanted: u32) -> anyhow::Result<Self> {
        let (slots, depth) = ((slots + 1).to_string(), (wanted + 2).to_string());
        let args = [
            ["--max-faaslets", &slots],
            ["--max-running", &slots],
            ["--max-chain-depth", &depth],
            ["--memory-budget", "64GiB"],
            ["--max-time", "1h"],
        ];
        let server = Server::builder().args(args.concat()).start().await;
        server.put("demo/nest", NEST).await;
        // One first: what it allocates for good is not a Faaslet's.
        submit(&server, 0).await;
        settle(&server, 1).await;
        let before = (server.rss(), page_tables(&server)?);
        submit(&server, wanted - 2).await;
        let live = settle(&server, wanted).await;
        let each = |bytes: u64| bytes as f64 / 1024.0 / f64::from(live.max(1));
        let maps = fs::read_to_string(format!("/proc/{}/maps", server.pid()))?;
        Ok(Self {
            live,
            mappings: maps.lines().count(),
            resident: each(server.rss().saturating_sub(before.0)),
            page_tables: each(page_tables(&server)?.saturating_sub(before.1)),
            server,
        })
    }
}

/// Starts a call that chains itself so many times.
async fn submit(server: &Server, depth: u32) {
    let url = format!("{}/invoke/demo/nest?async=true", server.invoke);
    let depth = depth.to_le_bytes().to_vec();
    let submitted = server.request(reqwest::Method::POST, &url, depth).await;
    let _ = submitted.expect(202);
}

/// Waits until so many Faaslets are live, or no more come.
async fn settle(server: &Server, wanted: u32) -> u32 {
    let (mut live, mut since) = (0, Instant::now());
    while live < wanted && since.elapsed() < STILL {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = server.metric("faasm_faaslets_live", "").await as u32;
        if now != live {
            (live, since) = (now, Instant::now());
        }
    }
    live
}

fn max_map_count() -> anyhow::Result<u64> {
    let text = fs::read_to_string(MAX_MAP_COUNT)?;
    Ok(text.trim().parse()?)
}

/// Bytes of page tables of a server's process.
fn page_tables(server: &Server) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPTE:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = kib.context("no VmPTE in /proc")?.parse()?;
    Ok(kib * 1024)
}
