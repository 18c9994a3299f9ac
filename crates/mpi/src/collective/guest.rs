//! Reductions by functions of the program.

use super::exchange::Meeting;
use super::movement::{Job, take};
use crate::abi::{Address, Handle};
use crate::comm::Comm;
use crate::datatype::Layout;
use crate::error::{Class, Error, Result};
use crate::host::{Callback, Host, HostExt};
use crate::memory::MemoryExt;

/// A reduction that functions of the program compute.
pub(crate) struct ByGuest {
    pub(crate) function: Callback,
    pub(crate) op: Handle,
    pub(crate) datatype: Handle,
    /// The data of one rank, wherever it is.
    pub(crate) shape: Layout,
}

/// Memory that the program has allocated for a reduction.
pub(crate) struct Scratch {
    address: u32,
    /// The result, when there is one.
    pub(crate) result: Layout,
    other: Layout,
    words: Address,
}

/// Bytes for the count and the handle that the function is given addresses of.
const WORDS: u64 = 8;
const ALIGN: u64 = 16;

/// Puts the data of the ranks before `end` together, in memory that the program allocates and that
/// is to be [freed](Scratch::free).
pub(crate) async fn reduce_by_guest<H: Host>(
    host: &mut H,
    comm: &Comm,
    meeting: &Meeting,
    by: &ByGuest,
    end: usize,
) -> Result<Scratch> {
    let scratch = Scratch::new(host, &by.shape).await?;
    let job = |from, into: &Layout| Job {
        from,
        part: 0,
        into: into.clone(),
    };
    take(host, comm, meeting, &[job(end - 1, &scratch.result)]).await?;
    // The function puts its first argument before its second.
    for rank in (0..end - 1).rev() {
        take(host, comm, meeting, &[job(rank, &scratch.other)]).await?;
        scratch.apply(host, by).await?;
    }
    Ok(scratch)
}

impl Scratch {
    async fn new<H: Host>(host: &mut H, shape: &Layout) -> Result<Self> {
        let kind = &shape.datatype;
        let count = i128::from(shape.count);
        // From the first byte of data to the last, wherever they are beside the address.
        let steps = i128::from(kind.extent) * (count - 1).max(0);
        let lower = i128::from(kind.true_lower) + steps.min(0);
        let upper = i128::from(kind.true_upper) + steps.max(0);
        let span = (upper - lower.min(0)).max(0) as u128;
        let too_large = || Class::NoMem.because("the data of a reduction is too large");
        let span = u64::try_from(span).map_err(|_| too_large())?;
        let span = span.checked_next_multiple_of(ALIGN).ok_or_else(too_large)?;
        let total = span
            .checked_mul(2)
            .and_then(|both| both.checked_add(WORDS + ALIGN));
        let total = total.and_then(|total| u32::try_from(total).ok());
        let address = host.memory_for(total.ok_or_else(too_large)?).await?;
        let address = address.ok_or_else(|| {
            Class::NoMem.because("the program's malloc has no memory for a reduction")
        })?;
        let base = u64::from(address).next_multiple_of(ALIGN);
        let back = u64::try_from(-lower.min(0)).map_err(|_| too_large())?;
        let place = |offset: u64| u32::try_from(base + offset).map_err(|_| too_large());
        let layout = |offset| {
            let address = Address(place(offset)?);
            Layout::of(address, shape.count, kind.clone())
        };
        Ok(Self {
            address,
            result: layout(back)?,
            other: layout(span + back)?,
            words: Address(place(2 * span)?),
        })
    }

    async fn apply<H: Host>(&self, host: &mut H, by: &ByGuest) -> Result<()> {
        let count = self.result.count as u32;
        let (from, into) = (self.other.address.0, self.result.address.0);
        if by.function == Callback::LongDouble {
            let arguments = [from, into, count, by.datatype.0, by.op.0];
            return match host.call_back(by.function, &arguments).await? {
                Some(0) => Ok(()),
                Some(code) => Err(Error::Returned(code)),
                None => Err(Class::Op.because("the program has no function for long double")),
            };
        }
        let (len, kind) = (self.words, self.words.item(1, 4));
        host.with(|memory| {
            memory.write_word(len, count)?;
            Ok(memory.write_word(kind, by.datatype.0)?)
        })?;
        let arguments = [from, into, len.0, kind.0];
        match host.call_back(by.function, &arguments).await? {
            Some(_) => Ok(()),
            None => {
                Err(Class::Op.because("the operation's function is not in the program's table"))
            }
        }
    }

    /// Gives the memory back.
    pub(crate) async fn free<H: Host>(self, host: &mut H) -> Result<()> {
        Ok(host.free(self.address).await?)
    }
}
