//! Python functions as those see them who write them. What HTTP has to do with it is in
//! `python_http`, the commands are in `cli/py.rs`.

mod chaining;
mod conformance;
mod contract;
mod errors;
mod isolation;
mod lifetime;
mod modules;
mod packages;
mod pyfaasm;
mod startup;
mod state;

use bytes::Bytes;
use faasm_testkit::{Answer, Server};
use reqwest::Method;
use serde_json::Value;

/// Uploads a file or an archive.
async fn try_put(server: &Server, name: &str, source: impl Into<reqwest::Body>) -> Answer {
    server
        .stored(Method::PUT, &format!("/p/{name}"), source)
        .await
}

/// Uploads one that must be taken.
async fn put(server: &Server, name: &str, source: impl Into<reqwest::Body>) {
    let _ = try_put(server, name, source).await.expect(200);
}

/// A server with one function, `demo/f`.
async fn serve(source: impl Into<reqwest::Body>) -> Server {
    let server = Server::with_python().await;
    put(&server, "demo/f", source).await;
    server
}

/// Calls `entry` of a file; the call, however it ended.
async fn call(server: &Server, name: &str, entry: &str, input: impl Into<Bytes>) -> Value {
    let path = format!("{name}?python=true&entry={entry}");
    server.call_json(&path, input).await
}

/// The output of `entry` of `demo/f`, which must succeed.
async fn output(server: &Server, entry: &str, input: impl Into<Bytes>) -> String {
    let call = call(server, "demo/f", entry, input).await;
    assert_eq!(call["status"], "SUCCESS", "{entry}: {call:#}");
    text(&call, "output_data")
}

/// Code and message of why `entry` of `demo/f` fails, which it must.
async fn failure(server: &Server, entry: &str, input: impl Into<Bytes>) -> (String, String) {
    let call = call(server, "demo/f", entry, input).await;
    assert_eq!(call["status"], "FAILED", "{entry}: {call:#}");
    let reason = &call["reason"];
    (text(reason, "code"), text(reason, "message"))
}

fn text(value: &Value, field: &str) -> String {
    let text = value[field].as_str();
    text.unwrap_or_else(|| panic!("no {field}: {value:#}"))
        .to_owned()
}
