//! Storing a small file: it is imported, and its image durable, before the answer.

use faasm_testkit::Server;

use super::put;
use crate::effort::Effort;
use crate::report::{Figure, Report};
use crate::stats::Latencies;

const UPLOADS: u32 = 30;

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let server = Server::with_python().await;
    let source = |n: u32| {
        format!(
            "import json\n\nVERSION = {n}\n\ndef faasm_main():\n    return json.dumps(VERSION)\n"
        )
    };
    // The first waits until the interpreter is ready.
    put(&server, "demo/function", source(0)).await;
    let mut latencies = Latencies::default();
    for n in 1..=effort.count(UPLOADS) {
        let begun = std::time::Instant::now();
        put(&server, "demo/function", source(n)).await;
        latencies.add(begun.elapsed());
    }
    let millis = latencies.us(0.5) / 1e3;
    report.add(Figure::lower("uploading a small file, p50", millis, "ms").goal(500.0));
    Ok(())
}
