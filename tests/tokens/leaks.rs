//! What others have, and tokens themselves, show nowhere.

use std::path::Path;

use faasm_testkit::Server;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Guarded, code, status};

fn names<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let list = list[field].as_array().unwrap().iter();
    list.map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_show_only_what_the_token_reaches() {
    let guarded = Guarded::start().await;
    for user in ["a", "b", "c"] {
        guarded.put(&format!("{user}/f")).await;
        guarded.submit(&format!("{user}/f")).await;
        let path = format!("/s/{user}/k");
        let _ = guarded
            .upload(Method::PUT, &path, &guarded.admin)
            .await
            .expect(200);
    }
    let token = guarded.token(&["read"], &["a", "c", "nobody"]).await;
    for list in ["/f", "/s"] {
        let users = guarded
            .upload(Method::GET, list, &token)
            .await
            .expect(200)
            .json();
        assert_eq!(names(&users, "users"), ["a", "c"], "{list}");
        let path = format!("{list}?limit=1");
        let page = guarded
            .upload(Method::GET, &path, &token)
            .await
            .expect(200)
            .json();
        assert_eq!(
            (names(&page, "users"), &page["next"]),
            (vec!["a"], &json!("a"))
        );
        let path = format!("{list}?after=a");
        let page = guarded
            .upload(Method::GET, &path, &token)
            .await
            .expect(200)
            .json();
        assert_eq!(names(&page, "users"), ["c"], "{list}");
        let all = guarded
            .upload(Method::GET, list, &guarded.admin)
            .await
            .json();
        assert_eq!(names(&all, "users"), ["a", "b", "c"], "{list}");
    }
    let calls = guarded
        .invoke(Method::GET, "/calls", &token)
        .await
        .expect(200)
        .json();
    let users = calls["calls"].as_array().unwrap().iter();
    let users: Vec<_> = users.map(|call| call["user"].as_str().unwrap()).collect();
    assert_eq!(users, ["c", "a"], "newest first");
    let page = guarded
        .invoke(Method::GET, "/calls?limit=1", &token)
        .await
        .json();
    let path = format!("/calls?before={}", page["next"]);
    let rest = guarded.invoke(Method::GET, &path, &token).await.json();
    assert_eq!(rest["calls"][0]["user"], "a");
    let _ = guarded
        .invoke(Method::GET, "/calls?user=a", &token)
        .await
        .expect(200);
    let other = guarded
        .invoke(Method::GET, "/calls?user=b", &token)
        .await
        .expect(403);
    assert_eq!(code(&other), "forbidden");
}

#[tokio::test]
async fn a_call_of_another_user_is_not_there() {
    let guarded = Guarded::start().await;
    guarded.put("a/f").await;
    let id = guarded.submit("a/f").await;
    let (own, other) = (
        guarded.token(&["invoke"], &["a"]).await,
        guarded.token(&["invoke"], &["b"]).await,
    );
    let never = "9007199254740991";
    for (method, path) in [
        (Method::GET, "/calls/ID"),
        (Method::GET, "/calls/ID?wait_ms=1000"),
        (Method::GET, "/calls/ID/graph"),
        (Method::DELETE, "/calls/ID"),
    ] {
        let ask = async |id: &str, token: &str| {
            let path = path.replace("ID", id);
            guarded.invoke(method.clone(), &path, token).await
        };
        let _ = ask(&id, &own).await.expect(200);
        let (there, nowhere) = (ask(&id, &other).await, ask(never, &other).await);
        assert_eq!(
            (status(&there), status(&nowhere)),
            (404, 404),
            "{method} {path}"
        );
        assert_eq!(
            there.text().replace(&id, "ID"),
            nowhere.text().replace(never, "ID")
        );
    }
    for ask in ["status", "exec_graph"] {
        let body = json!({ (ask): true, "id": id });
        let _ = guarded.post(&own, body.clone()).await.expect(200);
        assert_eq!(
            code(&guarded.post(&other, body).await.expect(404)),
            "call_not_found"
        );
    }
}

