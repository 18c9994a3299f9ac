//! From a stored image to one that calls can start from.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use faasm_budget::MemoryBudget;
use rustix::fs::{MemfdFlags, SealFlags};
use wasmtime::{Module, ModuleExport};

use super::snapshot::{Damaged, Head, Reader, Value};
use super::{Image, PAGE, PIECE, TableState, WASM_PAGE, bare};

/// The most pages that a memory can have.
const MAX_PAGES: u64 = 1 << 16;

impl Image {
    /// Reads a stored image of `module`, which may have been made from `base`, into memory, whose
    /// budget it is charged to.
    pub(crate) fn load(
        stored: File,
        module: &Module,
        base: Option<&Self>,
        budget: &MemoryBudget,
    ) -> Result<Self, Damaged> {
        let mut reader = Reader::new(stored);
        let head = reader.head()?;
        if head.base != base.map(|base| base.id) {
            return Err(Damaged::Base);
        }
        let mut range = range(&head)?;
        if let Some(base) = base {
            range = union(&range, &base.range);
        }
        let mut charge = budget.charge();
        if !charge.grow(range.end - range.start) {
            return Err(Damaged::NoMemory);
        }
        let file = rustix::fs::memfd_create(
            c"faasm-image",
            MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
        );
        let file = File::from(file.map_err(std::io::Error::from)?);
        file.set_len(range.end - range.start)?;
        let mut piece = Vec::new();
        if let Some(base) = base {
            base.copy_to(&file, base.range.start - range.start)?;
        }
        for (offset, length) in &head.runs {
            let mut done = 0;
            while done < *length {
                let count = (PIECE as u64).min(length - done);
                piece.resize(usize::try_from(count).unwrap_or_default(), 0);
                reader.read(&mut piece)?;
                file.write_all_at(&piece, offset - range.start + done)?;
                done += count;
            }
        }
        let id = reader.finish()?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals).map_err(std::io::Error::from)?;
        Ok(Self {
            id,
            pages: head.pages,
            bytes: head.stored() + base.map_or(0, Self::bytes),
            globals: globals(module, &head)?,
            tables: tables(module, &head)?,
            range,
            file,
            _charge: charge,
        })
    }
}

/// The smallest range that has both.
fn union(one: &Range<u64>, other: &Range<u64>) -> Range<u64> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.clone(),
        (_, true) => one.clone(),
        _ => one.start.min(other.start)..one.end.max(other.end),
    }
}

/// The part of the memory from the first stored byte to the last, in whole pages of the host.
fn range(head: &Head) -> Result<Range<u64>, Damaged> {
    if head.pages > MAX_PAGES {
        return Err(Damaged::Module);
    }
    let mut end = 0;
    for (offset, length) in &head.runs {
        let aligned = offset % PAGE == 0 && length % PAGE == 0;
        if !aligned || *offset < end || *length == 0 {
            return Err(Damaged::Module);
        }
        end = offset.checked_add(*length).ok_or(Damaged::Module)?;
    }
    if end > head.pages * WASM_PAGE {
        return Err(Damaged::Module);
    }
    let start = head.runs.first().map_or(0, |(offset, _)| *offset);
    // A page of 64 KiB is a whole number of them, so that the memory has the rest of the last.
    let host_page = rustix::param::page_size() as u64;
    Ok(start / host_page * host_page..end.next_multiple_of(host_page))
}

fn globals(
    module: &Module,
    head: &Head,
) -> Result<Vec<(ModuleExport, Value<ModuleExport>)>, Damaged> {
    let resolved = head.globals.iter().map(|(index, value)| {
        let value = match *value {
            Value::I32(value) => Value::I32(value),
            Value::I64(value) => Value::I64(value),
            Value::F32(bits) => Value::F32(bits),
            Value::F64(bits) => Value::F64(bits),
            Value::V128(value) => Value::V128(value),
            Value::Function(function) => Value::Function(function_of(module, function)?),
        };
        Ok((export(module, &bare::global(*index))?, value))
    });
    resolved.collect()
}

fn tables(module: &Module, head: &Head) -> Result<Vec<TableState>, Damaged> {
    let resolved = head.tables.iter().map(|table| {
        let entries = table.entries.iter();
        let entries = entries.map(|(at, function)| Ok((*at, function_of(module, *function)?)));
        Ok(TableState {
            table: export(module, &bare::table(table.index))?,
            size: table.size,
            entries: entries.collect::<Result<_, Damaged>>()?,
        })
    });
    resolved.collect()
}

