//! What a receive has found, and how C sees it.

use crate::abi::{ANY_SOURCE, ANY_TAG, Address, PROC_NULL, STATUS_BYTES};
use crate::error::{Class, Result};
use crate::memory::{Memory, MemoryExt};

/// An `MPI_Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) source: i32,
    pub(crate) tag: i32,
    pub(crate) error: Option<Class>,
    pub(crate) bytes: u64,
    pub(crate) is_cancelled: bool,
}

/// Where the parts are, in bytes.
const TAG: u32 = 4;
const ERROR: u32 = 8;
const BYTES: u32 = 12;
const CANCELLED: u32 = 20;
const REST: u32 = 24;

impl Status {
    /// Of nothing at all.
    pub(crate) const EMPTY: Self = Self {
        source: ANY_SOURCE,
        tag: ANY_TAG,
        error: None,
        bytes: 0,
        is_cancelled: false,
    };

    /// Of a receive from nobody.
    pub(crate) const FROM_NOBODY: Self = Self {
        source: PROC_NULL,
        ..Self::EMPTY
    };

    /// Of an operation that was cancelled.
    pub(crate) const CANCELLED: Self = Self {
        is_cancelled: true,
        ..Self::EMPTY
    };

    pub(crate) fn read<M: Memory>(memory: &M, at: Address) -> Result<Self> {
        if at == Address::NULL {
            return Err(Class::Arg.because("there is no status"));
        }
        Ok(Self {
            source: memory.read_int(at)?,
            tag: memory.read_int(at.item(1, TAG))?,
            error: Class::from_code(memory.read_int(at.item(1, ERROR))?),
            bytes: u64::from_le_bytes(memory.read(at.item(1, BYTES))?),
            is_cancelled: memory.read_int(at.item(1, CANCELLED))? != 0,
        })
    }

    /// Writes it, unless the program does not want it.
    pub(crate) fn write<M: Memory>(&self, memory: &mut M, at: Address) -> Result<()> {
        if at == Address::NULL {
            return Ok(());
        }
        memory.slice_mut(at.0, STATUS_BYTES)?;
        memory.write_int(at, self.source)?;
        memory.write_int(at.item(1, TAG), self.tag)?;
        memory.write(at.item(1, BYTES), &self.bytes.to_le_bytes())?;
        memory.write_int(at.item(1, CANCELLED), i32::from(self.is_cancelled))?;
        memory.write(at.item(1, REST), &[0; (STATUS_BYTES - REST) as usize])?;
        Ok(())
    }

    /// Writes one of an array, with its error or that of an operation that is not complete.
    pub(crate) fn write_with_error<M: Memory>(
        &self,
        memory: &mut M,
        array: Address,
        index: usize,
    ) -> Result<()> {
        if array == Address::NULL {
            return Ok(());
        }
        let at = array.item(index, STATUS_BYTES);
        self.write(memory, at)?;
        memory.write_int(
            at.item(1, ERROR),
            self.error.map_or(0, |class| class as i32),
        )?;
        Ok(())
    }
}
