//! The buffer that a program has attached for `MPI_Bsend`.
//!
//! What cannot be put down with its receiver at once is copied to the program's buffer, and from
//! there to the receiver.

use std::sync::Arc;

use crate::abi::{Address, BSEND_OVERHEAD, Handle};
use crate::datatype::{self, Layout};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::transfer::Transfer;

/// An attached buffer, and the messages in it.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) address: Address,
    pub(crate) size: u32,
    /// Where they start and how much they take, in their order in the buffer.
    messages: Vec<(u32, u32, Arc<Transfer>)>,
}

impl Attached {
    pub(crate) fn new(address: Address, size: u32) -> Self {
        Self {
            address,
            size,
            messages: Vec::new(),
        }
    }

    /// Whether all messages have been received.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.iter().all(|(_, _, t)| t.is_done())
    }

    /// Room for a message of so many bytes: where in the list, and where in the buffer.
    fn room(&mut self, bytes: u32) -> Option<(usize, u32)> {
        self.messages.retain(|(_, _, transfer)| !transfer.is_done());
        let mut from = 0;
        for (index, (at, len, _)) in self.messages.iter().enumerate() {
            if at - from >= bytes {
                return Some((index, from));
            }
            from = at + len;
        }
        (self.size - from >= bytes).then_some((self.messages.len(), from))
    }
}

/// Copies a message to the attached buffer, to be sent from there. `number` is for other parts of the
/// world, if it is for one.
pub(crate) fn put<H: Host>(host: &mut H, layout: &Layout, number: u64) -> Result<Arc<Transfer>> {
    let rank = host.rank();
    let (me, account) = (rank.me, rank.account.clone());
    let attached = rank.attached.as_mut();
    let attached = attached.ok_or_else(|| Class::Buffer.because("no buffer is attached"))?;
    let full = || Class::Buffer.because("the attached buffer has no room for the message");
    let needed = layout.size.saturating_add(BSEND_OVERHEAD as u64);
    let needed = u32::try_from(needed).map_err(|_| full())?;
    let (index, at) = attached.room(needed).ok_or_else(full)?;
    let address = attached.address.item(1, at);
    let bytes = datatype::predefined(Handle::BYTE).ok_or(Class::Intern)?;
    let place = Layout::of(address, layout.size, bytes.clone())?;
    let transfer = Arc::new(Transfer::new(me, place.clone(), &account, number)?);
    let message = (at, needed, Arc::clone(&transfer));
    attached.messages.insert(index, message);
    host.with(|memory| Ok(datatype::duplicate(memory, layout, &place)?))?;
    Ok(transfer)
}
