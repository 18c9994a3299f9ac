//! Operations that programs make.

use crate::abi::{Address, Handle};
use crate::error::Result;
use crate::host::{Host, HostExt};
use crate::memory::MemoryExt;
use crate::op::UserOp;

pub(crate) fn op_create<H: Host>(
    host: &mut H,
    function: i32,
    commutes: i32,
    op: Address,
) -> Result<()> {
    let user = UserOp {
        function: function.cast_unsigned(),
        commutes: commutes != 0,
    };
    let handle = host.rank().ops.insert(user)?;
    host.with(|memory| Ok(memory.write_word(op, handle.0)?))
}

pub(crate) fn op_free<H: Host>(host: &mut H, op: Address) -> Result<()> {
    let handle = host.with(|memory| Ok(Handle(memory.read_word(op)?)))?;
    host.rank().ops.remove(handle)?;
    host.with(|memory| Ok(memory.write_word(op, Handle::OP_NULL.0)?))
}

pub(crate) fn op_commutative<H: Host>(host: &mut H, op: Handle, flag: Address) -> Result<()> {
    let commutes = host.rank().commutes(op)?;
    host.with(|memory| Ok(memory.write_int(flag, i32::from(commutes))?))
}
