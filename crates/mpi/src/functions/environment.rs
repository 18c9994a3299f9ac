//! The beginning and the end, and what there is to know.

use crate::abi::{
    Address, Handle, MAX_PROCESSOR_NAME, THREAD_FUNNELED, THREAD_MULTIPLE, THREAD_SINGLE,
};
use crate::error::{Class, Error, Result, Stop};
use crate::host::{Host, HostExt};
use crate::memory::MemoryExt;
use crate::progress::wait_until;
use crate::rank::Phase;
use crate::request::reap;
use crate::world::Doing;

fn begin<H: Host>(host: &mut H, required: i32) -> Result<i32> {
    let rank = host.rank();
    rank.world.check()?;
    if rank.phase != Phase::New {
        let (call, problem) = (rank.call, "it is called twice".into());
        return Err(Stop::Misuse { call, problem }.into());
    }
    // A function has one thread.
    let thread_level = required.min(THREAD_FUNNELED);
    rank.phase = Phase::Running { thread_level };
    Ok(thread_level)
}

pub(crate) fn init<H: Host>(host: &mut H, _argc: Address, _argv: Address) -> Result<()> {
    begin(host, THREAD_SINGLE).map(drop)
}

pub(crate) fn init_thread<H: Host>(
    host: &mut H,
    _argc: Address,
    _argv: Address,
    required: i32,
    provided: Address,
) -> Result<()> {
    if !(THREAD_SINGLE..=THREAD_MULTIPLE).contains(&required) {
        return Err(Class::Arg.because(format!("the level is {required}")));
    }
    let level = begin(host, required)?;
    host.with(|memory| Ok(memory.write_int(provided, level)?))
}

pub(crate) fn query_thread<H: Host>(host: &mut H, provided: Address) -> Result<()> {
    let level = match host.rank().phase {
        Phase::Running { thread_level } => thread_level,
        _ => THREAD_SINGLE,
    };
    host.with(|memory| Ok(memory.write_int(provided, level)?))
}

pub(crate) fn is_thread_main<H: Host>(host: &mut H, flag: Address) -> Result<()> {
    host.with(|memory| Ok(memory.write_int(flag, 1)?))
}

pub(crate) fn initialized<H: Host>(host: &mut H, flag: Address) -> Result<()> {
    let value = host.rank().phase != Phase::New;
    host.with(|memory| Ok(memory.write_int(flag, i32::from(value))?))
}

pub(crate) fn finalized<H: Host>(host: &mut H, flag: Address) -> Result<()> {
    let value = host.rank().phase == Phase::Finalized;
    host.with(|memory| Ok(memory.write_int(flag, i32::from(value))?))
}

pub(crate) async fn finalize<H: Host>(host: &mut H) -> Result<()> {
    super::attributes::delete_all(host, Handle::COMM_SELF).await?;
    reap(host)?;
    // What others still copy from here has to be copied before the memory is gone.
    let call = host.rank().call;
    let doing = Doing::Unreceived { call };
    wait_until(host, doing, |rank| {
        rank.attached
            .as_ref()
            .is_none_or(crate::buffer::Attached::is_empty)
            && rank.orphans.iter().all(|(active, _)| rank.is_sent(active))
    })
    .await?;
    let rank = host.rank();
    rank.phase = Phase::Finalized;
    rank.world.leave(rank.me, "MPI_Finalize() was called");
    Ok(())
}

pub(crate) fn abort<H: Host>(host: &mut H, _comm: Handle, code: i32) -> Result<()> {
    let rank = host.rank();
    let me = rank.me;
    if rank.is_running() {
        rank.phase = Phase::Over;
    }
    let reason = format!("rank {me}: MPI_Abort with code {code}");
    Err(Error::Stop(rank.abort(Some(code), reason)))
}

pub(crate) fn get_processor_name<H: Host>(host: &mut H, name: Address, len: Address) -> Result<()> {
    // Programs tell machines apart by this.
    let mut text = "faasm".to_owned();
    let world = &host.rank().world;
    if world.remote.is_some() {
        text = format!("{text}-{}", world.own_part());
    }
    // The longest number of a part has 20 digits.
    const { assert!("faasm-".len() + 20 < MAX_PROCESSOR_NAME) }
    host.with(|memory| {
        memory.write_string(name, text.as_bytes())?;
        Ok(memory.write_word(len, text.len() as u32)?)
    })
}

pub(crate) fn get_version<H: Host>(
    host: &mut H,
    version: Address,
    subversion: Address,
) -> Result<()> {
    host.with(|memory| {
        memory.write_int(version, 5)?;
        Ok(memory.write_int(subversion, 0)?)
    })
}

pub(crate) fn get_library_version<H: Host>(
    host: &mut H,
    text: Address,
    len: Address,
) -> Result<()> {
    let version = concat!("faasm ", env!("CARGO_PKG_VERSION"));
    host.with(|memory| {
        memory.write_string(text, version.as_bytes())?;
        Ok(memory.write_word(len, version.len() as u32)?)
    })
}
