//! The invoke listener.

mod common;

use common::{ECHO, NOOP, SPIN, Server, TRAP, eventually, request, request_json};
use faasm_http::HttpOptions;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_call_answers_stdout_and_output_and_says_how_to_take_them_apart() {
    let server = Server::start().await;
    server.put("echo", ECHO).await;
    let form = r#"{"user": "demo", "function": "echo", "input_data": "hello"}"#;
    let from_form = server.invoke("POST", "/", form).await;
    let from_raw = server.invoke("POST", "/invoke/demo/echo", "hello").await;
    for answer in [from_form, from_raw] {
        assert_eq!((answer.status, answer.text().as_str()), (200, "outhello"));
        assert_eq!(answer.header("faasm-stdout-length"), "3");
        assert_eq!(answer.header("faasm-return-value"), "0");
        assert!(answer.header("faasm-call-id").parse::<u64>().is_ok());
        assert_eq!(answer.header("content-length"), "8");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    }
    let json = request_json(server.invoke, "POST", "/invoke/demo/echo", "hello")
        .await
        .json();
    assert_eq!(json["status"], "SUCCESS");
    assert_eq!(
        (&json["stdout"], &json["output_data"]),
        (&"out".into(), &"hello".into())
    );
    assert!(json["timings"]["run_us"].is_u64() && json["reason"].is_null());
}

#[tokio::test]
async fn a_failed_call_is_a_500_that_says_why() {
    let server = Server::start().await;
    server.put("trap", TRAP).await;
    let text = server.invoke("POST", "/invoke/demo/trap", "").await;
    assert_eq!(text.status, 500);
    let id = text.header("faasm-call-id");
    let reason = format!("call {id} of demo/trap failed: trap: ");
    assert!(text.text().starts_with(&reason), "{}", text.text());
    assert_eq!(text.text().matches('\n').count(), 1);
    let json = request_json(server.invoke, "POST", "/invoke/demo/trap", "").await;
    assert_eq!(
        (json.status, &json.json()["reason"]["code"]),
        (500, &"trap".into())
    );
}

