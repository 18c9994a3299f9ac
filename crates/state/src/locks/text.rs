//! How keys and holders are written in messages.

use std::fmt;

use faasm_model::StateKey;

use super::key_lock::KeyLock;
use super::mutex::Kit;

/// A key quoted, escaped and of bounded length: a key may be 512 bytes of anything.
pub(super) struct Shown<'a>(pub &'a StateKey);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST_CHARS: usize = 64;
        let key = self.0.key.as_str();
        match key.char_indices().nth(MOST_CHARS) {
            None => write!(f, "{key:?}"),
            Some((end, _)) => write!(f, "{:?}…", &key[..end]),
        }
    }
}

/// Who holds a lock: the first few by name.
pub(super) struct HeldBy<'a, K: Kit>(pub &'a KeyLock<K>);

impl<K: Kit> fmt::Display for HeldBy<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST_NAMES: usize = 4;
        let holders = self.0.holders();
        f.write_str("held by ")?;
        for (n, holder) in holders.iter().take(MOST_NAMES).enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{}", holder.party())?;
        }
        if holders.len() > MOST_NAMES {
            write!(f, " and {} more", holders.len() - MOST_NAMES)?;
        }
        write!(f, " to {}", self.0.mode())
    }
}