#[tokio::test]
async fn the_body_of_a_request_is_bound_as_well() {
    let guarded = Guarded::start().await;
    guarded.put("a/f").await;
    let (invoke, read, other) = (
        guarded.token(&["invoke"], &["a"]).await,
        guarded.token(&["read"], &["a"]).await,
        guarded.token(&["invoke"], &["b"]).await,
    );
    let call = json!({ "user": "a", "function": "f" });
    let _ = guarded.post(&invoke, call.clone()).await.expect(200);
    let python = |user: &str| json!({ "python": true, "py_user": user, "py_func": "f" });
    // Without a runtime, who is let in learns that there is no such function.
    let own = guarded.post(&invoke, python("a")).await;
    assert!([404, 503].contains(&status(&own)), "{}", own.text());
    for (token, body) in [
        (&read, call.clone()),
        (&other, call.clone()),
        (
            &other,
            json!({ "user": "a", "function": "f", "async": true }),
        ),
        (&other, json!({ "user": "a", "function": "f", "mpi": true })),
        (&other, python("a")),
        (&invoke, json!({ "flush": true })),
        (&invoke, json!({ "type": 3 })),
    ] {
        let answer = guarded.post(token, body.clone()).await;
        assert_eq!(
            (status(&answer), &*code(&answer)),
            (403, "forbidden"),
            "{body}"
        );
    }
    let _ = guarded
        .post(&guarded.admin, json!({ "flush": true }))
        .await
        .expect(200);
    let id = guarded.submit("a/f").await;
    let _ = guarded
        .post(&read, json!({ "status": true, "id": id }))
        .await
        .expect(200);
}

#[tokio::test]
async fn another_users_idempotency_keys_are_not_there() {
    let guarded = Guarded::start().await;
    for user in ["a", "b"] {
        guarded.put(&format!("{user}/f")).await;
    }
    let submit = async |user: &str| {
        let token = guarded.token(&["invoke"], &[user]).await;
        let token = format!("authorization: Bearer {token}");
        let url = format!("{}/invoke/{user}/f?async=true", guarded.server.invoke);
        let headers = [&*token, "idempotency-key: the-same"];
        let answer = guarded
            .server
            .request_with(Method::POST, &url, &headers, "")
            .await;
        answer.expect(202).text()
    };
    let (first, other, again) = (submit("a").await, submit("b").await, submit("a").await);
    assert_ne!(first, other);
    assert_eq!(first, again);
}

#[tokio::test]
async fn no_token_is_in_a_log_an_answer_or_a_file() {
    for format in ["text", "json"] {
        let builder = Server::builder().args(["--log", "trace", "--log-format", format]);
        let guarded = Guarded::with(builder).await;
        guarded.put("a/f").await;
        let id = guarded.submit("a/f").await;
        let token = guarded.token(&["read", "invoke"], &["a"]).await;
        let other = guarded.token(&["read"], &["b"]).await;
        let wrong = format!("{}x", guarded.token(&["read"], &["b"]).await);
        let mut answers = String::new();
        for token in [&token, &other, &wrong, &guarded.admin] {
            for path in [
                "/calls",
                &format!("/calls/{id}"),
                "/metrics",
                "/openapi.json",
                "/nowhere",
            ] {
                answers += &guarded.invoke(Method::GET, path, token).await.text();
            }
            answers += &guarded.upload(Method::GET, "/tokens", token).await.text();
            answers += &guarded
                .upload(Method::PUT, "/f/a/broken", token)
                .await
                .text();
            answers += &guarded
                .post(token, json!({ "user": "a", "function": "f" }))
                .await
                .text();
            // In places where it does not belong.
            answers += &guarded
                .upload(Method::GET, "/f/b/..%2f", token)
                .await
                .text();
        }
        let logs = guarded.server.logs();
        assert!(logs.len() > 1_000 && logs.contains("TRACE"), "{logs}");
        for token in [&token, &other, &wrong, &guarded.admin] {
            let secret = token.rsplit('_').next().unwrap();
            assert!(!logs.contains(secret), "the log shows a token");
            assert!(!answers.contains(secret), "an answer shows a token");
            let admin_file = guarded.server.data_dir().join("admin-token");
            search(guarded.server.data_dir(), secret, &admin_file);
        }
    }
}

/// No file below `dir` but `except` has `secret` in it.
fn search(dir: &Path, secret: &str, except: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, secret, except);
        } else if path != except {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{} has a token", path.display());
        }
    }
}
