//! Calls in the process, on the path that HTTP takes, beside starting an interpreter.

use faasm_python::Runtime;

use super::as_served;
use crate::effort::Effort;
use crate::in_process::{self, InProcess};
use crate::processes::{real_python, starts};
use crate::report::{Figure, Report};
use crate::stats::{Latencies, alternate};
use crate::tools;

const NOOP: &str = "def faasm_main():\n    pass\n";

/// What small services do.
const JSON: &str = r#"
import json

def faasm_main(data):
    order = json.loads(data)
    order["total"] = sum(line["price"] * line["count"] for line in order["lines"])
    return json.dumps(order)
"#;
const ORDER: &str = r#"{"customer": "Ada", "lines": [{"item": "bolt", "price": 1.25, "count": 80},
    {"item": "nut", "price": 0.75, "count": 80}, {"item": "plate", "price": 12.5, "count": 2}]}"#;

/// Imported in every call.
const NO_SNAPSHOT: &str = "# faasm: no-snapshot\ndef faasm_main():\n    pass\n";

const START: &str = "python3 -S -c pass";

pub fn run(report: &mut Report, effort: Effort, installed: &Runtime) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    in_process::observe(&runtime)?;
    let start = |source, input| {
        runtime.block_on(InProcess::start_python(
            as_served(installed)?,
            source,
            input,
        ))
    };
    let noop = start(NOOP, "")?;
    let python = report.found(tools::PYTHON.find());
    let python = python.map(|python| real_python(&python)).transpose()?;
    let (mut ours, mut theirs) = (Latencies::default(), Latencies::default());
    alternate(
        effort.seconds,
        |seconds| runtime.block_on(noop.call_for(seconds, &mut ours)),
        |seconds| match &python {
            Some(python) => starts(seconds, python, &["-S", "-c", "pass"], &mut theirs),
            None => Ok(()),
        },
    )?;
    let mut beside = |share| python.as_ref().map(|_| theirs.us(share));
    let figure = Figure::lower("a no-op, p50", ours.us(0.5), "µs").goal(200.0);
    report.add(figure.beside(START, beside(0.5)).ratio_goal(1.0 / 30.0));
    let figure = Figure::lower("a no-op, p99", ours.us(0.99), "µs");
    report.add(figure.beside(START, beside(0.99)));
    report.note_latencies("no-op", &mut ours);
    drop(noop);

    let noop = ours.us(0.5);
    for (name, source, input) in [
        ("reading and writing JSON", JSON, ORDER),
        ("imported in the call (no-snapshot)", NO_SNAPSHOT, ""),
    ] {
        let function = start(source, input)?;
        let mut latencies = Latencies::default();
        runtime.block_on(function.call_for(effort.seconds / 2.0, &mut latencies))?;
        let figure = Figure::lower(format!("{name}, p50"), latencies.us(0.5), "µs");
        report.add(figure.beside("the no-op", noop));
    }
    Ok(())
}
