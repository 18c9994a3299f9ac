//! Operations of reductions.

mod combine;

pub(crate) use combine::{Combine, combine};

use crate::abi::Handle;
use crate::datatype::{Basic, Datatype};
use crate::error::{Class, Result};
use crate::host::Callback;
use crate::memory::Memory;
use crate::rank::Rank;

/// An operation that a program has made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserOp {
    /// Its number in the program's table.
    pub(crate) function: u32,
    pub(crate) commutes: bool,
}

/// How the items of a reduction are put together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reduction {
    /// By the host.
    Host(Combine),
    /// By a function of the program.
    Guest(Callback),
}

impl<M: Memory> Rank<M> {
    /// How an operation reduces items of a type.
    pub(crate) fn reduction(&self, op: Handle, datatype: &Datatype) -> Result<Reduction> {
        let Some(builtin) = combine::builtin(op) else {
            let user = self.ops.get(op)?;
            return Ok(Reduction::Guest(Callback::Operation(user.function)));
        };
        match datatype.basic {
            Some(Basic::F128) => Ok(Reduction::Guest(Callback::LongDouble)),
            basic => {
                let combine = basic.and_then(|basic| Combine::new(builtin, basic));
                let combine = combine.ok_or_else(|| {
                    Class::Op.because("the operation is not defined for the datatype")
                })?;
                Ok(Reduction::Host(combine))
            }
        }
    }

    /// Whether an operation may be applied in any order.
    pub(crate) fn commutes(&self, op: Handle) -> Result<bool> {
        match combine::builtin(op) {
            Some(_) => Ok(true),
            None => self.ops.get(op).map(|user| user.commutes),
        }
    }
}

/// Whether a handle is that of a predefined operation.
pub(crate) fn is_predefined(op: Handle) -> bool {
    combine::builtin(op).is_some()
}
