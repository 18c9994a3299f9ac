//! A function that does with files what its input says.

use std::time::Duration;

use bytes::Bytes;
use faasm_testkit::{Builder, Server, c};
use reqwest::Method;

/// A server on which `demo/f` and `other/f` are the program.
pub(crate) async fn start(builder: Builder) -> Server {
    let server = builder.start().await;
    for name in ["demo/f", "other/f"] {
        server.put(name, c(include_str!("guest.c"))).await;
    }
    server
}

/// Runs a script as `demo/f`, which must succeed, and returns what it printed.
pub(crate) async fn run(server: &Server, script: &str) -> String {
    let call = server.call_json("demo/f", script.to_owned()).await;
    assert_eq!(call["status"], "SUCCESS", "{script}: {call}");
    call["stdout"].as_str().unwrap().to_owned()
}

/// Runs a script as `demo/f`, which must fail; the code and the message.
pub(crate) async fn fail(server: &Server, script: &str) -> (String, String) {
    let call = server.call_json("demo/f", script.to_owned()).await;
    assert_eq!(call["status"], "FAILED", "{script}: {call}");
    let text = |field: &str| call["reason"][field].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

/// Stores a shared file over HTTP.
pub(crate) async fn put(server: &Server, path: &str, content: impl Into<Bytes>) {
    let url = format!("/file/{path}");
    let answer = server.stored(Method::PUT, &url, content.into()).await;
    let _ = answer.expect(200);
}

/// What `GET /file/PATH` has; `None` if there is no such file.
pub(crate) async fn got(server: &Server, path: &str) -> Option<String> {
    let url = format!("/file/{path}");
    let answer = server.stored(Method::GET, &url, "").await;
    match answer.status.as_u16() {
        404 => None,
        _ => Some(answer.expect(200).text()),
    }
}

/// Waits until there is a shared file at `path`.
pub(crate) async fn appears(server: &Server, path: &str) {
    while got(server, path).await.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
