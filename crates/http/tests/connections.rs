//! What holds for every request, and for connections.

mod common;

use common::{NOOP, SPIN, Server, eventually, read_answer, read_until, request, request_json};
use faasm_http::HttpOptions;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BLINK: Duration = Duration::from_millis(100);

#[tokio::test]
async fn every_answer_carries_a_request_id_and_a_sane_one_is_kept() {
    let server = Server::start().await;
    for path in ["/healthz", "/nowhere", "/f/demo/none", "/openapi.json"] {
        let answer = server.upload("GET", path, "").await;
        assert_eq!(answer.header("x-request-id").len(), 16, "{path}");
        let mine = request(server.upload, "GET", path, &["x-request-id: my.id-1"], "").await;
        assert_eq!(mine.header("x-request-id"), "my.id-1");
        let odd = request(server.upload, "GET", path, &["x-request-id: <b>"], "").await;
        assert_eq!(odd.header("x-request-id").len(), 16);
    }
}

#[tokio::test]
async fn every_path_of_the_description_answers_its_methods_and_names_them() {
    let server = Server::start().await;
    for address in [server.upload, server.invoke] {
        let api = request(address, "GET", "/openapi.json", &[], "")
            .await
            .json();
        let paths = api["paths"].as_object().unwrap();
        assert!(paths.contains_key("/metrics") && paths.contains_key("/openapi.json"));
        for (template, operations) in paths {
            let path = template.replace("{id}", "1").replace(['{', '}'], "");
            let options = request(address, "OPTIONS", &path, &[], "").await;
            assert_eq!(options.status, 204, "{path}");
            for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "BREW"] {
                let answer = request_json(address, method, &path, "").await;
                let described = operations.get(method.to_lowercase()).is_some();
                assert_eq!(answer.status == 405, !described, "{method} {path}");
                assert_eq!(options.header("allow").contains(method), described);
                if !described {
                    assert_eq!(answer.header("allow"), options.header("allow"));
                    assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
                }
            }
            for operation in operations.as_object().unwrap().values() {
                let error = &operation["responses"]["default"]["content"]["application/json"];
                assert_eq!(
                    error["schema"]["$ref"], "#/components/schemas/Error",
                    "{path}"
                );
            }
        }
        assert!(api["components"]["schemas"]["Error"].is_object());
        let text = api.to_string();
        let references = text.split("#/components/schemas/").skip(1);
        for name in references.map(|rest| rest.split('"').next().unwrap()) {
            assert!(
                api["components"]["schemas"][name].is_object(),
                "{name} is not described"
            );
        }
    }
}

#[tokio::test]
async fn browsers_are_let_in_only_when_that_is_switched_on() {
    let origin = [
        "origin: https://app.example",
        "access-control-request-method: PUT",
    ];
    let closed = Server::start().await;
    let answer = request(closed.upload, "OPTIONS", "/f/demo/x", &origin, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");

    let open = Server::with(HttpOptions {
        cors_origin: Some("https://app.example".parse().unwrap()),
        ..HttpOptions::default()
    })
    .await;
    let preflight = request(open.upload, "OPTIONS", "/f/demo/x", &origin, "").await;
    assert!(preflight.status < 300, "{}", preflight.status);
    assert_eq!(
        preflight.header("access-control-allow-origin"),
        "https://app.example"
    );
    assert_eq!(preflight.header("access-control-allow-methods"), "*");
    let error = request(open.upload, "GET", "/f/demo/x", &origin[..1], "").await;
    assert_eq!(error.status, 404);
    assert_eq!(
        error.header("access-control-allow-origin"),
        "https://app.example"
    );
}

#[tokio::test]
async fn readiness_follows_what_the_server_is_told() {
    let server = Server::start().await;
    assert_eq!(server.invoke("GET", "/readyz", "").await.text(), "ready\n");
    server.readiness.set_stopping();
    let answer = server.invoke("GET", "/readyz", "").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert!(answer.text().contains("shutting down"));
    assert_eq!(server.invoke("GET", "/healthz", "").await.status, 200);
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let server = Server::start().await;
    server.put("noop", NOOP).await;
    let mut stream = TcpStream::connect(server.invoke).await.unwrap();
    // A refused request with a body unread must not end the connection either.
    for (path, status) in [
        ("/invoke/demo/noop", 200),
        ("/nowhere", 404),
        ("/healthz", 405),
    ] {
        let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody");
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(read_answer(&mut stream).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_slow_head_is_cut_and_a_slow_body_is_a_408() {
    let server = Server::with(HttpOptions {
        header_timeout: BLINK,
        body_idle_timeout: BLINK,
        ..HttpOptions::default()
    })
    .await;
    let mut stream = TcpStream::connect(server.invoke).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhos").await.unwrap();
    assert_eq!(stream.read(&mut [0; 100]).await.unwrap_or(0), 0);

    let mut stream = TcpStream::connect(server.invoke).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{";
    stream.write_all(head).await.unwrap();
    let said = read_until(&mut stream, "paused").await;
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let server = Server::with(HttpOptions {
        max_connections: 1,
        ..HttpOptions::default()
    })
    .await;
    let first = TcpStream::connect(server.invoke).await.unwrap();
    let second = server.invoke("GET", "/healthz", "");
    let mut second = std::pin::pin!(second);
    assert!(tokio::time::timeout(BLINK, second.as_mut()).await.is_err());
    drop(first);
    assert_eq!(second.await.status, 200);
}

#[tokio::test]
async fn a_shutdown_finishes_requests_and_closes_idle_connections() {
    let mut server = Server::start().await;
    server.put("spin", SPIN).await;
    server
        .upload("PUT", "/f/demo/spin/limits", r#"{"time_ms": 2000}"#)
        .await;
    let idle = TcpStream::connect(server.upload).await.unwrap();
    let invoke = server.invoke;
    let call = tokio::spawn(request(invoke, "POST", "/invoke/demo/spin", &[], ""));
    let running = async || {
        let list = server.invoke("GET", "/calls", "").await.json();
        list["calls"][0]["status"] == "RUNNING"
    };
    eventually("the call runs", running).await;
    server.shutdown.cancel();
    for listener in server.running.drain(..) {
        listener.await.unwrap();
    }
    assert_eq!(call.await.unwrap().status, 504);
    assert!(TcpStream::connect(invoke).await.is_err());
    drop(idle);
}
