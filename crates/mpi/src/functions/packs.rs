//! Packing data into a buffer.

use crate::abi::{Address, Handle};
use crate::datatype::{self, Layout};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::memory::{Memory, MemoryExt};
use crate::message::Buffer;

pub(crate) fn pack_size<H: Host>(
    host: &mut H,
    count: i32,
    datatype: Handle,
    comm: Handle,
    size: Address,
) -> Result<()> {
    host.rank().comm(comm)?;
    let buffer = Buffer {
        address: Address::NULL,
        count,
        datatype,
    };
    let bytes = host.rank().layout(buffer)?.size;
    let bytes = i32::try_from(bytes).map_err(|_| Class::Count)?;
    host.with(|memory| Ok(memory.write_int(size, bytes)?))
}

/// The packed bytes from the position on, as many as the data has; and the position behind them.
fn window<M: Memory>(
    memory: &M,
    (packed, size): (Address, i32),
    position: Address,
    data: &Layout,
) -> Result<(Layout, i32)> {
    let at = memory.read_int(position)?;
    let room = i64::from(size) - i64::from(at);
    if at < 0 || room < 0 {
        return Err(Class::Arg.because("the position is outside of the buffer"));
    }
    if data.size > room.cast_unsigned() {
        return Err(Class::Truncate.because("the buffer is too small"));
    }
    let bytes = datatype::predefined(Handle::PACKED).ok_or(Class::Intern)?;
    let window = Layout::of(packed, 0, bytes.clone())?.part(i64::from(at), data.size)?;
    // Not more than the buffer has.
    Ok((window, at + data.size as i32))
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) fn pack<H: Host>(
    host: &mut H,
    address: Address,
    count: i32,
    datatype: Handle,
    packed: Address,
    size: i32,
    position: Address,
    comm: Handle,
) -> Result<()> {
    host.rank().comm(comm)?;
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let data = host.rank().layout(buffer)?;
    host.with(|memory| {
        let (window, end) = window(memory, (packed, size), position, &data)?;
        data.check_read(memory)?;
        window.check_write(memory)?;
        datatype::duplicate(memory, &data, &window)?;
        Ok(memory.write_int(position, end)?)
    })
}

#[expect(clippy::too_many_arguments, reason = "as in the standard")]
pub(crate) fn unpack<H: Host>(
    host: &mut H,
    packed: Address,
    size: i32,
    position: Address,
    address: Address,
    count: i32,
    datatype: Handle,
    comm: Handle,
) -> Result<()> {
    host.rank().comm(comm)?;
    let buffer = Buffer {
        address,
        count,
        datatype,
    };
    let data = host.rank().layout(buffer)?;
    host.with(|memory| {
        let (window, end) = window(memory, (packed, size), position, &data)?;
        window.check_read(memory)?;
        data.check_write(memory)?;
        datatype::duplicate(memory, &window, &data)?;
        Ok(memory.write_int(position, end)?)
    })
}
