//! `files`: opening and reading shared files that are cached.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use faasm_testkit::Server;
use reqwest::Method;
use tempfile::TempDir;

use crate::effort::Effort;
use crate::native;
use crate::report::{Figure, Missing, Report};

/// Calls and runs in turn; the median of all their measurements counts.
const ROUNDS: u32 = 10;

const LARGE: usize = 100 << 20;

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/files/guest.c");
    let server = Server::start().await;
    server
        .put("demo/files", faasm_testkit::build(&[&guest]))
        .await;
    let program = report.found(Program::compile(&guest)?);
    for (what, size) in [("small", 4096), ("large", LARGE)] {
        let bytes: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        if let Some(program) = &program {
            std::fs::write(program.file(what), &bytes)?;
        }
        let path = format!("/file/bench/{what}");
        let answer = server.stored(Method::PUT, &path, bytes).await;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..effort.count(ROUNDS) {
            ours.extend(call(&server, what).await?);
            if let Some(program) = &program {
                theirs.extend(program.run(what)?);
            }
        }
        let theirs = program.as_ref().map(|_| median(theirs)).transpose()?;
        report.add(figure(what, median(ours)?, theirs));
    }
    Ok(())
}

fn figure(what: &str, ours: f64, theirs: Option<f64>) -> Figure {
    let micros = |nanos: f64| nanos / 1e3;
    let rate = |nanos: f64| LARGE as f64 / nanos;
    match what {
        "small" => Figure::lower("open, read 4 KiB, close", micros(ours), "µs")
            .beside("native", theirs.map(micros))
            .ratio_goal(3.0),
        _ => Figure::higher("reading 100 MiB, 64 KiB at a time", rate(ours), "GB/s")
            .beside("native", theirs.map(rate))
            .ratio_goal(0.7),
    }
}

async fn call(server: &Server, what: &str) -> anyhow::Result<Vec<f64>> {
    let input = format!("{what} /bench/{what}");
    let answer = server.call("demo/files", input).await;
    ensure!(answer.status == 200, "{what}: {}", answer.text());
    numbers(&answer.text())
}

/// The same program for this machine, and its files.
struct Program {
    program: PathBuf,
    dir: TempDir,
}

impl Program {
    fn compile(source: &Path) -> anyhow::Result<Result<Self, Missing>> {
        let dir = tempfile::tempdir()?;
        let compiled = native::compile(&[source], &[], &dir.path().join("program"))?;
        Ok(compiled.map(|program| Self { program, dir }))
    }

    fn file(&self, what: &str) -> PathBuf {
        self.dir.path().join(what)
    }

    fn run(&self, what: &str) -> anyhow::Result<Vec<f64>> {
        let mut command = Command::new(&self.program);
        let output = command.arg(what).arg(self.file(what)).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{what}: {said}");
        numbers(&String::from_utf8(output.stdout)?)
    }
}

fn numbers(lines: &str) -> anyhow::Result<Vec<f64>> {
    let numbers = lines.lines().map(str::parse).collect::<Result<_, _>>();
    numbers.with_context(|| lines.to_owned())
}

fn median(mut values: Vec<f64>) -> anyhow::Result<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.get(values.len() / 2).copied();
    middle.context("nothing was measured")
}
