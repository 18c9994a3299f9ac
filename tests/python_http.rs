//! Python functions over HTTP: uploads, the routes of what is stored, and the two forms of calls.

use faasm_testkit::{Answer, Server, wat_noop};
use reqwest::Method;
use serde_json::{Value, json};

mod uploads;

/// Greets its input; has another entry.
const HELLO: &str = r#"
def faasm_main(input):
    print("Hello,", input.decode() or "world")

def other():
    return b"the other"
"#;

/// Stores a Python function.
async fn try_put(server: &Server, name: &str, source: impl Into<reqwest::Body>) -> Answer {
    let url = format!("{}/p/{name}", server.upload);
    let json = &["accept: application/json"];
    server.request_with(Method::PUT, &url, json, source).await
}

async fn put(server: &Server, name: &str, source: impl Into<reqwest::Body>) {
    let _ = try_put(server, name, source).await.expect(200);
}

/// Calls a Python function with raw input.
async fn call(server: &Server, name: &str, input: &'static str) -> String {
    let name = format!("{name}?python=true");
    server.call(&name, input).await.expect(200).text()
}

fn python(user: &str, function: &str) -> Value {
    json!({"python": true, "py_user": user, "py_func": function})
}

#[tokio::test]
async fn a_python_function_is_put_called_read_listed_limited_and_deleted() {
    let server = Server::with_python().await;
    let stored = server.stored(Method::PUT, "/p/demo/hello", HELLO).await;
    let text = stored.clone().expect(200).text();
    let start = format!("demo/hello: {} bytes, hash ", HELLO.len());
    assert!(text.starts_with(&start), "{text}");
    assert_eq!(call(&server, "demo/hello", "Ada").await, "Hello, Ada\n");

    let get = server
        .stored(Method::GET, "/p/demo/hello", "")
        .await
        .expect(200);
    assert_eq!(get.text(), HELLO);
    assert_eq!(get.header("content-type"), "text/x-python; charset=utf-8");
    assert_eq!(get.header("etag"), stored.header("etag"));
    let url = format!("{}/p/demo/hello", server.upload);
    let known = format!("if-none-match: {}", get.header("etag"));
    let again = server.request_with(Method::GET, &url, &[&known], "").await;
    assert!(again.expect(304).body.is_empty());
    let head = server
        .stored(Method::HEAD, "/p/demo/hello", "")
        .await
        .expect(200);
    assert_eq!(head.header("content-length"), HELLO.len().to_string());

    let limits = r#"{"time_ms": 1500}"#;
    let limited = server
        .stored(Method::PUT, "/p/demo/hello/limits", limits)
        .await;
    assert_eq!(limited.expect(200).json()["limits"]["time_ms"], 1500);
    let info = server.stored(Method::GET, "/p/demo/hello/info", "").await;
    let info = info.expect(200).json();
    assert_eq!(info["effective_limits"]["time_ms"], 1500);
    assert_eq!(info["size"], HELLO.len());

    let users = server
        .stored(Method::GET, "/p", "")
        .await
        .expect(200)
        .json();
    assert_eq!(users, json!({"users": ["demo"], "next": null}));
    let list = server.stored(Method::GET, "/p/demo?limit=1", "").await;
    assert_eq!(list.expect(200).json()["functions"][0]["function"], "hello");
    let modules = server.stored(Method::GET, "/f/demo", "").await.expect(200);
    assert_eq!(modules.json()["functions"], json!([]));

    let _ = server
        .stored(Method::DELETE, "/p/demo/hello", "")
        .await
        .expect(200);
    let _ = server
        .stored(Method::GET, "/p/demo/hello", "")
        .await
        .expect(404);
    let _ = server.call("demo/hello?python=true", "").await.expect(404);
}

