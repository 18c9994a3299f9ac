//! Checked access to a guest's linear memory.

use std::ops::Range;

use wasmtime::{AsContextMut, Caller, Extern};

use crate::faaslet::Faaslet;

/// A pointer or length from the guest that does not lie in its memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPointer {
    #[error("{import}: {len} bytes at {ptr:#x} are outside the memory of {size} bytes")]
    Outside {
        import: &'static str,
        ptr: u32,
        len: u64,
        size: usize,
    },
    #[error("{import}: the length {len} is negative")]
    Negative { import: &'static str, len: i32 },
    #[error("{import}: the string at {ptr:#x} is longer than {max} bytes or has no end")]
    Unterminated {
        import: &'static str,
        ptr: u32,
        max: usize,
    },
    #[error("{import}: the string at {ptr:#x} is not UTF-8")]
    NotUtf8 { import: &'static str, ptr: u32 },
    #[error("{import}: the module exports no memory named \"memory\"")]
    NoMemory { import: &'static str },
}

type Result<T> = std::result::Result<T, BadPointer>;

/// A guest's memory during one host call, with the import's name for the errors.
pub(crate) struct GuestMemory<'a> {
    bytes: &'a mut [u8],
    import: &'static str,
}

/// The memory and the Faaslet behind a host call of `import`.
pub(crate) fn guest<'a>(
    caller: &'a mut Caller<'_, Faaslet>,
    import: &'static str,
) -> Result<(GuestMemory<'a>, &'a mut Faaslet)> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        // Only while the start function runs: the instance is not known yet.
        None => match caller.get_export("memory") {
            Some(Extern::Memory(memory)) => memory,
            _ => return Err(BadPointer::NoMemory { import }),
        },
    };
    let (bytes, faaslet) = memory.data_and_store_mut(caller.as_context_mut());
    Ok((GuestMemory { bytes, import }, faaslet))
}

impl GuestMemory<'_> {
    /// A C `long` that counts bytes.
    pub(crate) fn length(&self, len: i32) -> Result<u32> {
        let import = self.import;
        u32::try_from(len).map_err(|_| BadPointer::Negative { import, len })
    }

    fn range(&self, ptr: u32, len: u64) -> Result<Range<usize>> {
        let end = u64::from(ptr).checked_add(len);
        match end.and_then(|end| usize::try_from(end).ok()) {
            Some(end) if end <= self.bytes.len() => Ok(ptr as usize..end),
            _ => Err(BadPointer::Outside {
                import: self.import,
                ptr,
                len,
                size: self.bytes.len(),
            }),
        }
    }

    pub(crate) fn slice(&self, ptr: u32, len: u32) -> Result<&[u8]> {
        let range = self.range(ptr, u64::from(len))?;
        Ok(&self.bytes[range])
    }

    pub(crate) fn slice_mut(&mut self, ptr: u32, len: u32) -> Result<&mut [u8]> {
        let range = self.range(ptr, u64::from(len))?;
        Ok(&mut self.bytes[range])
    }

    /// `count` items of `size` bytes each, as one slice.
    pub(crate) fn array(&self, ptr: u32, count: u32, size: u32) -> Result<&[u8]> {
        let range = self.range(ptr, u64::from(count) * u64::from(size))?;
        Ok(&self.bytes[range])
    }

    /// A NUL-terminated UTF-8 string of `max` bytes at most.
    pub(crate) fn c_str(&self, ptr: u32, max: usize) -> Result<&str> {
        let import = self.import;
        let start = self.range(ptr, 0)?.start;
        let end = self
            .bytes
            .len()
            .min(start.saturating_add(max).saturating_add(1));
        let window = &self.bytes[start..end];
        let Some(len) = window.iter().position(|&b| b == 0) else {
            return Err(BadPointer::Unterminated { import, ptr, max });
        };
        std::str::from_utf8(&window[..len]).map_err(|_| BadPointer::NotUtf8 { import, ptr })
    }

    pub(crate) fn read_u32(&self, ptr: u32) -> Result<u32> {
        let mut word = [0; 4];
        word.copy_from_slice(self.slice(ptr, 4)?);
        Ok(u32::from_le_bytes(word))
    }

    pub(crate) fn write(&mut self, ptr: u32, bytes: &[u8]) -> Result<()> {
        let range = self.range(ptr, bytes.len() as u64)?;
        self.bytes[range].copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn write_u32(&mut self, ptr: u32, value: u32) -> Result<()> {
        self.write(ptr, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, ptr: u32, value: u64) -> Result<()> {
        self.write(ptr, &value.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(bytes: &mut [u8]) -> GuestMemory<'_> {
        let import = "test";
        GuestMemory { bytes, import }
    }

    #[test]
    fn what_lies_outside_is_refused_with_the_name_of_the_import() {
        let mut bytes = [0; 16];
        let mut memory = memory(&mut bytes);
        assert!(memory.slice(16, 0).is_ok());
        for (ptr, len) in [(16, 1), (17, 0), (0, 17), (u32::MAX, u32::MAX)] {
            let error = memory.slice_mut(ptr, len).unwrap_err().to_string();
            assert!(error.starts_with("test: "), "{error}");
        }
        assert!(memory.array(8, u32::MAX, 8).is_err());
        assert!(memory.write(15, &[1, 2]).is_err());
    }

    #[test]
    fn a_string_ends_in_memory_and_within_its_bound() {
        let mut bytes = *b"ok\0\xff\0tail";
        let memory = memory(&mut bytes);
        assert_eq!(memory.c_str(0, 10), Ok("ok"));
        assert!(matches!(
            memory.c_str(0, 1),
            Err(BadPointer::Unterminated { .. })
        ));
        assert!(matches!(
            memory.c_str(3, 10),
            Err(BadPointer::NotUtf8 { .. })
        ));
        assert!(matches!(
            memory.c_str(5, 10),
            Err(BadPointer::Unterminated { .. })
        ));
        assert!(matches!(
            memory.c_str(99, 10),
            Err(BadPointer::Outside { .. })
        ));
    }
}
