//! What is done beside the requests: keeping what is pinned, and dropping what is not.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use faasm_state::tier::Generation;
use tokio::sync::mpsc::UnboundedReceiver;

use super::assemble::Code;
use super::error::Error;
use super::keys::{Prefix, Shard};
use super::link::{Link, arrays, only};
use super::pins::Pins;
use super::request::{Answer, Call, Request};
use super::scripts;

/// Chunks that are dropped in one step: a few tenths of a millisecond of the server's.
const SWEEP_CHUNKS: u64 = 512;

/// Generations that one script keeps.
const HELD_TOGETHER: usize = 512;

/// A script that belongs to no key.
pub(super) fn call(prefix: &Prefix, code: &'static Code, shard: Shard, grace: Duration) -> Call {
    let call = Call::new(code, prefix.shard(shard)).repeatable();
    call.arg(grace.as_millis()).arg("").arg("").arg(0).arg(0)
}

/// Starts the work, which ends with the link.
pub(super) fn start(
    link: &Arc<Link>,
    pins: &Arc<Pins>,
    abandoned: UnboundedReceiver<Generation>,
    grace: Duration,
) {
    let (weak, held) = (Arc::downgrade(link), Arc::clone(pins));
    link.spawn(hold(weak, held, grace));
    link.spawn(drop_abandoned(Arc::downgrade(link), abandoned, grace));
    link.spawn(sweep(Arc::downgrade(link), grace));
}

/// Asks for what is pinned to be kept, again and again.
async fn hold(link: Weak<Link>, pins: Arc<Pins>, grace: Duration) {
    loop {
        tokio::time::sleep(grace / 3).await;
        let Some(link) = link.upgrade() else { return };
        if let Err(error) = hold_all(&link, &pins, grace).await {
            link.complain(&error, "Redis was not told what state is still in use");
        }
    }
}

async fn hold_all(link: &Link, pins: &Pins, grace: Duration) -> Result<(), Error> {
    let mut by_shard: HashMap<u64, Vec<Generation>> = HashMap::new();
    for generation in pins.held() {
        let shard = Shard::of_generation(generation).number();
        by_shard.entry(shard).or_default().push(generation);
    }
    for together in by_shard
        .values()
        .flat_map(|held| held.chunks(HELD_TOGETHER))
    {
        let shard = Shard::of_generation(together[0]);
        let call = call(link.prefix(), &scripts::HOLD, shard, grace);
        let call = together.iter().fold(call, |call, held| call.arg(held.0));
        link.script(call).await?;
    }
    Ok(())
}

/// Has staged generations dropped that nobody will publish.
async fn drop_abandoned(
    link: Weak<Link>,
    mut abandoned: UnboundedReceiver<Generation>,
    grace: Duration,
) {
    while let Some(generation) = abandoned.recv().await {
        let Some(link) = link.upgrade() else { return };
        let shard = Shard::of_generation(generation);
        let call = call(link.prefix(), &scripts::ABANDON, shard, grace).arg(generation.0);
        // What is not heard goes all the same when its grace is over.
        if let Err(error) = link.script(call).await {
            tracing::debug!(%error, "an abandoned value stays for a while");
        }
    }
}

/// Drops what nobody keeps any more, whoever left it.
async fn sweep(link: Weak<Link>, grace: Duration) {
    loop {
        tokio::time::sleep(grace / 3).await;
        let Some(link) = link.upgrade() else { return };
        if let Err(error) = sweep_all(&link, grace).await {
            tracing::debug!(%error, "what is not needed any more stays for a while");
        }
    }
}

async fn sweep_all(link: &Link, grace: Duration) -> Result<(), Error> {
    let Some(clock) = link.clock() else {
        return Ok(());
    };
    let now = clock.now_ms();
    let mut pipeline = redis::pipe();
    for shard in Shard::all() {
        let due = pipeline.cmd("ZRANGEBYSCORE").arg(link.prefix().old(shard));
        due.arg("-inf").arg(now).arg("LIMIT").arg(0).arg(1);
    }
    let answer = link.ask(&Request::Pipeline(pipeline), 0).await?;
    let found = arrays(answer).map_err(|problem| link.blame(problem))?;
    for (shard, due) in Shard::all().zip(found) {
        let mut is_more = !due.is_empty();
        while is_more {
            let call = call(link.prefix(), &scripts::SWEEP, shard, grace).arg(SWEEP_CHUNKS);
            let answer = link.script(call).await?;
            is_more = matches!(&answer, Answer::Done(fields) if only(fields) == b"1");
        }
    }
    Ok(())
}
