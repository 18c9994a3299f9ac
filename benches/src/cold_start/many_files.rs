//! What a call that touches no file pays for those that there are.

use bytes::Bytes;
use faasm_model::SharedPath;
use faasm_storage::Storage;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Runtime;

use crate::effort::Effort;
use crate::in_process::InProcess;
use crate::report::{Figure, Report};
use crate::stats::{Latencies, alternate};

const FILES: u32 = 100_000;

/// Files that are put at a time.
const AT_A_TIME: usize = 64;

pub fn run(
    report: &mut Report,
    effort: Effort,
    runtime: &Runtime,
    without: &InProcess,
    noop: &Bytes,
) -> anyhow::Result<()> {
    let files = effort.count(FILES);
    let with = runtime.block_on(InProcess::start(noop.clone()))?;
    runtime.block_on(put(with.storage(), files))?;
    let (mut many, mut none) = (Latencies::default(), Latencies::default());
    alternate(
        effort.seconds,
        |seconds| runtime.block_on(with.call_for(seconds, &mut many)),
        |seconds| runtime.block_on(without.call_for(seconds, &mut none)),
    )?;
    let figure = Figure::lower("a call, p50, with many shared files", many.us(0.5), "µs");
    report.add(
        figure
            .beside("with none", none.us(0.5))
            .ratio_goal(super::SAME),
    );
    report.note(format!(
        "many shared files: {files}, of which the function touches none"
    ));
    Ok(())
}

async fn put(storage: &Storage, files: u32) -> anyhow::Result<()> {
    let put = async |index: u32| -> anyhow::Result<()> {
        let path = SharedPath::new(&format!("/d{}/f{index}", index % 100))?;
        let mut body = storage.spool().create(1 << 10);
        body.write(Bytes::from_static(b"shared")).await?;
        storage.files().put(path, body.finish().await?).await?;
        Ok(())
    };
    stream::iter(0..files)
        .map(put)
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await
}
