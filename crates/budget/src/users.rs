//! What each user may take of a budget.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use faasm_model::{Name, PerUser};

use crate::MemoryBudget;

/// A budget of which users may take a part each. Parts may be more than all together: they are
/// bounds, not reserves.
#[derive(Debug)]
pub struct UserBudgets {
    whole: MemoryBudget,
    limits: PerUser<Option<u64>>,
    /// Parts of users who have run something.
    parts: RwLock<HashMap<Name, MemoryBudget>>,
}

impl UserBudgets {
    /// `limits` are in bytes; `None`, all that there is.
    pub fn new(whole: MemoryBudget, limits: PerUser<Option<u64>>) -> Self {
        Self {
            whole,
            limits,
            parts: RwLock::default(),
        }
    }

    /// Where a user's bytes are taken from. Only to be asked for users who have a function: one
    /// who has a limit is remembered.
    pub fn of(&self, user: &Name) -> MemoryBudget {
        let limit = self
            .limits
            .of(user)
            .filter(|limit| *limit < self.whole.total());
        let Some(limit) = limit else {
            return self.whole.clone();
        };
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = parts.get(user) {
            return part.clone();
        }
        drop(parts);
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let part = parts.entry(user.clone());
        part.or_insert_with(|| self.whole.part(limit)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UsedUp;

    #[test]
    fn a_user_is_held_to_a_part_and_others_are_not() {
        let [small, own, all] = ["small", "own", "all"].map(|name| Name::new(name).unwrap());
        let limits = [(own.clone(), Some(50)), (all.clone(), None)];
        let whole = MemoryBudget::new(100);
        let users = UserBudgets::new(whole.clone(), PerUser::new(Some(10), limits));
        let mut charge = users.of(&small).charge();
        assert!(charge.grow(10) && !users.of(&small).take(1));
        assert_eq!(charge.used_up(1), UsedUp::User { limit: 10 });
        let mut more = users.of(&own).charge();
        assert!(!more.grow(51) && more.grow(50));
        // The rest of the whole, and no more.
        let mut rest = users.of(&all).charge();
        assert!(!rest.grow(41) && rest.grow(40));
        assert_eq!(whole.used(), 100);
        drop((charge, rest));
        assert_eq!((whole.used(), users.of(&small).used()), (50, 0));
    }
}
