//! Calls a second of a Python no-op over HTTP, beside one in C.

use faasm_testkit::{Server, c};

use super::put;
use crate::effort::Effort;
use crate::http::{NOOP, better, load, note_errors};
use crate::report::{Figure, Report};
use crate::tools;

/// Answers what the one in C does.
const PYTHON: &str = "def faasm_main():\n    return b'ok\\n'\n";

/// The machine is shared: the best of so many turns counts.
const TURNS: u32 = 3;

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    if report.found(tools::WRK.find()).is_none() {
        return Ok(());
    }
    let server = Server::builder()
        .python()
        .args(["--max-faaslets", "8192"])
        .start()
        .await;
    put(&server, "demo/noop", PYTHON).await;
    server.put("demo/noop", c(NOOP)).await;
    let in_c = format!("{}/invoke/demo/noop", server.invoke);
    let python = format!("{in_c}?python=true");
    let (mut ours, mut theirs) = (None, None);
    for _ in 0..effort.count(TURNS) {
        ours = better(ours, load(&python, effort).await?);
        theirs = better(theirs, load(&in_c, effort).await?);
    }
    let Some((ours, theirs)) = ours.zip(theirs) else {
        return Ok(());
    };
    let figure = Figure::higher("calls over HTTP", ours.rate, "/s").goal(2_000.0);
    report.add(figure.beside("a no-op in C", theirs.rate));
    let figure = Figure::lower("over HTTP, p99", ours.p99_us, "µs");
    report.add(figure.beside("a no-op in C", theirs.p99_us));
    note_errors(report, "over HTTP", &ours);
    Ok(())
}