#[tokio::test]
async fn reupload_takes_effect_on_the_next_call_and_keeps_the_limits() {
    let server = Server::with_python().await;
    for n in 0..5 {
        put(
            &server,
            "demo/f",
            format!("def faasm_main(): return 'v{n}'\n"),
        )
        .await;
        assert_eq!(call(&server, "demo/f", "").await, format!("v{n}"));
        let _ = server
            .stored(Method::PUT, "/p/demo/f/limits", r#"{"time_ms": 9000}"#)
            .await;
    }
    // One that is refused leaves what there was.
    let _ = try_put(&server, "demo/f", "def faasm_main(:\n")
        .await
        .expect(422);
    assert_eq!(call(&server, "demo/f", "").await, "v4");
    let info = server
        .stored(Method::GET, "/p/demo/f/info", "")
        .await
        .json();
    assert_eq!(info["limits"]["time_ms"], 9000);
}

#[tokio::test]
async fn equal_names_of_users_and_of_kinds_share_nothing() {
    let server = Server::with_python().await;
    let count = r#"
import pyfaasm.core as core

def faasm_main():
    seen = core.get_state("seen", 3) if core.get_state_size("seen") else b"new"
    core.set_state("seen", b"old")
    return MARK + seen
"#;
    for user in ["one", "two"] {
        let source = format!("MARK = b'{user} '\n{count}");
        put(&server, &format!("{user}/same"), source).await;
    }
    server.put("one/same", wat_noop()).await;
    for (name, answers) in [
        ("one/same", ["one new", "one old"]),
        ("two/same", ["two new", "two old"]),
    ] {
        for expected in answers {
            assert_eq!(call(&server, name, "").await, expected);
        }
    }
    assert_eq!(server.call("one/same", "").await.expect(200).text(), "");
    let counted = "faasm_calls_total";
    for (kind, calls) in [("python", 2.0), ("wasm", 1.0)] {
        let labels = format!(r#"kind="{kind}",user="one",function="same",outcome="success""#);
        assert_eq!(server.metric(counted, &labels).await, calls, "{kind}");
    }
    let _ = server
        .stored(Method::DELETE, "/f/one/same", "")
        .await
        .expect(200);
    assert_eq!(call(&server, "one/same", "").await, "one old");
    let _ = server.call("one/same", "").await.expect(404);
}

#[tokio::test]
async fn the_json_form_and_the_raw_form_call_the_same() {
    let server = Server::with_python().await;
    put(&server, "demo/hello", HELLO).await;
    for (more, expected) in [
        (json!({}), "Hello, world\n"),
        (
            json!({"user": "python", "function": "py_func", "input_data": "Ada"}),
            "Hello, Ada\n",
        ),
        (
            json!({"user": "python", "function": "hello"}),
            "Hello, world\n",
        ),
        (json!({"py_entry": "other", "mpi": false}), "the other"),
        (
            json!({"py_entry": null, "input_data_base64": "QWRh"}),
            "Hello, Ada\n",
        ),
    ] {
        let mut call = python("demo", "hello");
        call.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        assert_eq!(
            server.post(call.clone()).await.expect(200).text(),
            expected,
            "{call}"
        );
    }
    for query in [
        "?python=true&entry=other",
        "?python&entry=other",
        "?entry=other&python=1",
    ] {
        let answer = server.call(&format!("demo/hello{query}"), "").await;
        assert_eq!(answer.expect(200).text(), "the other", "{query}");
    }
    let missing = server
        .call_json("demo/hello?python=true&entry=nothing", "")
        .await;
    assert_eq!(
        missing["reason"]["code"], "python_entry_not_found",
        "{missing}"
    );
    let _ = server
        .call("demo/hello?python=true&entry=nothing", "")
        .await
        .expect(404);
}

#[tokio::test]
async fn asynchronous_calls_have_a_status_a_graph_and_a_key() {
    let server = Server::with_python().await;
    let source = r#"
from pyfaasm.core import await_call_output, chain

def child(input):
    return input + b" and back"

def faasm_main(input):
    return await_call_output(chain(child, input))[1]
"#;
    put(&server, "demo/there", source).await;
    let mut request = python("demo", "there");
    request["async"] = true.into();
    request["input_data"] = "there".into();
    let id = server.post(request).await.expect(202).text();
    let ended = server.wait(id.parse().unwrap()).await;
    assert_eq!(ended, "SUCCESS: there and back");
    let status = json!({"status": true, "id": id});
    assert_eq!(server.post(status).await.expect(200).text(), ended);
    let graph = server
        .post(json!({"exec_graph": true, "id": id}))
        .await
        .expect(200)
        .json();
    let root = &graph["root"];
    assert_eq!(root["msg"]["py_entry"], Value::Null);
    assert_eq!(root["chained"][0]["msg"]["py_entry"], "child", "{graph}");
    assert_eq!(root["chained"][0]["msg"]["user"], "demo", "{graph}");

    let submit = async |entry: &str| {
        let url = format!(
            "{}/invoke/demo/there?python=true&async=true{entry}",
            server.invoke
        );
        let key = &["idempotency-key: one"];
        server.request_with(Method::POST, &url, key, "x").await
    };
    let first = submit("").await.expect(202).text();
    assert_eq!(submit("").await.expect(202).text(), first);
    assert_eq!(submit("&entry=faasm_main").await.expect(202).text(), first);
    let _ = submit("&entry=child").await.expect(409);
    server.put("demo/there", wat_noop()).await;
    let url = format!("{}/invoke/demo/there?async=true", server.invoke);
    let module = server
        .request_with(Method::POST, &url, &["idempotency-key: one"], "x")
        .await;
    let _ = module.expect(409);
}

#[tokio::test]
async fn without_a_runtime_uploads_and_calls_say_what_to_install() {
    let dir = tempfile::tempdir().unwrap();
    let start = |args: &[&str]| {
        let args = args.iter().map(|&arg| arg.to_owned());
        Server::builder()
            .python()
            .args(args.collect::<Vec<_>>())
            .data_dir(dir.path())
            .start()
    };
    let mut server = start(&[]).await;
    put(&server, "demo/hello", HELLO).await;
    server.signal(faasm_testkit::Signal::TERM);
    let _ = server.exit_code(std::time::Duration::from_secs(60)).await;

    let server = start(&["--python", "none"]).await;
    let refused = try_put(&server, "demo/new", HELLO).await.expect(503);
    assert_eq!(refused.json()["error"]["code"], "python_not_installed");
    assert!(
        refused.text().contains("faasm python install"),
        "{}",
        refused.text()
    );
    // What is stored is there, for when there is a runtime again.
    let get = server.stored(Method::GET, "/p/demo/hello", "").await;
    assert_eq!(get.expect(200).text(), HELLO);
    let info = server.stored(Method::GET, "/p/demo/hello/info", "").await;
    assert_eq!(info.expect(200).json()["function"], "hello");
    let called = server.call("demo/hello?python=true", "").await.expect(503);
    assert!(
        called.text().contains("python_not_installed"),
        "{}",
        called.text()
    );
}
