//! The routes of Python functions, on a server without a Python runtime. `tests/python_http.rs` of
//! the whole runs functions.

mod common;

use common::{NOOP, Server, request, request_json};
use serde_json::json;

const SOURCE: &str = "def faasm_main():\n    return 0\n";

#[tokio::test]
async fn an_upload_needs_a_runtime_and_the_answer_names_the_command() {
    let server = Server::start().await;
    let answer = request_json(server.upload, "PUT", "/p/demo/f", SOURCE).await;
    let error = &answer.json()["error"];
    assert_eq!(
        (answer.status, &error["code"]),
        (503, &json!("python_not_installed"))
    );
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("`faasm python install`"), "{hint}");
    // Waiting does not help.
    assert_eq!(answer.header("retry-after"), "");
    for path in ["/p/demo/f", "/p/demo/f/info"] {
        assert_eq!(server.upload("GET", path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_python_function_that_is_not_there_is_not_found_though_a_module_has_its_name() {
    let server = Server::start().await;
    server.put("f", NOOP).await;
    for (method, path) in [
        ("GET", "/p/demo/f"),
        ("GET", "/p/demo/f/info"),
        ("DELETE", "/p/demo/f"),
        ("PUT", "/p/demo/f/limits"),
    ] {
        let answer = request_json(server.upload, method, path, "{}").await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"]),
            (404, &json!("function_not_found"))
        );
        assert_eq!(
            error["message"], "there is no Python function demo/f",
            "{path}"
        );
    }
    for (path, list) in [
        ("/p", json!({"users": [], "next": null})),
        ("/p/demo", json!({"functions": [], "next": null})),
    ] {
        assert_eq!(server.upload("GET", path, "").await.json(), list);
    }
    let calls = [
        (
            "/",
            r#"{"python": true, "py_user": "demo", "py_func": "f"}"#,
        ),
        ("/invoke/demo/f?python=true", ""),
        ("/invoke/demo/f?python=1&entry=other&async=1", ""),
    ];
    for (path, body) in calls {
        let answer = server.invoke("POST", path, body).await;
        let text = answer.text();
        assert_eq!(answer.status, 404, "{path}: {text}");
        assert!(
            text.starts_with("there is no Python function demo/f ("),
            "{text}"
        );
    }
    assert_eq!(
        server
            .invoke("POST", "/invoke/demo/f?python=0", "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn names_and_fields_are_checked_before_anything_else() {
    let server = Server::start().await;
    for path in ["/p/python/f", "/p/../f", "/p/demo/a%2Fb", "/p/demo/%ff"] {
        let answer = request_json(server.upload, "PUT", path, SOURCE).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"]),
            (400, &json!("invalid_name")),
            "{path}"
        );
    }
    for (path, body, field) in [
        ("/invoke/demo/f?entry=x", "", "`entry`"),
        ("/invoke/demo/f?python=true&entry=a%20b", "", "`entry`"),
        ("/invoke/demo/f?python=perhaps", "", "perhaps"),
        ("/invoke/python/f?python=true", "", "`user`"),
        (
            "/",
            r#"{"user": "demo", "function": "f", "py_entry": "x"}"#,
            "`py_entry`",
        ),
        (
            "/",
            r#"{"user": "demo", "python": true, "py_user": "demo", "py_func": "f"}"#,
            "`user`",
        ),
    ] {
        let answer = server.invoke("POST", path, body).await;
        let text = answer.text();
        assert!(
            answer.status == 400 && text.contains(field),
            "{path}: {text}"
        );
    }
    let allowed = request(server.upload, "POST", "/p/demo/f", &[], "").await;
    assert_eq!(
        (allowed.status, allowed.header("allow")),
        (405, "GET, HEAD, PUT, DELETE, OPTIONS")
    );
}
