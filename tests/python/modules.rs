//! The standard library: what runs does something real, what cannot run says so.

use faasm_testkit::Server;
use futures::future::join_all;
use serde_json::Value;

use super::{call, output, serve, text};

/// Calls all entries that `list` names.
async fn all(server: &Server, list: &str) -> Vec<(String, Value)> {
    let names = output(server, list, "").await;
    assert!(names.lines().count() > 5, "{names}");
    let calls = names.lines().map(async |name| {
        let call = call(server, "demo/f", name, "").await;
        (name.to_owned(), call)
    });
    join_all(calls).await
}

#[tokio::test]
async fn modules_of_the_standard_library_do_what_they_are_for() {
    for source in [include_str!("modules.py"), include_str!("more_modules.py")] {
        let server = serve(source).await;
        for (name, call) in all(&server, "all_uses").await {
            assert_eq!(
                call["status"],
                "SUCCESS",
                "{name}: {}",
                text(&call, "stderr")
            );
        }
    }
}

#[tokio::test]
async fn what_functions_cannot_do_says_so() {
    let server = serve(include_str!("refused.py")).await;
    for (name, call) in all(&server, "all_refused").await {
        assert_eq!(
            call["reason"]["code"], "python_exception",
            "{name}: {call:#}"
        );
        let stderr = text(&call, "stderr");
        assert!(stderr.contains("functions cannot "), "{name}: {stderr}");
    }
}
