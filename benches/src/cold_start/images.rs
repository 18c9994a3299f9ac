//! A call that starts from the image that its function's zygote left.

use tokio::runtime::Runtime;

use crate::effort::Effort;
use crate::in_process::InProcess;
use crate::report::{Figure, Report};
use crate::stats::{Latencies, alternate};

const MIB: [u32; 2] = [1, 100];

/// The zygote changes every page of MIB mebibytes, and the call looks at one of them.
const GUEST: &str = r#"
#include <string.h>
#include "faasm/faasm.h"
static char image[MIB << 20];
int _faasm_zygote(void) { memset(image, 1, sizeof image); return 0; }
int main(void) { return image[sizeof image / 2] != 1; }
"#;

pub fn run(report: &mut Report, effort: Effort, runtime: &Runtime) -> anyhow::Result<()> {
    let start = |mib: u32| {
        let guest = GUEST.replace("MIB", &mib.to_string());
        runtime.block_on(InProcess::start(faasm_testkit::c(&guest)))
    };
    let [small, large] = MIB.map(start);
    let (small, large) = (small?, large?);
    let mut latencies = [Latencies::default(), Latencies::default()];
    let [of_small, of_large] = &mut latencies;
    alternate(
        effort.seconds,
        |seconds| runtime.block_on(small.call_for(seconds, of_small)),
        |seconds| runtime.block_on(large.call_for(seconds, of_large)),
    )?;
    let [small, large] = latencies.each_mut().map(|latencies| latencies.us(0.5));
    let [small_name, large_name] = MIB.map(|mib| format!("from an image of {mib} MiB"));
    let figure = |name: &str, value| Figure::lower(format!("a call, p50, {name}"), value, "µs");
    report.add(figure(&small_name, small).goal(30.0));
    let large = figure(&large_name, large).goal(30.0);
    report.add(large.beside(&small_name, small).ratio_goal(super::SAME));
    Ok(())
}