fn function_of(module: &Module, function: Option<u32>) -> Result<Option<ModuleExport>, Damaged> {
    let export = function.map(|index| export(module, &bare::function(index)));
    export.transpose()
}

fn export(module: &Module, name: &str) -> Result<ModuleExport, Damaged> {
    module.get_export_index(name).ok_or(Damaged::Module)
}

#[cfg(test)]
mod tests {
    use faasm_budget::MemoryBudget;
    use wasmtime::Engine;

    use super::super::snapshot::tests::stored;
    use super::super::snapshot::{Snapshot, TableHead};
    use super::*;

    /// A module with a global, a table and two functions for images.
    fn module() -> Module {
        let text = r#"(module (memory 2) (func $z (export "_faasm_zygote"))
            (global (mut i32) (i32.const 0)) (table 2 funcref) (elem func $f) (func $f))"#;
        let engine = Engine::default();
        let bare = bare::bare(&engine, &wat::parse_str(text).unwrap()).unwrap();
        Module::new(&engine, bare.binary).unwrap()
    }

    fn load(head: Head) -> Result<Image, Damaged> {
        let bytes = vec![b'x'; usize::try_from(head.stored()).unwrap().min(1 << 20)];
        let image = Snapshot { head, bytes }.to_bytes().unwrap();
        Image::load(stored(&image), &module(), None, &MemoryBudget::new(1 << 20))
    }

    fn damage(head: Head) -> Damaged {
        load(head).map(drop).unwrap_err()
    }

    #[test]
    fn pages_are_put_where_they_were_with_zeros_between() {
        let image = load(Head::new(2, vec![(65_536, 4096), (73_728, 4096)])).unwrap();
        let host_page = rustix::param::page_size() as u64;
        assert_eq!(image.range.start, 65_536);
        assert_eq!(image.range.end, 77_824_u64.next_multiple_of(host_page));
        assert_eq!((image.bytes(), image.memory_bytes()), (8192, 131_072));
        let file = image.file;
        let mut bytes = vec![0; 12_288];
        file.read_exact_at(&mut bytes, 0).unwrap();
        for (page, byte) in [b'x', 0, b'x'].into_iter().enumerate() {
            let page = &bytes[page * 4096..][..4096];
            assert!(page.iter().all(|found| *found == byte));
        }
        let sealed = file.write_all_at(b"y", 0).unwrap_err();
        assert_eq!(sealed.kind(), std::io::ErrorKind::PermissionDenied);
        assert!(file.set_len(0).is_err());
    }

    #[test]
    fn runs_that_no_memory_has_are_refused() {
        for (pages, runs) in [
            (2, vec![(1, 4096)]),
            (2, vec![(0, 4095)]),
            (2, vec![(0, 0)]),
            (2, vec![(0, 8192), (4096, 4096)]),
            (2, vec![(8192, 4096), (0, 4096)]),
            (2, vec![(131_072, 4096)]),
            (2, vec![(126_976, 8192)]),
            (2, vec![(u64::MAX - 4095, 4096)]),
            (0, vec![(0, 4096)]),
            (MAX_PAGES + 1, vec![]),
            (u64::MAX, vec![]),
        ] {
            let damaged = damage(Head::new(pages, runs.clone()));
            assert!(matches!(damaged, Damaged::Module), "{runs:?}: {damaged:?}");
        }
    }

    #[test]
    fn globals_tables_and_functions_that_the_module_has_not_are_refused() {
        let table = |index, function| TableHead {
            index,
            size: 2,
            entries: vec![(1, function)],
        };
        let with = |globals: &[(u32, Value<u32>)], tables: Vec<TableHead>| {
            let mut head = Head::new(2, vec![]);
            head.globals = globals.to_vec();
            head.tables = tables;
            head
        };
        assert!(load(with(&[(0, Value::I32(1))], vec![table(0, Some(1))])).is_ok());
        for head in [
            with(&[(1, Value::I32(1))], vec![]),
            with(&[(0, Value::Function(Some(2)))], vec![]),
            with(&[], vec![table(1, None)]),
            with(&[], vec![table(0, Some(2))]),
        ] {
            let damaged = damage(head);
            assert!(matches!(damaged, Damaged::Module), "{damaged:?}");
        }
    }

    #[test]
    fn an_image_is_charged_with_its_holes_and_waits_for_room() {
        let wide = Head::new(17, vec![(0, 4096), (1 << 20, 4096)]);
        assert!(matches!(damage(wide), Damaged::NoMemory));
    }
}
