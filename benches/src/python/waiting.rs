//! Memory of Python functions that wait.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use faasm_testkit::Server;
use reqwest::Method;

use super::put;
use crate::effort::Effort;
use crate::load::Process;
use crate::memory::wait_for_live;
use crate::processes::real_python;
use crate::report::{Figure, Report};
use crate::tools;

/// Live Faaslets.
const COUNT: u32 = 300;

const SLEEP: &str = "import time\n\ndef faasm_main():\n    time.sleep(3600)\n";

/// The same in an interpreter of its own, which says when it begins.
const PROCESS: &str =
    "import sys, time; print('here', file=sys.stderr, flush=True); time.sleep(3600)";

/// How long a Faaslet may take from when it counts as live until it waits.
const START: Duration = Duration::from_millis(500);

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let count = effort.count(COUNT);
    let server = Server::builder()
        .python()
        .args(["--max-time", "1h"])
        .start()
        .await;
    put(&server, "demo/sleep", SLEEP).await;
    // Some first: what they allocate for good is not a Faaslet's.
    let before = with_live(&server, 0, 2).await?;
    let after = with_live(&server, 2, count).await?;
    let each = after.saturating_sub(before) as f64 / f64::from(count);
    let figure = Figure::lower("private memory of one that sleeps", mib(each), "MiB").goal(1.5);
    let process = match report.found(tools::PYTHON.find()) {
        Some(python) => {
            let mut command = Command::new(real_python(&python)?);
            command.args(["-S", "-c", PROCESS]).stdin(Stdio::null());
            let (process, _) = Process::start_noting(command)?;
            Some(mib(private(process.id())? as f64))
        }
        None => None,
    };
    report.add(figure.beside("a process of python3 -S", process));
    report.note(format!(
        "private memory: dirty pages of the server that each of {count} adds"
    ));
    Ok(())
}

/// Starts `more` beside the `live` ones; what the server's private memory is then.
async fn with_live(server: &Server, live: u32, more: u32) -> anyhow::Result<u64> {
    for _ in 0..more {
        let url = format!("{}/invoke/demo/sleep?python=true&async=true", server.invoke);
        let _ = server.request(Method::POST, &url, "").await.expect(202);
    }
    wait_for_live(server, live + more).await;
    tokio::time::sleep(START).await;
    private(server.pid())
}

/// Bytes that a process alone has written.
fn private(pid: u32) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: u64 = kib.context("no Private_Dirty in smaps_rollup")?.parse()?;
    Ok(kib << 10)
}

fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}
