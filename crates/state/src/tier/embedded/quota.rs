//! What users have, and how much they may have.

use faasm_model::Name;

use super::tables::{Tables, usage_of};
use super::{EmbeddedOptions, Fault};
use crate::tier::{Error, Usage};

/// What a user has after a change, checked but not yet written.
pub(super) struct Account {
    user: Name,
    usage: Usage,
}

impl Account {
    /// What `user` has with `new` in place of `old`.
    ///
    /// # Errors
    /// [`Error::Quota`], unless it becomes less.
    pub(super) fn after(
        tables: &Tables<'_>,
        options: &EmbeddedOptions,
        user: &Name,
        old: Usage,
        new: Usage,
    ) -> Result<Self, Fault> {
        let had = usage_of(&tables.usage, user)?;
        // A damaged row must not keep anybody from deleting.
        let change = |had: u64, old: u64, new: u64| had.saturating_sub(old).saturating_add(new);
        let usage = Usage {
            bytes: change(had.bytes, old.bytes, new.bytes),
            keys: change(had.keys, old.keys, new.keys),
        };
        let checks = [
            (
                had.keys,
                usage.keys,
                "keys",
                options.max_user_keys,
                "--max-state-keys",
            ),
            (
                had.bytes,
                usage.bytes,
                "bytes",
                *options.max_user_bytes.of(user),
                "--max-state-bytes",
            ),
        ];
        for (had, has, unit, limit, option) in checks {
            if has > limit && has > had {
                return Err(Fault::Refused(Error::Quota {
                    user: user.clone(),
                    what: format!("{has} {unit} of state"),
                    limit,
                    option,
                }));
            }
        }
        let user = user.clone();
        Ok(Self { user, usage })
    }

    /// Writes it.
    pub(super) fn store(self, tables: &mut Tables<'_>) -> Result<(), Fault> {
        let Usage { bytes, keys } = self.usage;
        if keys == 0 {
            tables.usage.remove(self.user.as_str())?;
        } else {
            tables.usage.insert(self.user.as_str(), (bytes, keys))?;
        }
        Ok(())
    }
}
