//! Whose things a token reaches.

use std::collections::BTreeSet;
use std::fmt;

use faasm_model::Name;
use serde::{Deserialize, Serialize};

/// What stands for all users; no name can be this.
const ALL: &str = "*";

/// The users whose things a token reaches; written as a list of names, or as `["*"]` for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Users(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    All,
    Only(BTreeSet<Name>),
}

/// The list does not name users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsers {
    /// There is nobody in it.
    #[error("name at least one user, or * for all")]
    Nobody,
    /// There are too many in it.
    #[error("a token is for at most {} users; use * for all", Users::MAX)]
    TooMany,
    /// All, and some.
    #[error("* is for all users: leave out the others")]
    AllAndSome,
    /// One of them is not a name.
    #[error(transparent)]
    Name(#[from] faasm_model::InvalidName),
}

impl Users {
    /// Most users that are named one by one: lists are put together of theirs.
    pub const MAX: usize = 100;

    /// All users, also those that come later.
    pub const ALL: Self = Self(Kind::All);

    /// Only these.
    ///
    /// # Errors
    /// [`InvalidUsers`] if there are none, or too many.
    pub fn only(names: impl IntoIterator<Item = Name>) -> Result<Self, InvalidUsers> {
        let mut only = BTreeSet::new();
        for name in names {
            only.insert(name);
            if only.len() > Self::MAX {
                return Err(InvalidUsers::TooMany);
            }
        }
        match only.is_empty() {
            true => Err(InvalidUsers::Nobody),
            false => Ok(Self(Kind::Only(only))),
        }
    }

    /// Those whom `words` name: names, or `*` alone.
    ///
    /// # Errors
    /// [`InvalidUsers`].
    pub fn of<T: AsRef<str>>(words: &[T]) -> Result<Self, InvalidUsers> {
        let mut words = words.iter().map(AsRef::as_ref);
        if words.clone().any(|word| word == ALL) {
            return match words.all(|word| word == ALL) {
                true => Ok(Self::ALL),
                false => Err(InvalidUsers::AllAndSome),
            };
        }
        let names: Result<BTreeSet<Name>, _> = words.map(Name::new).collect();
        Self::only(names?)
    }

    /// Whether this user is one of them. A text that is no name is only found among all.
    pub fn contains(&self, user: &str) -> bool {
        match &self.0 {
            Kind::All => true,
            Kind::Only(names) => names.iter().any(|name| name.as_str() == user),
        }
    }

    /// The names, in their order; `None` for all users.
    pub fn names(&self) -> Option<impl Iterator<Item = &Name>> {
        match &self.0 {
            Kind::All => None,
            Kind::Only(names) => Some(names.iter()),
        }
    }
}

impl TryFrom<Vec<String>> for Users {
    type Error = InvalidUsers;

    fn try_from(words: Vec<String>) -> Result<Self, InvalidUsers> {
        Self::of(&words)
    }
}

impl From<Users> for Vec<String> {
    fn from(users: Users) -> Self {
        match users.0 {
            Kind::All => vec![ALL.to_owned()],
            Kind::Only(names) => names.into_iter().map(String::from).collect(),
        }
    }
}

impl fmt::Display for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Vec::from(self.clone()).join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_names_or_a_star_alone() {
        let some = Users::of(&["b", "a", "a"]).unwrap();
        assert_eq!(some.to_string(), "a,b");
        assert!(some.contains("a") && !some.contains("c") && !some.contains("*"));
        assert!(Users::of(&["*"]).unwrap().contains("anybody"));
        assert_eq!(Users::of::<&str>(&[]), Err(InvalidUsers::Nobody));
        assert_eq!(Users::of(&["a", "*"]), Err(InvalidUsers::AllAndSome));
        assert!(matches!(
            Users::of(&["a", "../b"]),
            Err(InvalidUsers::Name(_))
        ));
        let many: Vec<_> = (0..=Users::MAX).map(|i| format!("u{i}")).collect();
        assert_eq!(Users::of(&many), Err(InvalidUsers::TooMany));
    }

    #[test]
    fn users_are_a_list_in_json() {
        for json in [r#"["*"]"#, r#"["a","b"]"#] {
            let users: Users = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&users).unwrap(), json);
        }
        for bad in ["[]", r#"["*","a"]"#, r#""*""#, r#"["a b"]"#] {
            assert!(serde_json::from_str::<Users>(bad).is_err(), "{bad}");
        }
    }
}
