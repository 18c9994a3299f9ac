//! Globals and tables as an initialiser finds and leaves them.

use std::collections::HashMap;

use wasmtime::{Instance, Ref, Store, Val};

use super::bare;
use super::snapshot::{Head, TableHead, Value};
use super::spaces::Spaces;
use crate::faaslet::Faaslet;
use crate::stop::Stop;

/// Reads globals and tables of one instance.
pub(super) struct Surveyor<'a> {
    instance: Instance,
    spaces: &'a Spaces,
    /// The functions of the instance by where they are.
    functions: HashMap<usize, u32>,
}

/// Globals and tables at some moment.
#[derive(PartialEq)]
pub(super) struct Survey {
    globals: Vec<Value<u32>>,
    tables: Vec<Vec<Option<u32>>>,
}

impl<'a> Surveyor<'a> {
    pub(super) fn new(
        store: &mut Store<Faaslet>,
        instance: Instance,
        spaces: &'a Spaces,
    ) -> wasmtime::Result<Self> {
        let mut functions = HashMap::with_capacity(spaces.functions.len());
        for index in &spaces.functions {
            let function = instance.get_func(&mut *store, &bare::function(*index));
            let place = function.ok_or_else(unsupported)?.to_raw(&mut *store) as usize;
            functions.insert(place, *index);
        }
        Ok(Self {
            instance,
            spaces,
            functions,
        })
    }

    /// What there is now. The table limit bounds how many entries there are to look at.
    pub(super) fn survey(&self, store: &mut Store<Faaslet>) -> wasmtime::Result<Survey> {
        let globals = (0..self.spaces.globals).map(|index| self.global(store, index));
        let globals = globals.collect::<wasmtime::Result<_>>()?;
        let tables = (0..self.spaces.tables).map(|index| self.table(store, index));
        let tables = tables.collect::<wasmtime::Result<_>>()?;
        Ok(Survey { globals, tables })
    }

    fn global(&self, store: &mut Store<Faaslet>, index: u32) -> wasmtime::Result<Value<u32>> {
        let global = self.instance.get_global(&mut *store, &bare::global(index));
        Ok(match global.ok_or_else(unsupported)?.get(&mut *store) {
            Val::I32(value) => Value::I32(value),
            Val::I64(value) => Value::I64(value),
            Val::F32(bits) => Value::F32(bits),
            Val::F64(bits) => Value::F64(bits),
            Val::V128(value) => Value::V128(value.as_u128()),
            Val::FuncRef(function) => Value::Function(self.index_of(store, function)?),
            _ => return Err(unsupported()),
        })
    }

    fn table(&self, store: &mut Store<Faaslet>, index: u32) -> wasmtime::Result<Vec<Option<u32>>> {
        let table = self.instance.get_table(&mut *store, &bare::table(index));
        let table = table.ok_or_else(unsupported)?;
        let entries = (0..table.size(&*store)).map(|at| match table.get(&mut *store, at) {
            Some(Ref::Func(function)) => self.index_of(store, function),
            _ => Err(unsupported()),
        });
        entries.collect()
    }

    fn index_of(
        &self,
        store: &mut Store<Faaslet>,
        function: Option<wasmtime::Func>,
    ) -> wasmtime::Result<Option<u32>> {
        let Some(function) = function else {
            return Ok(None);
        };
        let index = self.functions.get(&(function.to_raw(store) as usize));
        index.copied().map(Some).ok_or_else(unsupported)
    }
}

impl Survey {
    /// Writes into `head` what is different here from the `fresh` instance.
    pub(super) fn describe(&self, fresh: &Self, head: &mut Head) {
        let globals = fresh.globals.iter().zip(&self.globals).enumerate();
        head.globals = globals
            .filter(|(_, (before, after))| before != after)
            .map(|(index, (_, after))| (index as u32, *after))
            .collect();
        let tables = fresh.tables.iter().zip(&self.tables).enumerate();
        head.tables = tables
            .filter(|(_, (before, after))| before != after)
            .map(|(index, (before, after))| changed(index, before, after))
            .collect();
    }
}

fn changed(index: usize, before: &[Option<u32>], after: &[Option<u32>]) -> TableHead {
    let differs = |(at, function): &(usize, &Option<u32>)| before.get(*at) != Some(function);
    let entries = after.iter().enumerate().filter(differs);
    TableHead {
        index: index as u32,
        size: after.len() as u64,
        entries: entries.map(|(at, entry)| (at as u64, *entry)).collect(),
    }
}

fn unsupported() -> wasmtime::Error {
    let problem = "there are references to what is no function of the module; images have none";
    let (import, problem) = ("_faasm_zygote", problem.to_owned());
    Stop::Misuse { import, problem }.into()
}
