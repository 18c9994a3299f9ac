//! Parts of sorted lists.

use faasm_model::Name;

/// Longest page.
pub(crate) const MAX_PAGE: usize = 1000;

/// A part of a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C = Name> {
    /// The items.
    pub items: Vec<T>,
    /// What to pass as `after` for the next page; `None` if this is the last.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// The first `limit` of `rest`, but no more than [`MAX_PAGE`] and no less than one.
    /// `cursor` is what to pass as `after` for what is behind an item.
    pub(crate) fn first(
        rest: impl Iterator<Item = T>,
        limit: usize,
        cursor: impl Fn(&T) -> C,
    ) -> Self {
        let mut rest = rest.peekable();
        let items: Vec<T> = rest.by_ref().take(limit.clamp(1, MAX_PAGE)).collect();
        let more = rest.peek().is_some();
        Self {
            next: items.last().filter(|_| more).map(cursor),
            items,
        }
    }
}
