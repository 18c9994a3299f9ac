//! Metrics, logs, request ids, and what the server says about itself.

use std::collections::{BTreeMap, HashSet};

use faasm_testkit::{Answer, Server, c, wat_noop};
use reqwest::Method;
use serde_json::Value;

const TRAP: &str = "int main(void) { __builtin_trap(); }";
const RETURNS_3: &str = "int main(void) { return 3; }";

/// A sample: its name, its labels as they are written, its value.
type Samples = Vec<(String, String, f64)>;

/// Reads Prometheus' text format, strictly.
fn parse(text: &str) -> (BTreeMap<String, String>, Samples) {
    let (mut kinds, mut samples) = (BTreeMap::new(), Samples::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(
                kinds.insert(name.to_owned(), kind.to_owned()).is_none(),
                "twice: {line}"
            );
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{line}"
        );
        samples.push((name.to_owned(), labels.to_owned(), value));
    }
    let series: HashSet<_> = samples
        .iter()
        .map(|(name, labels, _)| (name, labels))
        .collect();
    assert_eq!(series.len(), samples.len(), "a series is there twice");
    (kinds, samples)
}

/// Buckets only grow, and the last one counts everything.
fn check_histogram(samples: &Samples, name: &str) -> f64 {
    let of = |suffix: &str| -> Vec<f64> {
        let wanted = format!("{name}{suffix}");
        samples
            .iter()
            .filter(|sample| sample.0 == wanted)
            .map(|sample| sample.2)
            .collect()
    };
    let (buckets, count, sum) = (of("_bucket"), of("_count"), of("_sum"));
    assert!(buckets.is_sorted(), "{name}: {buckets:?}");
    assert_eq!(buckets.last(), count.first(), "{name}");
    assert!(sum[0] >= 0.0);
    count[0]
}

