//! Clocks.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use faasm_vfs::Errno;
use wasmtime::Linker;

use super::{Done, Host, WASI, errno};
use crate::faaslet::Faaslet;
use crate::memory::guest;

/// WASI's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Realtime,
    Monotonic,
    /// Processor time, for which a guest gets the time since its call began.
    Cpu,
}

impl Clock {
    pub(super) fn from_id(id: u32) -> Result<Self, Errno> {
        match id {
            0 => Ok(Self::Realtime),
            1 => Ok(Self::Monotonic),
            2 | 3 => Ok(Self::Cpu),
            _ => Err(Errno::Inval),
        }
    }

    /// The clock's time in nanoseconds.
    pub(super) fn now(self, faaslet: &Faaslet) -> u64 {
        let since = match self {
            Self::Realtime => time_of_day(),
            Self::Monotonic => monotonic(),
            Self::Cpu => faaslet.clock.started.elapsed(),
        };
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that never goes back, the same for all Faaslets: a caller and its callee can compare.
/// It starts from the time of day, so that an image knows no later time than the next server.
fn monotonic() -> Duration {
    static START: OnceLock<(Instant, Duration)> = OnceLock::new();
    let (start, since) = START.get_or_init(|| (Instant::now(), time_of_day()));
    start.elapsed() + *since
}

fn time_of_day() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "clock_res_get",
        |mut host: Host<'_>, id: u32, out: u32| errno(resolution(&mut host, id, out)),
    )?;
    linker.func_wrap(
        WASI,
        "clock_time_get",
        |mut host: Host<'_>, id: u32, _precision: u64, out: u32| errno(time(&mut host, id, out)),
    )?;
    Ok(())
}

fn resolution(host: &mut Host<'_>, id: u32, out: u32) -> Done {
    Clock::from_id(id)?;
    let (mut memory, _) = guest(host, "clock_res_get")?;
    Ok(memory.write_u64(out, 1)?)
}

fn time(host: &mut Host<'_>, id: u32, out: u32) -> Done {
    let clock = Clock::from_id(id)?;
    let (mut memory, faaslet) = guest(host, "clock_time_get")?;
    Ok(memory.write_u64(out, clock.now(faaslet))?)
}
