//! State as memory that calls share, from Python.

use faasm_testkit::Server;
use futures::future::join_all;
use reqwest::Method;

use super::{call, failure, output, put, serve, text};

const STATE: &str = include_str!("state.py");

/// What is stored in the global tier.
async fn stored(server: &Server, key: &str) -> Vec<u8> {
    let path = format!("/s/demo/{key}");
    let value = server.stored(Method::GET, &path, "").await;
    value.expect(200).body.into()
}

#[tokio::test]
async fn what_is_written_through_a_view_is_the_value_and_is_pushed() {
    let server = serve(STATE).await;
    assert_eq!(output(&server, "write_view", "").await, "012x4-67YZ");
    assert_eq!(stored(&server, "view").await, b"012x4-67YZ");
    assert_eq!(output(&server, "read_view", "").await, "012x4-67YZ");
    // From outside, and to the next call.
    let set = server.stored(Method::PUT, "/s/demo/view", "from http!");
    let _ = set.await.expect(200);
    assert_eq!(output(&server, "read_view", "").await, "from http!");
    for (entry, input, expected) in [
        ("views_are_one", "", "04030201"),
        ("view_outlives_names", "", "True"),
        ("array_of", "100000", "4999950000"),
        ("masked", "", "abab"),
    ] {
        assert_eq!(output(&server, entry, input).await, expected, "{entry}");
    }
}

#[tokio::test]
async fn parallel_counters_under_a_lock_lose_no_count() {
    let server = serve(STATE).await;
    let counts = join_all((0..100).map(|_| output(&server, "count", ""))).await;
    let mut numbers: Vec<u32> = counts.iter().map(|count| count.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    assert_eq!(output(&server, "read_count", "").await, "100");
    assert_eq!(stored(&server, "counter").await, 100_u64.to_le_bytes());

    let _ = join_all((0..20).map(|_| output(&server, "count_globally", ""))).await;
    assert_eq!(stored(&server, "global").await, 20_u64.to_le_bytes());
}

#[tokio::test]
async fn a_lock_ends_with_its_block_and_at_the_latest_with_its_call() {
    let server = serve(STATE).await;
    let kept = call(&server, "demo/f", "kept_lock", "").await;
    assert_eq!(kept["status"], "SUCCESS", "{kept:#}");
    let (code, _) = failure(&server, "lock_and_raise", "").await;
    assert_eq!(code, "python_exception");
    for key in ["kept", "raised"] {
        assert_eq!(output(&server, "take", key).await, "taken", "{key}");
    }
    let (code, message) = failure(&server, "locks_again", "").await;
    assert_eq!(code, "deadlock", "{message}");
}

#[tokio::test]
async fn two_users_of_the_same_file_have_state_of_their_own() {
    let server = serve(STATE).await;
    put(&server, "other/f", STATE).await;
    let _ = join_all((0..10).map(|_| output(&server, "count", ""))).await;
    let other = call(&server, "other/f", "count", "").await;
    assert_eq!(text(&other, "output_data"), "1", "{other:#}");
    let (code, _) = failure(&server, "view_then_fail", "").await;
    assert_eq!(code, "python_exception");
    let _ = server
        .stored(Method::GET, "/s/other/failed", "")
        .await
        .expect(404);
}
