//! The changes to values, each on the tables of a transaction that others share.
//!
//! An operation checks everything first and writes afterwards: when it is refused, the
//! rest of the transaction is committed all the same.

use faasm_model::StateKey;
use redb::ReadableTable;

use super::quota::Account;
use super::tables::{Loose, Numbers, Tables, meta, row_key};
use super::{Fault, Shared, chunks};
use crate::tier::patches::{Patches, at_most};
use crate::tier::{Error, Expect, Fence, Generation, MAX_VALUE_BYTES, Meta, Usage, Version};

type Result<T> = std::result::Result<T, Fault>;

/// What a value is to become, and on what condition.
pub(super) struct Set {
    pub key: StateKey,
    pub size: u64,
    pub expect: Expect,
    pub fence: Option<Fence>,
}

impl Set {
    pub(super) fn new(
        key: &StateKey,
        size: u64,
        expect: Expect,
        fence: Option<Fence>,
    ) -> crate::tier::Result<Self> {
        at_most("the value", size, MAX_VALUE_BYTES)?;
        Ok(Self {
            key: key.clone(),
            size,
            expect,
            fence,
        })
    }
}

pub(super) fn patch(
    tables: &mut Tables<'_>,
    shared: &Shared,
    key: &StateKey,
    (generation, size): (Generation, u64),
    patches: &Patches,
    fence: Option<Fence>,
) -> Result<Meta> {
    shared.leases.check(key, fence)?;
    let Some(row) = find(tables, key)? else {
        return Err(Error::Superseded.into());
    };
    let old = meta(row)?;
    if old.generation != generation {
        return Err(Error::Superseded.into());
    }
    let size = size.max(old.size);
    patches.within(size)?;
    let (had, has) = (of_value(old.size), of_value(size));
    let account = Account::after(tables, &shared.options, &key.user, had, has)?;
    let version = tables.next_version()?;
    // Refuses before it writes, too.
    chunks::write(&mut tables.chunks, generation.0, size, patches)?;

    account.store(tables)?;
    store(tables, key, (generation.0, version, size))
}

pub(super) fn put(
    tables: &mut Tables<'_>,
    shared: &Shared,
    set: &Set,
    patches: &Patches,
) -> Result<Meta> {
    let change = check(tables, shared, set)?;
    let generation = tables.next_generation()?;

    tables.live.insert(generation, ())?;
    chunks::write_new(&mut tables.chunks, generation, patches)?;
    change.make(tables, shared, set, generation)
}

pub(super) fn stage(tables: &mut Tables<'_>) -> Result<u64> {
    let generation = tables.next_generation()?;
    tables.loose.insert(generation, Loose::Staged as u8)?;
    Ok(generation)
}

pub(super) fn write_staged(
    tables: &mut Tables<'_>,
    generation: Generation,
    patches: &Patches,
) -> Result<()> {
    check_staged(tables, generation)?;
    chunks::write(&mut tables.chunks, generation.0, MAX_VALUE_BYTES, patches)
}

pub(super) fn publish(
    tables: &mut Tables<'_>,
    shared: &Shared,
    set: &Set,
    generation: Generation,
) -> Result<Meta> {
    let change = check(tables, shared, set)?;
    check_staged(tables, generation)?;
    let extent = chunks::extent(&tables.chunks, generation.0)?;
    at_most("what was written of the value", extent, set.size)?;

    tables.loose.remove(generation.0)?;
    tables.live.insert(generation.0, ())?;
    change.make(tables, shared, set, generation.0)
}

pub(super) fn delete(
    tables: &mut Tables<'_>,
    shared: &Shared,
    key: &StateKey,
    expect: Expect,
) -> Result<bool> {
    let Some(old) = expected(tables, key, expect)? else {
        return Ok(false);
    };
    let has = Usage {
        bytes: 0,
        keys: tables.lists.get(row_key(key))?.is_some().into(),
    };
    let account = Account::after(tables, &shared.options, &key.user, of_value(old.2), has)?;

    account.store(tables)?;
    tables.values.remove(row_key(key))?;
    tables.loosen(old.0, shared)?;
    Ok(true)
}

/// A value that may be set.
struct Change {
    old: Option<Numbers>,
    version: u64,
    account: Account,
}

/// Whether a value may be set so.
fn check(tables: &mut Tables<'_>, shared: &Shared, set: &Set) -> Result<Change> {
    shared.leases.check(&set.key, set.fence)?;
    let old = expected(tables, &set.key, set.expect)?;
    let had = Usage {
        bytes: old.map_or(0, |old| old.2),
        keys: tables.is_known(&set.key)?.into(),
    };
    let has = of_value(set.size);
    let account = Account::after(tables, &shared.options, &set.key.user, had, has)?;
    Ok(Change {
        old,
        version: tables.next_version()?,
        account,
    })
}

impl Change {
    /// Gives the key its new generation.
    fn make(
        self,
        tables: &mut Tables<'_>,
        shared: &Shared,
        set: &Set,
        generation: u64,
    ) -> Result<Meta> {
        if let Some((old, ..)) = self.old {
            tables.loosen(old, shared)?;
        }
        self.account.store(tables)?;
        store(tables, &set.key, (generation, self.version, set.size))
    }
}

fn store(tables: &mut Tables<'_>, key: &StateKey, row: Numbers) -> Result<Meta> {
    tables.values.insert(row_key(key), row)?;
    meta(row)
}

fn check_staged(tables: &Tables<'_>, generation: Generation) -> Result<()> {
    let state = tables.loose.get(generation.0)?.map(|row| row.value());
    match state.map(Loose::from_row) {
        Some(Loose::Staged) => Ok(()),
        _ => Err(Error::Superseded.into()),
    }
}

/// The row of the value, if it is as expected.
fn expected(tables: &Tables<'_>, key: &StateKey, expect: Expect) -> Result<Option<Numbers>> {
    let row = find(tables, key)?;
    let fits = match (expect, row) {
        (Expect::Any, _) | (Expect::Absent, None) => true,
        (Expect::Version(expected), Some((_, version, _))) => version == expected.0,
        (Expect::Generation(expected), Some((generation, ..))) => generation == expected.0,
        (Expect::Absent, Some(_)) | (Expect::Version(_) | Expect::Generation(_), None) => false,
    };
    match fits {
        true => Ok(row),
        false => Err(Error::Conflict(row.map(|row| Version(row.1))).into()),
    }
}

fn find(tables: &Tables<'_>, key: &StateKey) -> Result<Option<Numbers>> {
    Ok(tables.values.get(row_key(key))?.map(|row| row.value()))
}

/// What a key with a value of `size` bytes takes, without elements.
fn of_value(size: u64) -> Usage {
    Usage {
        bytes: size,
        keys: 1,
    }
}
