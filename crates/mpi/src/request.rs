//! Operations that a program waits for later.

use std::sync::Arc;

use crate::abi::Handle;
use crate::datatype::Layout;
use crate::error::{Class, Result};
use crate::host::Host;
use crate::mailbox::Envelope;
use crate::memory::Memory;
use crate::message::{self, Outgoing, Receiving, Sent, Wanted};
use crate::rank::Rank;
use crate::status::Status;
use crate::sync::lock;
use crate::transfer::Transfer;
use crate::world::{Doing, Target};

/// A request of a program.
#[derive(Debug)]
pub(crate) struct Request {
    /// The communicator whose error handler hears of its errors.
    pub(crate) comm: Handle,
    /// None if it is persistent and was not started.
    pub(crate) active: Option<Active>,
    /// What it is to do each time, if it is persistent.
    pub(crate) plan: Option<Plan>,
    /// Whom it waits for.
    pub(crate) target: Option<Target>,
}

/// An operation that goes on.
#[derive(Debug)]
pub(crate) enum Active {
    Done(Status),
    Sending {
        transfer: Arc<Transfer>,
        /// The receiver's rank in the world.
        dest: u32,
    },
    Receiving {
        slot: u32,
        layout: Layout,
    },
}

/// What a persistent request does.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Send(Outgoing),
    Receive(Wanted),
}

/// Begins to send.
pub(crate) fn begin_send<H: Host>(host: &mut H, message: &Outgoing) -> Result<Active> {
    Ok(match (message::send(host, message)?, message.dest()) {
        (Sent::Transfer(transfer), Some(dest)) => Active::Sending { transfer, dest },
        _ => Active::Done(Status::EMPTY),
    })
}

/// Begins to receive.
pub(crate) fn begin_receive<H: Host>(host: &mut H, wanted: &Wanted) -> Result<Active> {
    let receiving = message::receive(host, wanted)?;
    Ok(Active::of(receiving, wanted.layout()))
}

/// Begins to receive a message that was taken before.
pub(crate) fn begin_receive_taken<H: Host>(
    host: &mut H,
    envelope: Envelope,
    layout: &Layout,
) -> Result<Active> {
    let receiving = message::receive_taken(host, envelope, layout)?;
    Ok(Active::of(receiving, layout))
}

impl Active {
    fn of(receiving: Receiving, layout: &Layout) -> Self {
        match receiving {
            Receiving::Done(status) => Self::Done(status),
            Receiving::Slot(slot) => Self::Receiving {
                slot,
                layout: layout.clone(),
            },
        }
    }
}

impl<M: Memory> Rank<M> {
    /// Whether an operation is complete.
    pub(crate) fn is_complete(&self, active: &Active) -> bool {
        match active {
            Active::Done(_) => true,
            Active::Sending { transfer, .. } => transfer.is_done(),
            Active::Receiving { slot, .. } => self.has_received(*slot),
        }
    }

    /// Whether nobody needs this rank for an operation any more.
    pub(crate) fn is_sent(&self, active: &Active) -> bool {
        matches!(active, Active::Receiving { .. }) || self.is_complete(active)
    }

    /// Whether there is nothing to wait for: the request is complete, none, or not started.
    pub(crate) fn needs_no_wait(&self, handle: Handle) -> Result<bool> {
        if handle == Handle::REQUEST_NULL {
            return Ok(true);
        }
        let active = self.requests.get(handle)?.active.as_ref();
        Ok(active.is_none_or(|active| self.is_complete(active)))
    }

    /// Whether something goes on, or is complete and not yet looked at.
    pub(crate) fn is_active(&self, handle: Handle) -> Result<bool> {
        if handle == Handle::REQUEST_NULL {
            return Ok(false);
        }
        Ok(self.requests.get(handle)?.active.is_some())
    }

    /// What waiting for some of these requests is, for the report of a deadlock.
    pub(crate) fn doing(&self, handles: impl Iterator<Item = Handle>) -> Doing {
        let waiting = handles.filter(|&handle| matches!(self.needs_no_wait(handle), Ok(false)));
        let (mut count, mut first) = (0, [None; Doing::MAX_TARGETS]);
        for handle in waiting {
            if let Some(place) = first.get_mut(count) {
                *place = self.requests.get(handle).ok().and_then(|r| r.target);
            }
            count += 1;
        }
        let call = self.call;
        Doing::Requests { call, count, first }
    }

    /// The status of a request that needs no wait, without changing it.
    pub(crate) fn status_of(&self, handle: Handle) -> Result<Status> {
        if handle == Handle::REQUEST_NULL {
            return Ok(Status::EMPTY);
        }
        Ok(match &self.requests.get(handle)?.active {
            Some(Active::Done(status)) => *status,
            Some(Active::Receiving { slot, layout }) => {
                let mailbox = lock(&self.world.seat(self.me).mailbox);
                let envelope = mailbox.look(*slot).ok_or(Class::Intern)?;
                message::status(envelope, Some(layout.size))
            }
            Some(Active::Sending { transfer, .. }) => transfer.sent(),
            None => Status::EMPTY,
        })
    }

    /// Gives an operation up, if it is not too late.
    pub(crate) fn cancel(&mut self, handle: Handle) -> Result<()> {
        let request = self.requests.get_mut(handle)?;
        let active = request.active.as_mut().ok_or(Class::Request)?;
        let seats = &self.world;
        let is_cancelled = match active {
            Active::Done(_) => false,
            Active::Sending { transfer, dest } => match seats.remote_of(*dest) {
                None => lock(&seats.seat(*dest).mailbox).withdraw(transfer),
                // It is known when the other part has answered.
                Some((remote, part)) => {
                    remote.withdraw(part, transfer);
                    false
                }
            },
            Active::Receiving { slot, .. } => lock(&seats.seat(self.me).mailbox).cancel(*slot),
        };
        if is_cancelled {
            if let Active::Sending { transfer, .. } = active {
                let gone = Arc::clone(transfer);
                self.transfers.retain(|other| !Arc::ptr_eq(other, &gone));
            }
            *active = Active::Done(Status::CANCELLED);
        }
        Ok(())
    }
}

/// Ends a request that needs no wait: its status, and whether its handle is gone.
pub(crate) fn retire<H: Host>(host: &mut H, handle: Handle) -> Result<(Status, bool)> {
    if handle == Handle::REQUEST_NULL {
        return Ok((Status::EMPTY, false));
    }
    let rank = host.rank();
    let request = rank.requests.get_mut(handle)?;
    let active = request.active.take();
    let comm = request.comm;
    let is_gone = request.plan.is_none();
    if is_gone {
        rank.requests.remove(handle)?;
    }
    let status = match active {
        None => Status::EMPTY,
        Some(active) => finish(host, active)?,
    };
    if status.error.is_some() {
        host.rank().raising = comm;
    }
    Ok((status, is_gone))
}

/// The status of an operation that is complete.
fn finish<H: Host>(host: &mut H, active: Active) -> Result<Status> {
    match active {
        Active::Done(status) => Ok(status),
        Active::Sending { transfer, .. } => Ok(transfer.sent()),
        Active::Receiving { slot, layout } => message::collect(host, slot, &layout),
    }
}

/// Ends freed requests that have become complete.
pub(crate) fn reap<H: Host>(host: &mut H) -> Result<()> {
    let mut orphans = std::mem::take(&mut host.rank().orphans);
    let complete = orphans.extract_if(.., |(active, _)| host.rank().is_complete(active));
    let complete: Vec<_> = complete.collect();
    host.rank().orphans = orphans;
    for (active, _held) in complete {
        finish(host, active)?;
    }
    Ok(())
}