#[tokio::test]
async fn a_call_over_its_time_limit_is_a_504() {
    let server = Server::start().await;
    server.put("spin", SPIN).await;
    server
        .upload("PUT", "/f/demo/spin/limits", r#"{"time_ms": 50}"#)
        .await;
    let answer = server.invoke("POST", "/invoke/demo/spin", "").await;
    assert_eq!(answer.status, 504);
    assert!(answer.text().contains("time_limit"), "{}", answer.text());
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_with_their_codes() {
    let server = Server::start().await;
    let many = format!("{{\"x\": {}", "[".repeat(100_000));
    for (path, body, status, code) in [
        ("/", "", 400, "bad_request"),
        ("/", "user=demo", 400, "bad_request"),
        ("/", "{\"user\": \"demo\"", 400, "bad_request"),
        ("/", &many, 400, "bad_request"),
        ("/", "{}", 400, "missing_field"),
        ("/", r#"{"user": 5, "function": "f"}"#, 400, "invalid_field"),
        (
            "/",
            r#"{"user": "a", "user": "a", "function": "f"}"#,
            400,
            "invalid_field",
        ),
        (
            "/",
            r#"{"user": "a b", "function": "f"}"#,
            400,
            "invalid_name",
        ),
        (
            "/",
            r#"{"user": "a", "function": "f"}"#,
            404,
            "function_not_found",
        ),
        (
            "/",
            r#"{"user": "a", "function": "f", "async": true}"#,
            404,
            "function_not_found",
        ),
        (
            "/",
            r#"{"user": "a", "function": "f", "mpi": true}"#,
            404,
            "function_not_found",
        ),
        (
            "/",
            r#"{"status": true, "id": 999999}"#,
            404,
            "call_not_found",
        ),
        (
            "/",
            r#"{"exec_graph": true, "id": "999999"}"#,
            404,
            "call_not_found",
        ),
        ("/invoke/demo/f?mpi=4", "", 404, "function_not_found"),
        ("/invoke/demo/f?mpi=0", "", 400, "invalid_field"),
        ("/invoke/demo/f?async=maybe", "", 400, "invalid_field"),
        ("/invoke/demo/f?cmdline=%27", "", 400, "invalid_field"),
        ("/invoke/de%20mo/f", "", 400, "invalid_name"),
        ("/nowhere", "", 404, "route_not_found"),
    ] {
        let answer = request_json(server.invoke, "POST", path, body).await;
        assert_eq!(answer.status, status, "{path} {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["code"], code, "{path}");
        assert!(error["message"].is_string() && error["hint"].is_string());
        let text = request(server.invoke, "POST", path, &[], body).await;
        assert_eq!(text.status, status);
        assert_eq!(text.text().trim_end().lines().count(), 1, "{}", text.text());
    }
}

#[tokio::test]
async fn an_input_over_the_limit_is_a_413_in_both_forms() {
    let server = Server::with(HttpOptions {
        max_input_bytes: 10,
        ..HttpOptions::default()
    })
    .await;
    server.put("noop", NOOP).await;
    let form = r#"{"user": "demo", "function": "noop", "input_data": "more than ten"}"#;
    let huge = format!("{{\"x\": \"{}\"}}", "x".repeat(100_000));
    for (path, body) in [
        ("/", form),
        ("/", &huge),
        ("/invoke/demo/noop", "more than ten"),
    ] {
        let answer = server.invoke("POST", path, body).await;
        assert_eq!(answer.status, 413, "{path}");
        assert!(answer.text().contains("limit of"), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_asynchronous_call_is_accepted_and_its_status_is_the_same_twice() {
    let server = Server::start().await;
    server.put("echo", ECHO).await;
    let form = r#"{"user": "demo", "function": "echo", "input_data": "hello", "async": true}"#;
    let accepted = server.invoke("POST", "/", form).await;
    assert_eq!(accepted.status, 202);
    let id = accepted.text();
    assert!(id.bytes().all(|b| b.is_ascii_digit()), "{id}");
    assert_eq!(accepted.header("location"), format!("/calls/{id}"));
    let ask = format!(r#"{{"status": true, "id": {id}, "wait_ms": 20000}}"#);
    for _ in 0..2 {
        let status = server.invoke("POST", "/", &ask).await;
        assert_eq!(
            (status.status, status.text().as_str()),
            (200, "SUCCESS: outhello")
        );
    }
    assert_eq!(server.ended(&id).await.text(), "SUCCESS: outhello");
    let json = request_json(server.invoke, "GET", &format!("/calls/{id}"), "")
        .await
        .json();
    assert_eq!(
        (&json["status"], &json["user"]),
        (&"SUCCESS".into(), &"demo".into())
    );
    let json = request_json(server.invoke, "POST", "/invoke/demo/echo?async", "hello").await;
    assert!(json.status == 202 && json.json()["id"].is_u64());
}

#[tokio::test]
async fn a_failed_asynchronous_call_tells_what_a_synchronous_one_would_have_answered() {
    let server = Server::start().await;
    server.put("trap", TRAP).await;
    let id = server
        .invoke("POST", "/invoke/demo/trap?async=1", "")
        .await
        .text();
    let status = server.ended(&id).await.text();
    assert!(
        status.starts_with(&format!("FAILED: call {id} of demo/trap failed: trap: ")),
        "{status}"
    );
}

#[tokio::test]
async fn a_running_call_is_listed_waited_for_and_cancelled() {
    let server = Server::start().await;
    server.put("spin", SPIN).await;
    let id = server
        .invoke("POST", "/invoke/demo/spin?async=true", "")
        .await
        .text();
    let path = format!("/calls/{id}");
    assert_eq!(server.invoke("GET", &path, "").await.text(), "RUNNING");
    assert_eq!(
        server
            .invoke("GET", &format!("{path}?wait_ms=20"), "")
            .await
            .text(),
        "RUNNING"
    );
    let list = server.invoke("GET", "/calls?user=demo", "").await.json();
    assert_eq!(list["calls"][0]["id"].to_string(), id);
    assert_eq!(list["calls"][0]["status"], "RUNNING");
    assert_eq!(
        server.invoke("GET", "/calls?user=other", "").await.json()["calls"],
        serde_json::json!([])
    );
    assert_eq!(
        server.invoke("DELETE", &path, "").await.text(),
        "cancelled\n"
    );
    assert!(server.ended(&id).await.text().contains("cancelled"));
    assert_eq!(
        server.invoke("DELETE", &path, "").await.text(),
        "already finished\n"
    );
    for bad in ["/calls/x", "/calls/0", "/calls?before=x", "/calls?user=.."] {
        assert_eq!(server.invoke("GET", bad, "").await.status, 400, "{bad}");
    }
    assert_eq!(
        server.invoke("DELETE", "/calls/999999", "").await.status,
        404
    );
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repeated_request_one_call() {
    let server = Server::start().await;
    server.put("noop", NOOP).await;
    let send = async |key: &str, body: &str| {
        let header = format!("idempotency-key: {key}");
        request(
            server.invoke,
            "POST",
            "/invoke/demo/noop?async=true",
            &[&header],
            body,
        )
        .await
    };
    let first = send("k1", "a").await;
    let again = send("k1", "a").await;
    assert_eq!((again.status, again.text()), (202, first.text()));
    let conflict = send("k1", "b").await;
    assert_eq!(conflict.status, 409);
    assert!(conflict.text().contains(&first.text()));
    assert_ne!(send("k2", "a").await.text(), first.text());
    assert_eq!(send("a b", "a").await.status, 400);
}

#[tokio::test]
async fn a_graph_has_the_call_at_its_root() {
    let server = Server::start().await;
    server.put("noop", NOOP).await;
    let call = server.invoke("POST", "/invoke/demo/noop", "").await;
    let id = call.header("faasm-call-id");
    let from_path = server
        .invoke("GET", &format!("/calls/{id}/graph"), "")
        .await;
    let from_form = server
        .invoke(
            "POST",
            "/",
            &format!(r#"{{"exec_graph": true, "id": {id}}}"#),
        )
        .await;
    assert_eq!(from_path.body, from_form.body);
    let root = &from_path.json()["root"];
    assert_eq!(root["msg"]["id"].to_string(), id);
    assert_eq!(root["chained"], serde_json::json!([]));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    let server = Server::start().await;
    server.put("spin", SPIN).await;
    let mut stream = TcpStream::connect(server.invoke).await.unwrap();
    let head = "POST /invoke/demo/spin HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx";
    stream.write_all(head.as_bytes()).await.unwrap();
    let newest =
        async || server.invoke("GET", "/calls?user=demo", "").await.json()["calls"][0].clone();
    eventually("the call runs", async || {
        newest().await["status"] == "RUNNING"
    })
    .await;
    drop(stream);
    eventually("the call ends", async || {
        newest().await["status"] == "FAILED"
    })
    .await;
    let id = newest().await["id"].to_string();
    let call = request_json(server.invoke, "GET", &format!("/calls/{id}"), "")
        .await
        .json();
    assert_eq!(call["reason"]["code"], "cancelled");
}

#[tokio::test]
async fn a_wait_is_cut_at_the_servers_limit_and_at_a_shutdown() {
    let server = Server::with(HttpOptions {
        max_wait: Duration::from_millis(20),
        ..HttpOptions::default()
    })
    .await;
    server.put("spin", SPIN).await;
    let id = server
        .invoke("POST", "/invoke/demo/spin?async=true", "")
        .await
        .text();
    assert_eq!(server.ended(&id).await.text(), "RUNNING");

    let server = Server::start().await;
    server.put("spin", SPIN).await;
    let id = server
        .invoke("POST", "/invoke/demo/spin?async=true", "")
        .await
        .text();
    server.readiness.set_stopping();
    assert_eq!(server.ended(&id).await.text(), "RUNNING");
}

#[tokio::test]
async fn flushing_has_three_ways_and_breaks_nothing() {
    let server = Server::start().await;
    server.put("noop", NOOP).await;
    for (path, body) in [
        ("/flush", ""),
        ("/", r#"{"flush": true}"#),
        ("/", r#"{"type": 3}"#),
    ] {
        let answer = server.invoke("POST", path, body).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "flushed\n"));
        assert_eq!(
            server.invoke("POST", "/invoke/demo/noop", "").await.status,
            200
        );
    }
    assert_eq!(
        server.upload("POST", "/flush", "").await.text(),
        "flushed\n"
    );
}
