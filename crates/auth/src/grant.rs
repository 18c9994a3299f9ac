//! What a token lets its bearer do, and to whom.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Scope, Users};

/// Scopes, and the users for whom they count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Grant {
    scopes: BTreeSet<Scope>,
    users: Users,
}

/// The same as it was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    scopes: BTreeSet<Scope>,
    users: Users,
}

/// Scopes and users that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGrant {
    /// It lets nobody do anything.
    #[error("name at least one scope: upload, invoke, read, files or admin")]
    NoScope,
    /// An admin can make tokens for everybody.
    #[error("the scope admin is for all users: * instead of names")]
    AdminOfSome,
}

impl Grant {
    /// Checks that they go together.
    ///
    /// # Errors
    /// [`InvalidGrant`].
    pub fn new(
        scopes: impl IntoIterator<Item = Scope>,
        users: Users,
    ) -> Result<Self, InvalidGrant> {
        let scopes: BTreeSet<Scope> = scopes.into_iter().collect();
        if scopes.is_empty() {
            return Err(InvalidGrant::NoScope);
        }
        if scopes.contains(&Scope::Admin) && users != Users::ALL {
            return Err(InvalidGrant::AdminOfSome);
        }
        Ok(Self { scopes, users })
    }

    /// Everything, of everybody.
    pub fn admin() -> Self {
        Self {
            scopes: BTreeSet::from([Scope::Admin]),
            users: Users::ALL,
        }
    }

    /// Whether it has this scope; [`Scope::Admin`] has all of them.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Whether it counts for this user.
    pub fn reaches(&self, user: &str) -> bool {
        self.users.contains(user)
    }

    /// The scopes as they were given.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.scopes.iter().copied()
    }

    /// The users.
    pub fn users(&self) -> &Users {
        &self.users
    }
}

impl TryFrom<Unchecked> for Grant {
    type Error = InvalidGrant;

    fn try_from(unchecked: Unchecked) -> Result<Self, InvalidGrant> {
        Self::new(unchecked.scopes, unchecked.users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_has_every_scope_and_reaches_everybody() {
        let admin = Grant::admin();
        for scope in Scope::ALL {
            assert!(admin.has(scope) && admin.reaches("anybody"));
        }
        let some = Users::of(&["a"]).unwrap();
        let admin_of_some = Grant::new([Scope::Admin], some.clone());
        assert_eq!(admin_of_some, Err(InvalidGrant::AdminOfSome));
        assert_eq!(Grant::new([], some), Err(InvalidGrant::NoScope));
    }

    #[test]
    fn what_was_written_by_hand_is_checked_as_well() {
        let good = r#"{"scopes":["invoke","read"],"users":["a"]}"#;
        let grant: Grant = serde_json::from_str(good).unwrap();
        assert_eq!(serde_json::to_string(&grant).unwrap(), good);
        for bad in [
            r#"{"scopes":["admin"],"users":["a"]}"#,
            r#"{"scopes":[],"users":["*"]}"#,
            r#"{"scopes":["read"]}"#,
            r#"{"scopes":["read"],"users":["*"],"only_on":"sundays"}"#,
        ] {
            assert!(serde_json::from_str::<Grant>(bad).is_err(), "{bad}");
        }
    }
}
