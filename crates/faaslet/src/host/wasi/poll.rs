//! Waiting for clocks and descriptors.

use std::time::Duration;

use faasm_vfs::{Errno, Fd};
use wasmtime::Linker;

use super::clock::Clock;
use super::layout::{u32_at, u64_at};
use super::{Done, Host, WASI, errno};
use crate::faaslet::Faaslet;
use crate::memory::guest;

/// Most subscriptions of one poll.
const MAX_SUBSCRIPTIONS: u32 = 1024;
const SUBSCRIPTION_SIZE: u32 = 48;
const EVENT_SIZE: u32 = 32;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        WASI,
        "poll_oneoff",
        |mut host: Host<'_>, (subscriptions, events, count, out): (u32, u32, u32, u32)| {
            Box::new(async move { errno(poll(&mut host, subscriptions, events, count, out).await) })
        },
    )?;
    Ok(())
}

/// What a guest waits for.
struct Subscription {
    userdata: u64,
    kind: Kind,
}

enum Kind {
    Clock(Result<(Clock, Duration), Errno>),
    Descriptor { tag: u8, fd: Fd },
}

impl Subscription {
    fn parse(bytes: &[u8], faaslet: &Faaslet) -> Result<Self, Errno> {
        let tag = bytes.get(8).copied().unwrap_or(u8::MAX);
        let kind = match tag {
            0 => Kind::Clock(timeout(bytes, faaslet)),
            1 | 2 => Kind::Descriptor {
                tag,
                fd: Fd(u32_at(bytes, 16)),
            },
            _ => return Err(Errno::Inval),
        };
        let userdata = u64_at(bytes, 0);
        Ok(Self { userdata, kind })
    }
}

/// How long from now until a clock subscription is due.
fn timeout(bytes: &[u8], faaslet: &Faaslet) -> Result<(Clock, Duration), Errno> {
    let clock = Clock::from_id(u32_at(bytes, 16))?;
    let timeout = u64_at(bytes, 24);
    let is_absolute = u32_at(bytes, 40) & 1 == 1;
    let nanos = match is_absolute {
        true => timeout.saturating_sub(clock.now(faaslet)),
        false => timeout,
    };
    Ok((clock, Duration::from_nanos(nanos)))
}

async fn poll(host: &mut Host<'_>, subscriptions: u32, events: u32, count: u32, out: u32) -> Done {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Inval.into());
    }
    let (memory, faaslet) = guest(host, "poll_oneoff")?;
    // Where the answer goes is checked before the wait.
    memory.array(events, count, EVENT_SIZE)?;
    memory.slice(out, 4)?;
    let raw = memory
        .array(subscriptions, count, SUBSCRIPTION_SIZE)?
        .to_vec();
    let parsed = raw.chunks(SUBSCRIPTION_SIZE as usize);
    let parsed: Vec<_> = parsed
        .map(|bytes| Subscription::parse(bytes, faaslet))
        .collect::<Result<_, _>>()?;
    let pause = shortest(&parsed);
    if !pause.is_zero() {
        host.data().wait(tokio::time::sleep(pause)).await?;
    }
    let (mut memory, faaslet) = guest(host, "poll_oneoff")?;
    let mut written = 0;
    for subscription in &parsed {
        if let Some(event) = event(subscription, pause, faaslet) {
            memory.write(events.saturating_add(written * EVENT_SIZE), &event)?;
            written += 1;
        }
    }
    Ok(memory.write_u32(out, written)?)
}

/// How long to wait: not at all when a descriptor is polled, since these are always
/// ready, or when a subscription is wrong.
fn shortest(subscriptions: &[Subscription]) -> Duration {
    let waits = subscriptions.iter().map(|s| match s.kind {
        Kind::Clock(Ok((_, timeout))) => timeout,
        Kind::Clock(Err(_)) | Kind::Descriptor { .. } => Duration::ZERO,
    });
    waits.min().unwrap_or_default()
}

/// The event of a subscription that is due after `pause`.
fn event(subscription: &Subscription, pause: Duration, faaslet: &mut Faaslet) -> Option<[u8; 32]> {
    let mut event = [0; 32];
    let (tag, error) = match subscription.kind {
        Kind::Clock(Ok((_, timeout))) if timeout > pause => return None,
        Kind::Clock(Ok(_)) => (0, None),
        Kind::Clock(Err(errno)) => (0, Some(errno)),
        Kind::Descriptor { tag, fd } => (tag, faaslet.vfs.kind(fd).err()),
    };
    event[0..8].copy_from_slice(&subscription.userdata.to_le_bytes());
    let errno = error.map_or(0, |errno| errno as u16);
    event[8..10].copy_from_slice(&errno.to_le_bytes());
    event[10] = tag;
    if tag != 0 && error.is_none() {
        // How many bytes can be moved at once: not known, but not none.
        event[16..24].copy_from_slice(&1u64.to_le_bytes());
    }
    Some(event)
}