#[tokio::test]
async fn calls_are_counted_by_user_function_and_outcome() {
    let server = Server::builder()
        .args(["--memory-budget", "1GiB"])
        .start()
        .await;
    server.put("demo/noop", wat_noop()).await;
    server.put("demo/trap", c(TRAP)).await;
    server.put("other/returns", c(RETURNS_3)).await;
    for _ in 0..3 {
        let _ = server.call("demo/noop", "").await.expect(200);
    }
    let id = server.submit("demo/noop", "").await;
    assert_eq!(server.wait(id).await, "SUCCESS: ");
    let _ = server.call("demo/trap", "").await.expect(500);
    let _ = server.call("other/returns", "").await.expect(500);
    let _ = server.call("demo/missing", "").await.expect(404);

    let answer = server.get("/metrics").await.expect(200);
    assert!(
        answer
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    let (kinds, samples) = parse(&answer.text());
    let calls: BTreeMap<_, _> = samples
        .iter()
        .filter(|sample| sample.0 == "faasm_calls_total")
        .map(|(_, labels, value)| (labels.as_str(), *value))
        .collect();
    let expected = [
        (
            r#"kind="wasm",user="demo",function="noop",outcome="success""#,
            4.0,
        ),
        (
            r#"kind="wasm",user="demo",function="trap",outcome="trap""#,
            1.0,
        ),
        (
            r#"kind="wasm",user="other",function="returns",outcome="nonzero_return""#,
            1.0,
        ),
    ];
    assert_eq!(calls, BTreeMap::from(expected));
    for (name, kind) in [
        ("faasm_calls_total", "counter"),
        ("faasm_call_queue_seconds", "histogram"),
        ("faasm_call_run_seconds", "histogram"),
        ("faasm_cold_start_seconds", "histogram"),
        ("faasm_calls_running", "gauge"),
        ("faasm_calls_waiting", "gauge"),
        ("faasm_calls_live", "gauge"),
        ("faasm_faaslets_live", "gauge"),
        ("faasm_memory_budget_bytes", "gauge"),
        ("faasm_memory_budget_used_bytes", "gauge"),
        ("faasm_http_requests_total", "counter"),
        ("faasm_http_request_seconds", "histogram"),
    ] {
        assert_eq!(kinds.get(name).map(String::as_str), Some(kind), "{name}");
    }
    for histogram in [
        "faasm_call_queue_seconds",
        "faasm_call_run_seconds",
        "faasm_cold_start_seconds",
    ] {
        assert_eq!(check_histogram(&samples, histogram), 6.0, "{histogram}");
    }
    let gauge = |name: &str| samples.iter().find(|sample| sample.0 == name).unwrap().2;
    assert_eq!(gauge("faasm_memory_budget_bytes"), f64::from(1 << 30));
    assert_eq!(gauge("faasm_faaslets_live"), 0.0);
    assert_eq!(gauge("faasm_calls_waiting"), 0.0);
    // The upload listener shows the same numbers.
    let url = format!("{}/metrics", server.upload);
    let (_, there) = parse(
        &server
            .request(Method::GET, &url, "")
            .await
            .expect(200)
            .text(),
    );
    assert!(
        there
            .iter()
            .any(|s| s.0 == "faasm_calls_total" && s.1 == expected[0].0 && s.2 == 4.0)
    );
}

#[tokio::test]
async fn requests_are_counted_by_their_routes_template_and_status() {
    let server = Server::start().await;
    for path in ["/calls/1", "/calls/2", "/nowhere/1", "/nowhere/2"] {
        let _ = server.get(path).await.expect(404);
    }
    let counted = "faasm_http_requests_total";
    assert_eq!(
        server
            .metric(counted, r#"route="/calls/{id}",status="404""#)
            .await,
        2.0
    );
    // What clients make up is no label.
    assert_eq!(
        server
            .metric(counted, r#"route="unmatched",status="404""#)
            .await,
        2.0
    );
    assert!(!server.get("/metrics").await.text().contains("nowhere"));
}

#[tokio::test]
async fn json_logs_are_one_object_a_line_with_the_calls_span() {
    let server = Server::builder()
        .args(["--log-format", "json", "--log", "debug"])
        .start()
        .await;
    server.put("demo/trap", c(TRAP)).await;
    let failed = server.call("demo/trap", "").await.expect(500);
    let missing = server.http.get(format!("{}/calls/7777777", server.invoke));
    let missing = missing
        .header("x-request-id", "complaint-17")
        .send()
        .await
        .unwrap();
    assert_eq!(missing.headers()["x-request-id"], "complaint-17");
    let logs = server.logs();
    let lines: Vec<Value> = logs
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    for line in &lines {
        assert!(line.is_object() && line["timestamp"].is_string() && line["level"].is_string());
    }
    let ended = lines
        .iter()
        .find(|line| line["span"]["name"] == "call")
        .unwrap();
    assert_eq!(ended["span"]["function"], "demo/trap");
    assert_eq!(ended["span"]["id"], failed.header("faasm-call-id"));
    assert!(logs.contains("complaint-17"), "{logs}");
    assert!(
        lines
            .iter()
            .any(|line| line["fields"]["function"] == "demo/trap"),
        "the upload"
    );
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_a_sane_one_of_the_client_is_kept() {
    let server = Server::start().await;
    let mut seen = HashSet::new();
    for base in [&server.upload, &server.invoke] {
        for path in ["/healthz", "/nowhere", "/metrics"] {
            let answer: Answer = server
                .request(Method::GET, &format!("{base}{path}"), "")
                .await;
            let id = answer.header("x-request-id").to_owned();
            assert!(!id.is_empty() && seen.insert(id), "{path}");
        }
        for (sent, kept) in [
            ("abc-1.2_3", true),
            ("a b", false),
            (&*"x".repeat(500), false),
        ] {
            let request = server
                .http
                .get(format!("{base}/healthz"))
                .header("x-request-id", sent);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.headers()["x-request-id"] == sent, kept, "{sent}");
        }
    }
}

#[tokio::test]
async fn both_listeners_tell_health_and_readiness_and_describe_their_routes() {
    let server = Server::start().await;
    let upload_routes: &[(&str, &[&str])] = &[
        ("/f", &["get"]),
        ("/f/{user}", &["get"]),
        ("/f/{user}/{function}", &["get", "put", "delete"]),
        ("/f/{user}/{function}/info", &["get"]),
        ("/f/{user}/{function}/limits", &["put"]),
        ("/p", &["get"]),
        ("/p/{user}", &["get"]),
        ("/p/{user}/{function}", &["get", "put", "delete"]),
        ("/p/{user}/{function}/info", &["get"]),
        ("/p/{user}/{function}/limits", &["put"]),
        ("/s", &["get"]),
        ("/s/{user}", &["get"]),
        ("/s/{user}/{key}", &["get", "put", "delete"]),
        ("/s/{user}/{key}/elements", &["get", "post", "delete"]),
        ("/file", &["get", "put", "delete"]),
        ("/file/{path}", &["get", "put", "delete"]),
        ("/storage", &["get"]),
        ("/storage/{key}", &["get", "put", "delete"]),
        ("/tokens", &["get", "post"]),
        ("/tokens/{id}", &["delete"]),
        ("/flush", &["post"]),
        ("/workers", &["get"]),
    ];
    let invoke_routes: &[(&str, &[&str])] = &[
        ("/", &["post"]),
        ("/invoke/{user}/{function}", &["post"]),
        ("/calls", &["get"]),
        ("/calls/{id}", &["get", "delete"]),
        ("/calls/{id}/graph", &["get"]),
        ("/flush", &["post"]),
        ("/workers", &["get"]),
    ];
    let common = ["/healthz", "/readyz", "/metrics", "/openapi.json"];
    for (base, routes) in [
        (&server.upload, upload_routes),
        (&server.invoke, invoke_routes),
    ] {
        let get = async |path: &str| {
            let url = format!("{base}{path}");
            server.request(Method::GET, &url, "").await
        };
        assert_eq!(get("/healthz").await.expect(200).text(), "ok\n");
        assert_eq!(get("/readyz").await.expect(200).text(), "ready\n");
        let answer = get("/openapi.json").await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        let document = answer.json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3."));
        let mut described: Vec<&str> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        described.sort_unstable();
        let mut expected: Vec<&str> = routes.iter().map(|route| route.0).chain(common).collect();
        expected.sort_unstable();
        assert_eq!(described, expected);
        for (path, methods) in routes {
            for method in *methods {
                let operation = &document["paths"][path][method];
                assert!(operation["responses"].is_object(), "{method} {path}");
            }
        }
        check_references(&document, &document);
    }
}

/// Every `$ref` leads somewhere.
fn check_references(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{target}");
            }
            fields
                .values()
                .for_each(|value| check_references(document, value));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| check_references(document, item)),
        _ => {}
    }
}
