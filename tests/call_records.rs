//! What is kept of calls: lists, trees, and for how long.

use std::time::Duration;

use faasm_testkit::{Answer, Server, c};
use reqwest::Method;
use serde_json::{Value, json};

use crate::async_calls::RETURNS;

/// Submits a call with an idempotency key.
async fn with_key(server: &Server, name: &str, key: &str, input: &str) -> Answer {
    let url = format!("{}/invoke/{name}?async=true", server.invoke);
    let key = format!("idempotency-key: {key}");
    server
        .request_with(Method::POST, &url, &[&key], input.to_owned())
        .await
}

#[tokio::test]
async fn calls_are_listed_newest_first_in_pages_and_by_user() {
    let server = Server::start().await;
    for name in ["a/f", "b/f"] {
        server.put(name, c(RETURNS)).await;
    }
    let mut ids = Vec::new();
    for n in 0..12 {
        let name = if n % 3 == 0 { "b/f" } else { "a/f" };
        ids.push(server.submit(name, if n == 11 { "1" } else { "0" }).await);
    }
    for id in &ids {
        let _ = server.wait(*id).await;
    }
    ids.reverse();
    let list = async |query: &str| {
        let list = server
            .get(&format!("/calls{query}"))
            .await
            .expect(200)
            .json();
        let calls = list["calls"].as_array().unwrap().clone();
        (calls, list["next"].clone())
    };
    let listed = |calls: &[Value]| -> Vec<u64> {
        calls
            .iter()
            .map(|call| call["id"].as_u64().unwrap())
            .collect()
    };
    let (all, next) = list("").await;
    assert_eq!((listed(&all), next), (ids.clone(), Value::Null));
    assert_eq!(
        (&all[0]["status"], &all[0]["return_value"]),
        (&json!("FAILED"), &json!(1))
    );
    assert_eq!(
        (&all[1]["user"], &all[1]["status"]),
        (&json!("a"), &json!("SUCCESS"))
    );
    assert!(all[1]["finished_at_ms"].as_u64() >= all[1]["accepted_at_ms"].as_u64());

    let (of_b, _) = list("?user=b").await;
    assert!(
        of_b.len() == 4 && of_b.iter().all(|call| call["user"] == "b"),
        "{of_b:?}"
    );
    let (mut paged, mut next) = list("?user=a&limit=3").await;
    while let Some(before) = next.as_u64() {
        let page = list(&format!("?user=a&limit=3&before={before}")).await;
        paged.extend(page.0);
        next = page.1;
    }
    assert_eq!(paged.len(), 8);
    assert!(listed(&paged).is_sorted_by(|a, b| a > b), "{paged:?}");
    for (query, field) in [
        ("limit=0", "limit"),
        ("user=%2F", "user"),
        ("before=x", "before"),
    ] {
        let text = server
            .get(&format!("/calls?{query}"))
            .await
            .expect(400)
            .text();
        assert!(text.contains(field), "{text}");
    }
}

#[tokio::test]
async fn results_expire_and_their_keys_with_them() {
    let server = Server::builder().args(["--result-ttl", "1s"]).start().await;
    server.put("demo/f", c(RETURNS)).await;
    let id = with_key(&server, "demo/f", "k", "0")
        .await
        .expect(202)
        .text();
    while server.get(&format!("/calls/{id}")).await.status == 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for path in [format!("/calls/{id}"), format!("/calls/{id}/graph")] {
        let text = server.get(&path).await.expect(404).text();
        assert!(text.contains("expired"), "{text}");
    }
    let _ = server
        .post(json!({"status": true, "id": id}))
        .await
        .expect(404);
    // The key goes when the result is swept, some time after it can no longer be read.
    loop {
        let again = with_key(&server, "demo/f", "k", "1").await;
        if again.status == 202 {
            assert_ne!(again.text(), id);
            break;
        }
        let _ = again.expect(409);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_tree_of_calls_has_every_call_with_its_end() {
    let server = Server::start().await;
    let source = r#"#include <faasm/faasm.h>
        static int child(void) { faasmAwaitCall(faasmChainNamed("leaf", "0", 1)); return 3; }
        int main(void) {
            unsigned int first = faasmChain(child, NULL, 0);
            unsigned int second = faasmChainNamed("none", NULL, 0);
            return faasmAwaitCall(first) == 3 && faasmAwaitCall(second) == -1 ? 0 : 1;
        }"#;
    server.put("demo/tree", c(source)).await;
    server.put("demo/leaf", c(RETURNS)).await;
    let id = server.submit("demo/tree", "").await;
    assert_eq!(server.wait(id).await, "SUCCESS: ");
    let graph = server
        .post(json!({"exec_graph": true, "id": id}))
        .await
        .expect(200);
    assert_eq!(graph.header("content-type"), "application/json");
    assert_eq!(
        graph.json(),
        server.get(&format!("/calls/{id}/graph")).await.json()
    );
    let root = &graph.json()["root"];
    let brief = |node: &Value| {
        let msg = &node["msg"];
        assert!(
            msg["id"].is_u64() && msg["timings"]["run_us"].is_u64(),
            "{msg}"
        );
        assert_eq!(msg["user"], "demo");
        let fields = ["function", "status", "return_value"];
        json!(fields.map(|field| msg[field].clone()))
    };
    assert_eq!(root["msg"]["id"], id);
    assert_eq!(brief(root), json!(["tree", "SUCCESS", 0]));
    let chained = root["chained"].as_array().unwrap();
    assert_eq!(chained.len(), 2);
    assert_eq!(brief(&chained[0]), json!(["tree", "FAILED", 3]));
    assert!(chained[0]["msg"]["pointer"].is_u64());
    assert_eq!(
        brief(&chained[0]["chained"][0]),
        json!(["leaf", "SUCCESS", 0])
    );
    assert_eq!(brief(&chained[1]), json!(["none", "FAILED", -1]));
    let reason = chained[1]["msg"]["reason"].as_str().unwrap();
    assert!(reason.contains("demo/none"), "{reason}");
}
