//! Dropping generations that nobody can read any more, in steps.

use redb::{AccessGuard, Key, ReadableTable, StorageError};

use super::pins::Pins;
use super::tables::{Loose, Tables};

/// Most rows and bytes that go in one step. It goes along with every commit: more than a
/// commit brings in, so that garbage cannot pile up.
const STEP_ROWS: usize = 4_096;
const STEP_BYTES: usize = 24 << 20;

/// Loose generations that are looked at together.
const UNSEEN_STEP: usize = 1_024;

type Row<'a, K> = (AccessGuard<'a, K>, AccessGuard<'a, &'static [u8]>);

/// What a step may still remove.
struct Budget {
    rows: usize,
    bytes: usize,
}

impl Budget {
    fn spend(&mut self, bytes: usize) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn is_spent(&self) -> bool {
        self.rows == 0 || self.bytes == 0
    }

    /// Takes rows, each of which goes by being taken; whether those were all.
    fn spend_on<'a, K: Key + 'static>(
        &mut self,
        mut rows: impl Iterator<Item = Result<Row<'a, K>, StorageError>>,
    ) -> Result<bool, StorageError> {
        while !self.is_spent() {
            let Some(row) = rows.next().transpose()? else {
                return Ok(true);
            };
            self.spend(row.1.value().len());
        }
        Ok(false)
    }
}

/// Drops some of what may go; `false` when it changed nothing.
pub(super) fn drop_some(tables: &mut Tables<'_>, pins: &Pins) -> Result<bool, StorageError> {
    let mut next = pins.next(0);
    if next.is_none()
        && let Some(from) = pins.unseen()
    {
        look_for_unseen(tables, pins, from)?;
        next = pins.next(0);
    }
    let mut budget = Budget {
        rows: STEP_ROWS,
        bytes: STEP_BYTES,
    };
    let mut changed = false;
    while let Some(generation) = next
        && !budget.is_spent()
    {
        budget.spend(0);
        if tables.loose.get(generation)?.is_none() {
            pins.forget(generation);
        } else if pins.found_loose(generation) {
            changed = true;
            drop_generation(tables, generation, &mut budget)?;
        }
        next = pins.next(generation.saturating_add(1));
    }
    Ok(changed)
}

/// Looks for generations that an earlier process superseded or never published.
fn look_for_unseen(tables: &Tables<'_>, pins: &Pins, from: u64) -> Result<(), StorageError> {
    let mut found = Vec::with_capacity(UNSEEN_STEP);
    for row in tables.loose.range(from..)?.take(UNSEEN_STEP) {
        found.push(row?.0.value());
    }
    let last = found.last().filter(|_| found.len() == UNSEEN_STEP);
    pins.seen(&found, last.and_then(|last| last.checked_add(1)));
    Ok(())
}

/// Drops a generation as far as the budget goes.
fn drop_generation(
    tables: &mut Tables<'_>,
    generation: u64,
    budget: &mut Budget,
) -> Result<(), StorageError> {
    let chunks = (generation, 0)..=(generation, u32::MAX);
    let elements = (generation, 0, 0)..=(generation, u64::MAX, u32::MAX);
    let all = budget.spend_on(tables.chunks.extract_from_if(chunks, |_, _| true)?)?
        && budget.spend_on(tables.elements.extract_from_if(elements, |_, _| true)?)?;
    if all {
        tables.loose.remove(generation)?;
    } else {
        tables.loose.insert(generation, Loose::Dropping as u8)?;
    }
    Ok(())
}
