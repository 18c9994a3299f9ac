//! What a [`Storage`] must do wherever it is, as checks that each place runs on itself.
//!
//! [`conformance_tests!`](crate::conformance_tests) makes one test of each that one server can
//! make, and [`shared_conformance_tests!`](crate::shared_conformance_tests) of each that takes
//! several. A check gets the options of an empty storage of its own.

mod helpers;
mod one;
mod several;

pub use helpers::{Checked, Listener, Server, cluster_key, refusal};
pub use one::*;
pub use several::*;

#[cfg(doc)]
use crate::Storage;

/// Makes a module of tests, one for each check. `$fresh` is an expression that gives the
/// options of an empty storage, and something to keep alive as long: `(StorageOptions, _)`.
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:expr) => {
        $crate::conformance_tests!($fresh;
            functions_are_stored_replaced_and_deleted,
            limits_survive_a_replacement,
            files_are_stored_read_renamed_and_deleted,
            directories_stay_until_they_are_removed,
            everything_is_there_after_a_restart,
            large_content_comes_back_whole,
            of_concurrent_puts_one_is_in_force_and_whole,
            every_change_is_announced_before_it_returns,
            what_was_not_announced_is_announced_when_it_is_done_again,
        );
    };
    ($fresh:expr; $($check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() -> $crate::conformance::Checked {
                let (options, _kept) = $fresh;
                $crate::conformance::$check(options).await
            }
        )*
    };
}

/// The same for a storage that several servers can have.
#[macro_export]
macro_rules! shared_conformance_tests {
    ($fresh:expr) => {
        $crate::conformance_tests!($fresh;
            all_servers_see_the_same_id,
            a_refresh_shows_what_another_server_did,
            refreshing_all_finds_everything,
            refreshing_all_loses_nothing_that_is_put_meanwhile,
            a_change_builds_on_what_another_server_stored,
            what_replaces_a_directory_elsewhere_replaces_it_here,
            content_that_is_replaced_stays_for_those_who_have_it,
            the_cache_keeps_its_limit_and_open_files_can_be_read_on,
            compiled_code_is_shared_with_those_who_have_the_key,
            compiled_code_that_was_tampered_with_is_none,
        );
    };
}
