//! How many Faaslets two threads make, run and drop in a second.

use bytes::Bytes;
use tokio::task::JoinSet;
use wasmtime::InstancePre;

use crate::bare::{self, Host};
use crate::effort::Effort;
use crate::in_process::InProcess;
use crate::report::{Figure, Report};
use crate::stats::{Latencies, alternate, repeat};

const THREADS: usize = 2;

/// Callers for each thread, so that none of the threads is without a call.
const CALLERS: usize = 2;

pub fn run(
    report: &mut Report,
    effort: Effort,
    noop: &Bytes,
    pre: &InstancePre<Host>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let faasm = runtime.block_on(InProcess::start(noop.clone()))?;
    let (mut ours, mut theirs) = (0, 0);
    let mut measured = 0.0;
    alternate(
        effort.seconds,
        |seconds| {
            measured += seconds;
            ours += runtime.block_on(calls(&faasm, seconds))?;
            Ok(())
        },
        |seconds| {
            theirs += bare_calls(pre, seconds)?;
            Ok(())
        },
    )?;
    let [ours, theirs] = [ours, theirs].map(|count| count as f64 / measured);
    let figure = Figure::higher("Faaslets created on 2 threads", ours, "/s").goal(40_000.0);
    report.add(figure.beside("bare wasmtime", theirs));
    Ok(())
}

async fn calls(faasm: &InProcess, seconds: f64) -> anyhow::Result<usize> {
    let mut callers = JoinSet::new();
    for _ in 0..THREADS * CALLERS {
        let faasm = faasm.clone();
        callers.spawn(async move {
            let mut latencies = Latencies::default();
            faasm.call_for(seconds, &mut latencies).await?;
            anyhow::Ok(latencies.count())
        });
    }
    let mut count = 0;
    while let Some(caller) = callers.join_next().await {
        count += caller??;
    }
    Ok(count)
}

fn bare_calls(pre: &InstancePre<Host>, seconds: f64) -> anyhow::Result<usize> {
    let caller = || {
        let mut count = 0;
        repeat(seconds, || {
            count += 1;
            bare::call(pre)
        })
        .map_err(bare::plain)?;
        Ok(count)
    };
    std::thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| scope.spawn(caller));
        let counts = threads.into_iter().map(|thread| match thread.join() {
            Ok(count) => count,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        counts.sum()
    })
}
