//! Checked access to a guest's linear memory.

use std::ops::Range;
use std::sync::Arc;

use wasmtime::{AsContextMut, Caller, Extern};

use crate::faaslet::Faaslet;
use crate::mappings::{Access, Table};

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
    #[error("{import}: state that is mapped there cannot be used: {error}")]
    State {
        import: &'static str,
        error: faasm_state::Error,
    },
}

type Result<T> = std::result::Result<T, BadPointer>;

/// A guest's memory during one host call, with the import's name for the errors.
pub(crate) struct GuestMemory<'a> {
    bytes: &'a mut [u8],
    import: &'static str,
    /// State that is mapped into the memory: it has to be opened before it is touched.
    mapped: Option<Arc<Table>>,
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
    let table = faaslet.mappings.table();
    let mapped = (!table.is_empty()).then(|| Arc::clone(table));
    let memory = GuestMemory {
        bytes,
        import,
        mapped,
    };
    Ok((memory, faaslet))
}

impl GuestMemory<'_> {
    /// A C `long` that counts bytes.
    pub(crate) fn length(&self, len: i32) -> Result<u32> {
        let import = self.import;
        u32::try_from(len).map_err(|_| BadPointer::Negative { import, len })
    }

    fn range(&self, ptr: u32, len: u64, access: Access) -> Result<Range<usize>> {
        let end = u64::from(ptr).checked_add(len);
        match end.and_then(|end| usize::try_from(end).ok()) {
            Some(end) if end <= self.bytes.len() => {
                let range = ptr as usize..end;
                self.open(&range, access)?;
                Ok(range)
            }
            _ => Err(BadPointer::Outside {
                import: self.import,
                ptr,
                len,
                size: self.bytes.len(),
            }),
        }
    }

    fn open(&self, range: &Range<usize>, access: Access) -> Result<()> {
        let Some(table) = &self.mapped else {
            return Ok(());
        };
        let import = self.import;
        let start = self.bytes.as_ptr() as usize + range.start;
        table
            .open(start, range.len(), access)
            .map_err(|error| BadPointer::State { import, error })
    }

    pub(crate) fn slice(&self, ptr: u32, len: u32) -> Result<&[u8]> {
        let range = self.range(ptr, u64::from(len), Access::Read)?;
        Ok(&self.bytes[range])
    }

    pub(crate) fn slice_mut(&mut self, ptr: u32, len: u32) -> Result<&mut [u8]> {
        let range = self.range(ptr, u64::from(len), Access::Write)?;
        Ok(&mut self.bytes[range])
    }

    /// A copy, for what must not change once it was looked at: bytes in mapped state can.
    pub(crate) fn copy(&self, ptr: u32, len: u32) -> Result<Vec<u8>> {
        self.slice(ptr, len).map(<[u8]>::to_vec)
    }

    /// `count` items of `size` bytes each, as one slice.
    pub(crate) fn array(&self, ptr: u32, count: u32, size: u32) -> Result<&[u8]> {
        let range = self.range(ptr, u64::from(count) * u64::from(size), Access::Read)?;
        Ok(&self.bytes[range])
    }

    /// A NUL-terminated UTF-8 string of `max` bytes at most. A copy: bytes in mapped state
    /// can change at any time, and checked text must not.
    pub(crate) fn c_str(&self, ptr: u32, max: usize) -> Result<String> {
        let import = self.import;
        let start = self.range(ptr, 0, Access::Read)?.start;
        let end = self
            .bytes
            .len()
            .min(start.saturating_add(max).saturating_add(1));
        self.open(&(start..end), Access::Read)?;
        let window = self.bytes[start..end].iter();
        let text: Vec<u8> = window.copied().take_while(|&byte| byte != 0).collect();
        if text.len() == end - start {
            return Err(BadPointer::Unterminated { import, ptr, max });
        }
        String::from_utf8(text).map_err(|_| BadPointer::NotUtf8 { import, ptr })
    }

    pub(crate) fn read_u32(&self, ptr: u32) -> Result<u32> {
        let mut word = [0; 4];
        word.copy_from_slice(self.slice(ptr, 4)?);
        Ok(u32::from_le_bytes(word))
    }

    pub(crate) fn write(&mut self, ptr: u32, bytes: &[u8]) -> Result<()> {
        let range = self.range(ptr, bytes.len() as u64, Access::Write)?;
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
        GuestMemory {
            bytes,
            import: "test",
            mapped: None,
        }
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
        assert_eq!(memory.c_str(0, 10), Ok("ok".into()));
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
