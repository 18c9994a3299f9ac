//! What keys and users there are.

use std::collections::BTreeMap;
use std::ops::Bound;

use faasm_model::{Key, Name};
use redb::ReadTransaction;

use super::Fault;
use super::tables::{LISTS, Numbers, OfKey, USAGE, VALUES, meta};
use crate::tier::{ListedKey, MAX_LISTED};

type Result<T> = std::result::Result<T, Fault>;

/// Which keys are asked for.
pub(super) struct Page {
    pub user: Name,
    pub prefix: String,
    pub after: Option<Key>,
    pub limit: usize,
}

pub(super) fn keys(txn: &ReadTransaction, page: &Page) -> Result<Vec<ListedKey>> {
    let mut keys = BTreeMap::new();
    for (key, row) in rows(txn, VALUES, page)? {
        let Ok(value) = meta(row) else {
            tracing::error!(user = %page.user, %key, "the record of this value is damaged");
            continue;
        };
        let listed = ListedKey {
            key: key.clone(),
            value: Some(value),
            elements: 0,
        };
        keys.insert(key, listed);
    }
    for (key, (_, elements, _)) in rows(txn, LISTS, page)? {
        let listed = keys.entry(key.clone()).or_insert(ListedKey {
            key,
            value: None,
            elements: 0,
        });
        listed.elements = elements;
    }
    // The first ones of both tables: what lies behind may lack its other half.
    Ok(keys
        .into_values()
        .take(page.limit.min(MAX_LISTED))
        .collect())
}

/// The first rows of a table that are asked for.
fn rows(txn: &ReadTransaction, table: OfKey, page: &Page) -> Result<Vec<(Key, Numbers)>> {
    let (user, prefix) = (page.user.as_str(), page.prefix.as_str());
    let start = match &page.after {
        Some(after) if after.as_str() >= prefix => Bound::Excluded((user, after.as_str())),
        _ => Bound::Included((user, prefix)),
    };
    let mut rows = Vec::new();
    let table = txn.open_table(table)?;
    for row in table.range::<(&str, &str)>((start, Bound::Unbounded))? {
        let (key, numbers) = row?;
        let (owner, key) = key.value();
        if rows.len() >= page.limit.min(MAX_LISTED) || owner != user || !key.starts_with(prefix) {
            break;
        }
        match Key::new(key) {
            Ok(key) => rows.push((key, numbers.value())),
            Err(error) => tracing::error!(user, %error, "the name of a value is damaged"),
        }
    }
    Ok(rows)
}

pub(super) fn users(
    txn: &ReadTransaction,
    after: Option<&Name>,
    limit: usize,
) -> Result<Vec<Name>> {
    let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_str()));
    let mut users = Vec::new();
    let table = txn.open_table(USAGE)?;
    for row in table.range::<&str>((start, Bound::Unbounded))? {
        if users.len() >= limit.min(MAX_LISTED) {
            break;
        }
        match Name::new(row?.0.value()) {
            Ok(user) => users.push(user),
            Err(error) => tracing::error!(%error, "the name of a user of state is damaged"),
        }
    }
    Ok(users)
}
