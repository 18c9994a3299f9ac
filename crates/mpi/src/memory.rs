//! The memory of a rank.

use crate::abi::Address;

/// Bytes that do not lie in a rank's memory, or cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Outside of the memory.
    #[error("{len} bytes at {at:#x} are outside the memory of {size} bytes")]
    Outside {
        /// Where they start.
        at: u32,
        /// How many they are.
        len: u64,
        /// How large the memory is, in bytes.
        size: u64,
    },
    /// What is mapped there has failed.
    #[error("{0}")]
    Unusable(String),
}

/// The memory of one rank while its program stands still in an MPI call.
///
/// A value of this type is the right to touch the memory. A rank that calls MPI lends it to its
/// world, so that messages can be copied straight from one memory to another, and takes it back
/// before its program goes on or is torn down: then nobody else can have it.
pub trait Memory: Send + Sync + 'static {
    /// The memory's size in bytes.
    fn size(&self) -> u64;

    /// `len` bytes to read.
    ///
    /// # Errors
    /// If they do not all lie in the memory.
    fn slice(&self, at: u32, len: u32) -> Result<&[u8], BadAddress>;

    /// `len` bytes to change.
    ///
    /// # Errors
    /// If they do not all lie in the memory.
    fn slice_mut(&mut self, at: u32, len: u32) -> Result<&mut [u8], BadAddress>;
}

impl Memory for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn slice(&self, at: u32, len: u32) -> Result<&[u8], BadAddress> {
        let range = within(at, len, self.len())?;
        Ok(&self[range])
    }

    fn slice_mut(&mut self, at: u32, len: u32) -> Result<&mut [u8], BadAddress> {
        let range = within(at, len, self.len())?;
        Ok(&mut self[range])
    }
}

/// The range of `len` bytes at `at` in a memory of `size` bytes.
///
/// # Errors
/// If they do not all lie in it.
pub fn within(at: u32, len: u32, size: usize) -> Result<std::ops::Range<usize>, BadAddress> {
    let end = u64::from(at) + u64::from(len);
    match usize::try_from(end) {
        Ok(end) if end <= size => Ok(at as usize..end),
        _ => Err(BadAddress::Outside {
            at,
            len: u64::from(len),
            size: size as u64,
        }),
    }
}

/// Reading and writing what C keeps in memory.
pub(crate) trait MemoryExt: Memory {
    fn read<const N: usize>(&self, at: Address) -> Result<[u8; N], BadAddress> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.slice(at.0, N as u32)?);
        Ok(bytes)
    }

    fn read_int(&self, at: Address) -> Result<i32, BadAddress> {
        self.read(at).map(i32::from_le_bytes)
    }

    fn read_word(&self, at: Address) -> Result<u32, BadAddress> {
        self.read(at).map(u32::from_le_bytes)
    }

    fn write(&mut self, at: Address, bytes: &[u8]) -> Result<(), BadAddress> {
        let len = u32::try_from(bytes.len()).map_err(|_| BadAddress::Outside {
            at: at.0,
            len: bytes.len() as u64,
            size: self.size(),
        })?;
        self.slice_mut(at.0, len)?.copy_from_slice(bytes);
        Ok(())
    }

    fn write_int(&mut self, at: Address, value: i32) -> Result<(), BadAddress> {
        self.write(at, &value.to_le_bytes())
    }

    fn write_word(&mut self, at: Address, value: u32) -> Result<(), BadAddress> {
        self.write(at, &value.to_le_bytes())
    }

    fn write_ints(&mut self, at: Address, values: &[i32]) -> Result<(), BadAddress> {
        for (index, value) in values.iter().enumerate() {
            self.write_int(at.item(index, 4), *value)?;
        }
        Ok(())
    }

    /// `count` values of 32 bits each.
    fn words(&self, at: Address, count: usize) -> Result<&[[u8; 4]], BadAddress> {
        let len = (count as u64).saturating_mul(4);
        let bytes = u32::try_from(len).map_err(|_| BadAddress::Outside {
            at: at.0,
            len,
            size: self.size(),
        })?;
        Ok(self.slice(at.0, bytes)?.as_chunks::<4>().0)
    }

    /// The same as numbers: not more than there have to be, since they are copied.
    fn read_ints(&self, at: Address, count: usize) -> Result<Vec<i32>, BadAddress> {
        let words = self.words(at, count)?.iter();
        Ok(words.map(|word| i32::from_le_bytes(*word)).collect())
    }

    /// A string with its final zero, which lies within the next `max` bytes; nothing if none does.
    fn read_string(&self, at: Address, max: usize) -> Result<Option<Vec<u8>>, BadAddress> {
        let rest = self.size().saturating_sub(u64::from(at.0));
        let len = rest.min(max as u64) as u32;
        let window = self.slice(at.0, len.max(1))?;
        let end = window.iter().position(|&byte| byte == 0);
        Ok(end.map(|end| window[..end].to_vec()))
    }

    /// Writes a string with a final zero.
    fn write_string(&mut self, at: Address, text: &[u8]) -> Result<(), BadAddress> {
        self.write(at, text)?;
        self.write(at.item(text.len(), 1), &[0])
    }
}

impl<M: Memory + ?Sized> MemoryExt for M {}
