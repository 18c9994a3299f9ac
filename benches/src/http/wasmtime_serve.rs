//! The peer that serves the same: `wasmtime serve`, with a fresh instance for each request.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::Contender;
use crate::load::Process;
use crate::report::Missing;
use crate::tools;

/// A component: what all have in common, around the handler.
const COMPONENT: &str = include_str!("../../guests/wasi-http.wat");

/// Where the handler goes.
const HANDLER: &str = ";; HANDLER";

const NOOP: &str = include_str!("../../guests/noop-http.wat");
const BODY: &str = include_str!("../../guests/body-http.wat");

/// A fresh instance, as every call of faasm gets one, from a pool.
const FRESH: &[&str] = &[
    "--max-instance-reuse-count",
    "1",
    "-O",
    "pooling-allocator=y",
];

/// What makes starts of core modules fastest, too.
const TUNED: &[&str] = &[
    "-O",
    "pooling-memory-keep-resident=1048576",
    "-O",
    "pooling-table-keep-resident=4096",
    "-O",
    "pooling-pagemap-scan=auto",
    "-O",
    "pooling-async-stack-keep-resident=65536",
    "-O",
    "pooling-decommit-batch-size=1",
    "-O",
    "pooling-max-unused-warm-slots=1000",
];

/// Each component, as it comes and tuned.
pub(super) fn start() -> anyhow::Result<Result<Vec<Contender>, Missing>> {
    let wasmtime = match tools::WASMTIME.find() {
        Ok(wasmtime) => wasmtime,
        Err(missing) => return Ok(Err(missing)),
    };
    let contenders = [
        ("wasmtime serve, no body", NOOP, &[][..], 3.0),
        ("wasmtime serve, no body, tuned", NOOP, TUNED, 2.0),
        ("wasmtime serve", BODY, &[], 3.0),
        ("wasmtime serve, tuned", BODY, TUNED, 2.0),
    ];
    let dir = tempfile::tempdir()?;
    let mut started = Vec::new();
    for (name, handler, tuning, goal) in contenders {
        let component = dir.path().join("component.wasm");
        std::fs::write(&component, component_of(handler)?)?;
        started.push(contender(&wasmtime, &component, name, tuning, goal)?);
    }
    Ok(Ok(started))
}

fn component_of(handler: &str) -> anyhow::Result<Vec<u8>> {
    Ok(wat::parse_str(COMPONENT.replace(HANDLER, handler))?)
}

fn contender(
    wasmtime: &Path,
    component: &Path,
    name: &'static str,
    tuning: &[&str],
    goal: f64,
) -> anyhow::Result<Contender> {
    let mut serve = Command::new(wasmtime);
    serve.arg("serve").args(FRESH).args(tuning);
    serve.args(["--addr", "127.0.0.1:0"]).arg(component);
    let (process, line) = Process::start_noting(serve)?;
    let url = line
        .rsplit(' ')
        .next()
        .filter(|url| url.starts_with("http"));
    Ok(Contender {
        name,
        url: url
            .with_context(|| format!("wasmtime serve said {line:?}"))?
            .to_owned(),
        goal,
        best: None,
        _process: process,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_components_are_well_formed() {
        for handler in [NOOP, BODY] {
            component_of(handler).expect("a component");
        }
    }
}
