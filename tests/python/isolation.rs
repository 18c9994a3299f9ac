//! What a call changes is gone when it ends, and no other user's at any time.

use faasm_testkit::Server;
use futures::future::join_all;
use reqwest::Method;

use super::{call, output, put, serve, text};

const ISOLATION: &str = include_str!("isolation.py");

/// Leaves its user's name in state and in files, and says what it found of that.
const TENANT: &str = r#"
import os, pyfaasm, random

DRAWN = random.random()

def faasm_main():
    user = pyfaasm.py_user()
    found = []
    for name in "/mine", "/tmp/mine":
        found += [name] * os.path.exists(name)
        with open(name, "w") as file:
            file.write(user)
    seen = pyfaasm.read_state("shared").decode()
    pyfaasm.write_state("shared", user)
    return f"{user} {seen} {DRAWN}{found or ''}"
"#;

#[tokio::test]
async fn what_a_call_changes_no_other_call_finds() {
    let server = serve(ISOLATION).await;
    for _ in 0..5 {
        assert_eq!(output(&server, "faasm_main", "").await, "");
    }
    let calls = (0..200).map(|_| output(&server, "faasm_main", ""));
    for found in join_all(calls).await {
        assert_eq!(found, "");
    }
}

#[tokio::test]
async fn what_a_failed_call_changed_no_other_call_finds() {
    let server = serve(ISOLATION).await;
    let limits = server.stored(Method::PUT, "/p/demo/f/limits", r#"{"time_ms": 300}"#);
    let _ = limits.await.expect(200);
    for entry in [
        "change_and_fail",
        "change_and_exit",
        "change_and_spin",
        "change_and_exhaust",
    ] {
        let failed = call(&server, "demo/f", entry, "").await;
        assert_eq!(failed["status"], "FAILED", "{entry}: {failed:#}");
        assert_eq!(output(&server, "faasm_main", "").await, "", "{entry}");
    }
}

/// Calls that ran in Faaslets of earlier calls.
async fn reused(server: &Server) -> u32 {
    server.metric("faasm_faaslets_reused_total", "").await as u32
}

#[tokio::test]
async fn a_faaslet_is_used_again_and_says_nothing_of_the_call_before() {
    let server = serve(ISOLATION).await;
    let limits = server.stored(Method::PUT, "/p/demo/f/limits", r#"{"time_ms": 300}"#);
    let _ = limits.await.expect(200);
    assert_eq!(output(&server, "look", "").await, "");
    let before = reused(&server).await;
    for n in 1..=5 {
        assert_eq!(output(&server, "look", "").await, "");
        assert_eq!(reused(&server).await, before + n);
    }
    // What returned by itself leaves a Faaslet, what was ended does not.
    for (entry, kept) in [
        ("faasm_main", 1),
        ("change_and_fail", 1),
        ("change_and_exit", 1),
        ("change_and_spin", 0),
        ("change_and_exhaust", 1),
        ("change_and_view", 0),
    ] {
        let before = reused(&server).await;
        let _ = call(&server, "demo/f", entry, "").await;
        assert_eq!(reused(&server).await, before + 1, "{entry}");
        assert_eq!(output(&server, "look", "").await, "", "{entry}");
        assert_eq!(reused(&server).await, before + 1 + kept, "{entry}");
    }
    assert_eq!(output(&server, "viewed", "").await, "mine");
}

#[tokio::test]
async fn a_cancelled_call_leaves_nothing_behind() {
    let server = serve(ISOLATION).await;
    assert_eq!(output(&server, "look", "").await, "");
    for _ in 0..3 {
        let spin = "/invoke/demo/f?python=true&entry=change_and_spin&async=true";
        let started = format!("{}{spin}", server.invoke);
        let started = server.request(Method::POST, &started, "").await;
        let id = started.expect(202).text();
        let running = async || server.metric("faasm_calls_running", "").await;
        while running().await < 1.0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let url = format!("{}/calls/{id}", server.invoke);
        let _ = server.request(Method::DELETE, &url, "").await.expect(200);
        assert_eq!(output(&server, "look", "").await, "");
    }
}

#[tokio::test]
async fn calls_in_the_same_faaslet_draw_each_their_own() {
    let server = serve(ISOLATION).await;
    let before = reused(&server).await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        for drawn in output(&server, "draw", "").await.split(' ') {
            assert!(seen.insert(drawn.to_owned()), "{drawn} came twice");
        }
    }
    assert!(reused(&server).await >= before + 19);
}

#[tokio::test]
async fn a_faaslet_serves_one_user_s_one_function_alone() {
    let server = serve(ISOLATION).await;
    for name in ["demo/g", "other/f"] {
        put(&server, name, ISOLATION).await;
    }
    assert_eq!(output(&server, "look", "").await, "");
    let before = reused(&server).await;
    // Those that are there are another function's, another user's, and of an earlier upload.
    for name in ["demo/g", "other/f"] {
        let _ = call(&server, name, "look", "").await;
    }
    put(&server, "demo/f", ISOLATION).await;
    assert_eq!(output(&server, "look", "").await, "");
    assert_eq!(reused(&server).await, before);
    for name in ["demo/g", "other/f", "demo/f"] {
        let _ = call(&server, name, "look", "").await;
    }
    assert_eq!(reused(&server).await, before + 3);
}

#[tokio::test]
async fn users_with_the_same_file_under_the_same_name_share_nothing() {
    let server = serve(TENANT).await;
    let users: Vec<String> = (0..8).map(|n| format!("user{n}")).collect();
    for user in &users {
        put(&server, &format!("{user}/f"), TENANT).await;
    }
    for round in 0..3 {
        let calls = users.iter().map(async |user| {
            let call = call(&server, &format!("{user}/f"), "faasm_main", "").await;
            text(&call, "output_data")
        });
        let mut drawn = Vec::new();
        for (user, found) in users.iter().zip(join_all(calls).await) {
            let seen = if round == 0 { "" } else { user.as_str() };
            let expected = format!("{user} {seen} ");
            let own = found.strip_prefix(&expected);
            drawn.push(
                own.unwrap_or_else(|| panic!("{found:?} is not {expected:?}"))
                    .to_owned(),
            );
        }
        // Each upload has an image of its own, also of the same bytes.
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), users.len());
    }
    // What one removes stays with the others.
    let _ = server
        .stored(Method::DELETE, "/p/user0/f", "")
        .await
        .expect(200);
    let _ = server.call("user0/f?python=true", "").await.expect(404);
    let kept = call(&server, "user1/f", "faasm_main", "").await;
    assert!(
        text(&kept, "output_data").starts_with("user1 user1 "),
        "{kept:#}"
    );
}
