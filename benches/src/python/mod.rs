//! `python`: what calls of Python functions cost, what one that waits takes, and how fast
//! programs run in them.

mod calls;
mod native;
mod programs;
mod served;
mod upload;
mod waiting;

use anyhow::Context;
use faasm_faaslet::PythonRuntime;
use faasm_python::Runtime;
use faasm_testkit::Server;
use reqwest::Method;

use crate::effort::Effort;
use crate::report::{Missing, Report};

pub fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let Some(installed) = report.found(installed()?) else {
        return Ok(());
    };
    calls::run(report, effort, &installed)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        served::run(report, effort).await?;
        upload::run(report, effort).await?;
        waiting::run(report, effort).await?;
        programs::run(report, effort, installed.version()).await
    })
}

/// The runtime that servers find.
fn installed() -> anyhow::Result<Result<Runtime, Missing>> {
    Ok(Runtime::find()?.ok_or_else(|| Missing {
        peer: "the Python runtime".to_owned(),
        install: "`faasm python install` builds it".to_owned(),
    }))
}

/// The same as a server has it.
fn as_served(installed: &Runtime) -> anyhow::Result<PythonRuntime> {
    let series = installed.version().rsplit_once('.');
    let (series, _) = series.context("a version without a patch")?;
    Ok(PythonRuntime {
        wasm: installed.wasm(),
        library: installed.library(),
        library_path: format!("usr/lib/python{series}"),
        cache: installed.cache_dir(),
    })
}

/// Uploads a Python function, which must succeed.
async fn put(server: &Server, name: &str, source: impl Into<reqwest::Body>) {
    let path = format!("/p/{name}");
    let stored = server.stored(Method::PUT, &path, source).await;
    let _ = stored.expect(200);
}
