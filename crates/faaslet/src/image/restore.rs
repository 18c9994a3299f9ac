//! Giving an image to a fresh instance.

use std::os::fd::AsFd;

use wasmtime::{Func, Instance, ModuleExport, Ref, Store, Val};

use super::snapshot::Value;
use super::{Image, TableState};
use crate::faaslet::Faaslet;
use crate::stop::Stop;

impl Image {
    /// Puts memory, globals and tables of `instance`, which has not run yet, where the
    /// initialiser has left them.
    pub(crate) fn restore(
        &self,
        store: &mut Store<Faaslet>,
        instance: &Instance,
    ) -> wasmtime::Result<()> {
        self.restore_memory(store)?;
        for (global, value) in &self.globals {
            let value = match *value {
                Value::I32(value) => Val::I32(value),
                Value::I64(value) => Val::I64(value),
                Value::F32(bits) => Val::F32(bits),
                Value::F64(bits) => Val::F64(bits),
                Value::V128(value) => Val::V128(value.into()),
                Value::Function(function) => Val::FuncRef(func(store, instance, function)?),
            };
            let global = instance.get_module_export(&mut *store, global);
            let global = global.and_then(wasmtime::Extern::into_global);
            global.ok_or_else(gone)?.set(&mut *store, value)?;
        }
        for table in &self.tables {
            restore_table(store, instance, table)?;
        }
        Ok(())
    }

    fn restore_memory(&self, store: &mut Store<Faaslet>) -> wasmtime::Result<()> {
        let Some(memory) = store.data().memory else {
            return match self.pages {
                0 => Ok(()),
                _ => Err(gone()),
            };
        };
        let missing = self.pages.saturating_sub(memory.size(&*store));
        if missing > 0 {
            memory.grow(&mut *store, missing)?;
        }
        if self.range.is_empty() {
            return Ok(());
        }
        if self.range.end > memory.data_size(&*store) as u64 {
            return Err(gone());
        }
        let start = memory
            .data_ptr(&*store)
            .wrapping_add(self.range.start as usize);
        let length = (self.range.end - self.range.start) as usize;
        // SAFETY: the range is whole pages of the host inside the memory's accessible part, as
        // was just checked; the memory belongs to this store, and no guest has run on it yet, so
        // that nothing refers into it.
        let mapped = unsafe {
            let mappings = &store.data().mappings;
            mappings.add_image(start, length, self.file.as_fd())
        };
        Ok(mapped.map_err(Stop::Image)?)
    }
}

fn restore_table(
    store: &mut Store<Faaslet>,
    instance: &Instance,
    state: &TableState,
) -> wasmtime::Result<()> {
    let table = instance.get_module_export(&mut *store, &state.table);
    let table = table.and_then(wasmtime::Extern::into_table);
    let table = table.ok_or_else(gone)?;
    let missing = state.size.saturating_sub(table.size(&*store));
    if missing > 0 {
        table.grow(&mut *store, missing, Ref::Func(None))?;
    }
    for (at, function) in &state.entries {
        let function = func(store, instance, *function)?;
        table.set(&mut *store, *at, Ref::Func(function))?;
    }
    Ok(())
}

fn func(
    store: &mut Store<Faaslet>,
    instance: &Instance,
    function: Option<ModuleExport>,
) -> wasmtime::Result<Option<Func>> {
    let Some(export) = function else {
        return Ok(None);
    };
    let function = instance.get_module_export(&mut *store, &export);
    let function = function.and_then(wasmtime::Extern::into_func);
    function.map(Some).ok_or_else(gone)
}

fn gone() -> wasmtime::Error {
    wasmtime::Error::msg("the image is of another module")
}
