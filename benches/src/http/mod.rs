//! `http`: requests a second of a no-op over 64 connections, with a fresh Faaslet each.

mod wasmtime_serve;

use faasm_testkit::{Server, c};

use crate::effort::Effort;
use crate::load::{Load, Process, wrk};
use crate::report::{Figure, Report};

/// The no-op answers as many bytes as the bare handler, through its output data.
pub const NOOP: &str = r#"
#include "faasm/faasm.h"
int main(void) { faasmSetOutput((const uint8_t *)"ok\n", 3); return 0; }
"#;

/// The machine is shared: the best of so many turns counts.
const TURNS: u32 = 3;

const AXUM: &str = "a bare axum handler";

/// One that answers requests.
struct Contender {
    name: &'static str,
    url: String,
    /// The least that faasm's rate divided by its should be.
    goal: f64,
    best: Option<Load>,
    _process: Process,
}

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let server = Server::builder()
        .args(["--max-faaslets", "8192"])
        .start()
        .await;
    server.put("demo/noop", c(NOOP)).await;
    let ours = format!("{}/invoke/demo/noop", server.invoke);
    let mut contenders = vec![bare_axum()?];
    contenders.extend(report.found(wasmtime_serve::start()?).into_iter().flatten());

    let mut best = None;
    for _ in 0..effort.count(TURNS) {
        best = better(best, load(&ours, effort).await?);
        for contender in &mut contenders {
            let turn = load(&contender.url, effort).await?;
            contender.best = better(contender.best.take(), turn);
        }
    }
    if let Some(ours) = best {
        add(report, &ours, &contenders);
    }
    Ok(())
}

fn bare_axum() -> anyhow::Result<Contender> {
    let (process, url) = Process::start_self(&["bare-http"])?;
    Ok(Contender {
        name: AXUM,
        url: format!("{url}/invoke/demo/noop"),
        goal: 0.6,
        best: None,
        _process: process,
    })
}

fn add(report: &mut Report, ours: &Load, contenders: &[Contender]) {
    note_errors(report, "faasm", ours);
    let both = contenders
        .iter()
        .filter_map(|c| Some((c, c.best.as_ref()?)));
    for (contender, theirs) in both {
        let Contender { name, goal, .. } = contender;
        let rate = Figure::higher(format!("rate beside {name}"), ours.rate, "/s");
        report.add(rate.beside(name, theirs.rate).ratio_goal(*goal));
        note_errors(report, name, theirs);
    }
    let axum = contenders
        .first()
        .and_then(|contender| contender.best.as_ref());
    let latency =
        |name, of: fn(&Load) -> f64| Figure::lower(name, of(ours), "µs").beside(AXUM, axum.map(of));
    report.add(latency("latency, p50", |load| load.p50_us));
    report.add(latency("latency, p99", |load| load.p99_us));
}

/// Notes requests that failed.
pub fn note_errors(report: &mut Report, who: &str, load: &Load) {
    if !load.errors.is_empty() {
        report.note(format!("{who}: {}", load.errors));
    }
}

/// Calls a function or a peer for a time.
pub async fn load(url: &str, effort: Effort) -> anyhow::Result<Load> {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || wrk(&url, "0123456789abcdef", effort.seconds)).await?
}

/// The one of the higher rate.
pub fn better(best: Option<Load>, next: Load) -> Option<Load> {
    match best {
        Some(best) if best.rate >= next.rate => Some(best),
        _ => Some(next),
    }
}
