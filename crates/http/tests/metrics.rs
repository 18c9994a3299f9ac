//! What is counted. A process counts once and for all its tests: this file has one.

mod common;

use common::{NOOP, Server};
use faasm_http::{HttpOptions, install_metrics};

#[tokio::test]
async fn requests_are_counted_by_route_and_status_and_never_by_path() {
    let metrics = install_metrics().unwrap();
    assert!(install_metrics().is_err());
    let server = Server::with_metrics(HttpOptions::default(), metrics).await;
    server.put("noop", NOOP).await;
    for _ in 0..3 {
        server.invoke("POST", "/invoke/demo/noop", "").await;
    }
    server.invoke("POST", "/invoke/demo/nosuch", "").await;
    server.invoke("GET", "/some/random/path", "").await;
    let answer = server.invoke("GET", "/metrics", "").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
    let text = answer.text();
    for line in [
        r#"faasm_http_requests_total{route="/invoke/{user}/{function}",status="200"} 3"#,
        r#"faasm_http_requests_total{route="/invoke/{user}/{function}",status="404"} 1"#,
        r#"faasm_http_requests_total{route="unmatched",status="404"} 1"#,
        r#"faasm_calls_total{kind="wasm",user="demo",function="noop",outcome="success"} 3"#,
        r#"faasm_http_request_seconds_bucket{route="/invoke/{user}/{function}",le="60"} 4"#,
        "# TYPE faasm_cold_start_seconds histogram",
        "faasm_faaslets_live 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("random") && !text.contains("nosuch"));
}
