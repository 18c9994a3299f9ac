//! Settings that some users have of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Name;

/// A setting for all users, and for those who have one of their own. Cheap to clone.
///
/// ```
/// use faasm_model::{Name, PerUser};
///
/// let large = Name::new("large")?;
/// let limit = PerUser::new(10, [(large.clone(), 99)]);
/// assert_eq!((*limit.of(&large), *limit.of(&Name::new("other")?)), (99, 10));
/// # Ok::<(), faasm_model::InvalidName>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerUser<T> {
    all: T,
    own: Arc<BTreeMap<Name, T>>,
}

impl<T> PerUser<T> {
    /// `all` for everybody but those in `own`.
    pub fn new(all: T, own: impl IntoIterator<Item = (Name, T)>) -> Self {
        let own = Arc::new(own.into_iter().collect());
        Self { all, own }
    }

    /// What holds for this user.
    pub fn of(&self, user: &Name) -> &T {
        self.own.get(user).unwrap_or(&self.all)
    }
}

impl<T> From<T> for PerUser<T> {
    /// The same for everybody.
    fn from(all: T) -> Self {
        Self::new(all, [])
    }
}
