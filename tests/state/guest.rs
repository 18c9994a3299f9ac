//! A function that does with state what its input says, so that one program serves all
//! tests of state.

use std::time::Duration;

use bytes::Bytes;
use faasm_testkit::{Builder, Server, c};
use reqwest::Method;

/// The program.
pub(crate) fn code() -> Bytes {
    c(include_str!("guest.c"))
}

/// A server on which `demo/f` and `other/f` are the program.
pub(crate) async fn start(builder: Builder) -> Server {
    let server = builder.start().await;
    for name in ["demo/f", "other/f"] {
        server.put(name, code()).await;
    }
    server
}

/// Runs a script as `demo/f`, which must succeed, and returns what it printed.
pub(crate) async fn run(server: &Server, script: &str) -> String {
    run_as(server, "demo/f", script).await
}

/// As [`run`], of any function.
pub(crate) async fn run_as(server: &Server, function: &str, script: &str) -> String {
    let call = server.call_json(function, script.to_owned()).await;
    assert_eq!(call["status"], "SUCCESS", "{script}: {call}");
    call["stdout"].as_str().unwrap().to_owned()
}

/// Runs a script as `demo/f`, which must fail, and returns the code and the message.
pub(crate) async fn fail(server: &Server, script: &str) -> (String, String) {
    let call = server.call_json("demo/f", script.to_owned()).await;
    assert_eq!(call["status"], "FAILED", "{script}: {call}");
    let text = |field: &str| call["reason"][field].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

/// What `GET /s/USER/KEY` has; `None` if there is no such value.
pub(crate) async fn stored(server: &Server, name: &str) -> Option<Bytes> {
    let answer = server.stored(Method::GET, &format!("/s/{name}"), "").await;
    match answer.status.as_u16() {
        404 => None,
        _ => Some(answer.expect(200).body),
    }
}

/// Sets a value over HTTP.
pub(crate) async fn set(server: &Server, name: &str, value: impl Into<Bytes>) {
    let url = format!("/s/{name}");
    let _ = server
        .stored(Method::PUT, &url, value.into())
        .await
        .expect(200);
}

/// Waits until a running script has come to `mark KEY`.
pub(crate) async fn marked(server: &Server, key: &str) {
    while stored(server, &format!("demo/{key}")).await.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Ends an asynchronous call.
pub(crate) async fn cancel(server: &Server, id: u64) {
    let url = format!("{}/calls/{id}", server.invoke);
    let _ = server.request(Method::DELETE, &url, "").await.expect(200);
}
