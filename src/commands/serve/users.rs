//! What single users may have: the tables `[users.NAME]` of the settings file.

use std::num::NonZeroU32;

use faasm_http::UserQuotas;
use faasm_model::{Name, PerUser};
use serde::{Deserialize, Serialize};

use super::settings::{Settings, Size};

/// Bytes of a user's stored state, unless told.
const MAX_STATE_BYTES: u64 = 16 << 30;

/// What a user may have instead of what all may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserSettings {
    /// In place of `--user-max-calls-per-second`.
    pub max_calls_per_second: Option<NonZeroU32>,
    /// In place of `--user-max-concurrent-calls`.
    pub max_concurrent_calls: Option<NonZeroU32>,
    /// In place of `--user-max-memory`.
    pub max_memory: Option<Size>,
    /// In place of `--user-max-storage`.
    pub max_storage: Option<Size>,
    /// In place of `--max-state-bytes`.
    pub max_state_bytes: Option<Size>,
}

/// What users may call and store.
pub fn quotas(settings: &Settings) -> PerUser<UserQuotas> {
    let all = UserQuotas {
        calls_per_second: settings.user_max_calls_per_second,
        concurrent_calls: settings.user_max_concurrent_calls,
        storage_bytes: bytes(settings.user_max_storage),
    };
    per_user(settings, all, |own| UserQuotas {
        calls_per_second: own.max_calls_per_second.or(all.calls_per_second),
        concurrent_calls: own.max_concurrent_calls.or(all.concurrent_calls),
        storage_bytes: bytes(own.max_storage).or(all.storage_bytes),
    })
}

/// What all calls of a user may take of the memory budget.
pub fn memory(settings: &Settings) -> PerUser<Option<u64>> {
    let all = bytes(settings.user_max_memory);
    per_user(settings, all, |own| bytes(own.max_memory).or(all))
}

/// What state users may have.
pub fn state_bytes(settings: &Settings) -> PerUser<u64> {
    let all = bytes(settings.max_state_bytes).unwrap_or(MAX_STATE_BYTES);
    per_user(settings, all, |own| {
        bytes(own.max_state_bytes).unwrap_or(all)
    })
}

fn per_user<T>(settings: &Settings, all: T, own: impl Fn(&UserSettings) -> T) -> PerUser<T> {
    let users = settings.users.iter().flatten();
    let own = users.map(|(user, settings): (&Name, _)| (user.clone(), own(settings)));
    PerUser::new(all, own)
}

fn bytes(size: Option<Size>) -> Option<u64> {
    size.map(|size| size.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let settings = Settings::default().over_file(file.path());
        settings.map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_users_own_words_win_and_the_rest_is_as_for_all() {
        let settings = read(
            "user-max-memory = \"1GiB\"\nuser-max-storage = 100\nuser-max-calls-per-second = 5\n\
             [users.shop]\nmax-memory = \"4GiB\"\nmax-concurrent-calls = 3\nmax-state-bytes = 7\n\
             [users.\"a.b-c\"]\nmax-storage = \"1KiB\"\nmax-calls-per-second = 9\n",
        );
        let settings = settings.unwrap();
        let [shop, abc, other] = ["shop", "a.b-c", "other"].map(|name| Name::new(name).unwrap());
        let memory = memory(&settings);
        assert_eq!(
            [&shop, &abc].map(|user| *memory.of(user)),
            [Some(4 << 30), Some(1 << 30)]
        );
        let state = state_bytes(&settings);
        assert_eq!(
            [&shop, &abc, &other].map(|user| *state.of(user)),
            [7, MAX_STATE_BYTES, MAX_STATE_BYTES]
        );
        let quotas = quotas(&settings);
        let quota = |user| {
            let quota: &UserQuotas = quotas.of(user);
            let number = |number: Option<NonZeroU32>| number.map(NonZeroU32::get);
            (
                number(quota.calls_per_second),
                number(quota.concurrent_calls),
                quota.storage_bytes,
            )
        };
        assert_eq!(quota(&shop), (Some(5), Some(3), Some(100)));
        assert_eq!(quota(&abc), (Some(9), None, Some(1 << 10)));
        assert_eq!(quota(&other), (Some(5), None, Some(100)));
    }

    #[test]
    fn a_word_or_a_user_that_cannot_be_is_refused_by_name() {
        for (text, word) in [
            ("[users.shop]\nmax-memroy = 1\n", "max-memroy"),
            ("[users.shop]\nuser-max-memory = 1\n", "user-max-memory"),
            (
                "[users.shop]\nmax-calls-per-second = 0\n",
                "max-calls-per-second",
            ),
            ("[users.\"the shop\"]\nmax-memory = 1\n", "the shop"),
            ("[users]\nshop = 1\n", "shop"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}
