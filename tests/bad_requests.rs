//! Requests that make no sense.

use faasm_testkit::{Answer, Raw, Server, wat_noop};
use reqwest::Method;
use serde_json::{Value, json};

/// One bounded line that has `cause`.
fn says(answer: &Answer, cause: &str) {
    let text = answer.text();
    assert!(text.contains(cause), "{cause}: {text}");
    assert!(
        text.ends_with('\n') && text.lines().count() == 1,
        "{text:?}"
    );
    assert!(text.len() < 3_000, "{} bytes", text.len());
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert!(!answer.header("x-request-id").is_empty());
}

/// Posts to `/` what need not be JSON.
async fn post(server: &Server, body: impl Into<reqwest::Body>) -> Answer {
    server.request(Method::POST, &server.invoke, body).await
}

/// A request with a line of its own and no body.
async fn raw(url: &str, line: &str) -> Answer {
    let mut raw = Raw::connect(url).await;
    let head = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    raw.send(head).await.unwrap();
    match line.starts_with("HEAD") {
        true => raw.answer_to_head().await,
        false => raw.answer().await,
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_json_request_is_named() {
    let server = Server::start().await;
    server.put("demo/f", wat_noop()).await;
    for (field, value) in [
        ("user", json!(5)),
        ("function", json!(["f"])),
        ("async", json!("true")),
        ("input_data", json!({"a": 1})),
        ("input_data_base64", json!("no base64!")),
        ("cmdline", json!(["a"])),
        ("status", json!(1)),
        ("id", json!({})),
        ("wait_ms", json!("soon")),
        ("exec_graph", json!("yes")),
        ("flush", json!(0)),
        ("type", json!("3")),
        ("type", json!(17)),
        ("mpi_world_size", json!(-2)),
    ] {
        let mut body = json!({"user": "demo", "function": "f"});
        body[field] = value;
        let answer = server.post(body.clone()).await.expect(400);
        says(&answer, &format!("`{field}`"));
    }
    for (body, cause) in [
        ("", "the body is empty"),
        ("null", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("user=demo&function=f", "not a JSON object"),
        ("{\"user\": \"demo\"", "not valid JSON"),
        ("{\"user\": \"demo\"} {}", "not valid JSON"),
        ("{'user': 'demo'}", "not valid JSON"),
        ("{}", "`user` and `function`"),
        (r#"{"user": "demo"}"#, "`function` is missing"),
        (r#"{"function": "f"}"#, "`user` is missing"),
        (r#"{"status": true}"#, "`id`"),
        (r#"{"exec_graph": true}"#, "`id`"),
        (
            r#"{"user": "demo", "user": "demo", "function": "f"}"#,
            "duplicate field `user`",
        ),
        (
            r#"{"user": "demo", "function": "f", "async": true, "async": true}"#,
            "`async`",
        ),
        (
            r#"{"status": true, "exec_graph": true, "id": 1}"#,
            "at a time",
        ),
        (
            r#"{"user": "demo", "function": "f", "input_data": "", "input_data_base64": ""}"#,
            "not both",
        ),
        (r#"{"user": "", "function": "f"}"#, "`user`"),
        (r#"{"user": "demo", "function": ".."}"#, "`function`"),
        (r#"{"user": "demo", "function": "a/b"}"#, "`function`"),
        (r#"{"user": "d\u0000", "function": "f"}"#, "`user`"),
        (r#"{"user": "\ud800", "function": "f"}"#, "JSON"),
        (r#"{"user": "é", "function": "f"}"#, "`user`"),
    ] {
        let answer = post(&server, body).await.expect(400);
        says(&answer, cause);
    }
    let not_utf8 = b"{\"user\": \"d\xff\", \"function\": \"f\"}";
    says(&post(&server, &not_utf8[..]).await.expect(400), "JSON");
    let _ = server.call("demo/f", "").await.expect(200);
}

#[tokio::test]
async fn deep_and_huge_json_does_no_harm() {
    let server = Server::builder()
        .args(["--max-input", "1MiB"])
        .start()
        .await;
    server.put("demo/f", wat_noop()).await;
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        let deep = format!("{{\"user\": \"demo\", \"x\": {}", open.repeat(200_000));
        says(&post(&server, deep).await.expect(400), "JSON");
        says(
            &post(&server, open.repeat(200_000)).await.expect(400),
            "JSON",
        );
    }
    let text = "x".repeat((1 << 20) + 1);
    let call = json!({"user": "demo", "function": "f", "input_data": text});
    says(
        &server.post(call).await.expect(413),
        "limit of 1048576 bytes",
    );
    says(
        &server.call("demo/f", text).await.expect(413),
        "limit of 1048576 bytes",
    );
    let many: Vec<u8> = (0..1 << 20).flat_map(|_| *b"[1],").collect();
    says(
        &post(&server, [&b"{\"x\": ["[..], &many].concat())
            .await
            .expect(413),
        "limit of",
    );
    let numbers = r#"{"user": "demo", "function": "f", "id": 1e999999999}"#;
    let _ = post(&server, numbers).await.expect(400);
    let _ = server.call("demo/f", "").await.expect(200);
}

#[tokio::test]
async fn names_with_anything_odd_in_them_are_refused_by_their_field() {
    let server = Server::start().await;
    let long = "x".repeat(129);
    for bad in [
        ".",
        "..",
        "%2e",
        "%2E%2E",
        "a%00",
        "%00",
        "%ff",
        "a%2Fb",
        "..%2f..%2fetc",
        "a%20b",
        "%0a",
        "a+b",
        "a%25",
        "a:b",
        "%C3%A9",
        "a%",
        "%zz",
        &long,
    ] {
        for (line, field) in [
            (format!("PUT /f/{bad}/f"), "`user`"),
            (format!("PUT /f/demo/{bad}"), "`function`"),
            (format!("GET /f/demo/{bad}"), "`function`"),
            (format!("GET /f/{bad}"), "`user`"),
            (format!("DELETE /f/{bad}/f"), "`user`"),
            (format!("PUT /f/demo/{bad}/limits"), "`function`"),
        ] {
            let answer = raw(&server.upload, &line).await;
            says(&answer, field);
            assert_eq!(answer.status, 400, "{line}");
        }
        let answer = raw(&server.invoke, &format!("POST /invoke/{bad}/f")).await;
        says(&answer, "`user`");
        assert_eq!(answer.status, 400, "{bad}");
    }
    let reserved = raw(&server.upload, "PUT /f/python/f").await.expect(400);
    says(&reserved, "reserved");
    // Encoded or not, it is the same name.
    server.put("demo/a.b-c_d", wat_noop()).await;
    let _ = raw(&server.upload, "GET /f/d%65mo/a%2Eb-c%5fd")
        .await
        .expect(200);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_told_with_what_there_is() {
    let server = Server::start().await;
    for path in [
        "/",
        "/f/",
        "/f/a/b/c/d",
        "/invoke/demo/f",
        "/q/demo/f",
        "//f",
        "/F/a/b",
    ] {
        let answer = raw(&server.upload, &format!("GET {path}"))
            .await
            .expect(404);
        says(&answer, "there is no GET");
    }
    for path in ["/f/demo/f", "/invoke", "/invoke/demo", "/calls/1/2/3", "/x"] {
        let answer = raw(&server.invoke, &format!("POST {path}"))
            .await
            .expect(404);
        says(&answer, "there is no POST");
    }
    for (url, line, allow) in [
        (&server.upload, "POST /f/demo/f", "GET, HEAD, PUT, DELETE"),
        (&server.upload, "BREW /healthz", "GET, HEAD"),
        (&server.invoke, "GET /", "POST"),
        (&server.invoke, "GET /invoke/demo/f", "POST"),
        (&server.invoke, "PUT /calls/1", "GET, HEAD, DELETE"),
    ] {
        let answer = raw(url, line).await.expect(405);
        says(&answer, "does not answer to");
        let path = line.split(' ').nth(1).unwrap();
        let options = raw(url, &format!("OPTIONS {path}")).await.expect(204);
        for answer in [answer, options] {
            let mut allowed: Vec<_> = answer.header("allow").split(", ").map(str::trim).collect();
            allowed.retain(|method| *method != "OPTIONS");
            let mut expected: Vec<_> = allow.split(", ").collect();
            allowed.sort_unstable();
            expected.sort_unstable();
            assert_eq!(allowed.join(" "), expected.join(" "), "{line}");
        }
    }
    for url in [&server.upload, &server.invoke] {
        for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
            let head = raw(url, &format!("HEAD {path}")).await.expect(200);
            assert_eq!(head.body, "");
        }
    }
}

#[tokio::test]
async fn errors_come_in_json_for_who_asks_for_it() {
    let server = Server::start().await;
    let calls = |path: &str| format!("{}{path}", server.invoke);
    let functions = |path: &str| format!("{}{path}", server.upload);
    for (method, url, status, code) in [
        (Method::GET, functions("/nowhere"), 404, "route_not_found"),
        (
            Method::POST,
            functions("/f/demo/f"),
            405,
            "method_not_allowed",
        ),
        (
            Method::GET,
            functions("/f/demo/f"),
            404,
            "function_not_found",
        ),
        (Method::PUT, functions("/f/demo/f"), 422, "invalid_module"),
        (Method::PUT, functions("/f/de%20mo/f"), 400, "invalid_name"),
        (Method::GET, functions("/f?limit=0"), 400, "invalid_field"),
        (Method::POST, calls("/"), 400, "bad_request"),
        (Method::GET, calls("/calls/77"), 404, "call_not_found"),
        (Method::GET, calls("/calls/x"), 400, "invalid_field"),
        (
            Method::POST,
            calls("/invoke/demo/f?mpi=0"),
            400,
            "invalid_field",
        ),
        (
            Method::POST,
            calls("/invoke/demo/f?async=maybe"),
            400,
            "invalid_field",
        ),
    ] {
        let json = ["accept: application/json"];
        let answer = server
            .request_with(method, &url, &json, "")
            .await
            .expect(status);
        assert_eq!(answer.header("content-type"), "application/json");
        let error = answer.json();
        assert_eq!(error["error"]["code"], code, "{url}");
        for field in ["message", "hint"] {
            let text = error["error"][field].as_str().unwrap_or_default();
            assert!(!text.is_empty() && !text.contains('\n'), "{url}: {error}");
        }
        assert_eq!(
            error["error"].as_object().map(|fields| fields.len()),
            Some(3)
        );
    }
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_is_harmless() {
    let server = Server::start().await;
    for url in [&server.upload, &server.invoke] {
        for path in ["/healthz", "/nowhere", "/f/demo/none"] {
            let url = format!("{url}{path}");
            let mine = ["x-request-id: trace-1.A_b"];
            let answer = server.request_with(Method::GET, &url, &mine, "").await;
            assert_eq!(answer.header("x-request-id"), "trace-1.A_b");
            let long = format!("x-request-id: {}", "a".repeat(65));
            for bad in [&long, "x-request-id: a b", "x-request-id: <script>"] {
                let answer = server.request_with(Method::GET, &url, &[bad], "").await;
                let id = answer.header("x-request-id");
                assert!(!id.is_empty() && !bad.contains(id), "{id}");
            }
        }
    }
}

#[tokio::test]
async fn web_pages_of_other_origins_are_let_in_only_when_that_is_switched_on() {
    let page = [
        "origin: https://app.example",
        "access-control-request-method: PUT",
    ];
    let allowed = async |server: &Server, method: Method| {
        let url = format!("{}/f/demo/f", server.upload);
        let answer = server.request_with(method, &url, &page, "").await;
        answer.header("access-control-allow-origin").to_owned()
    };
    let closed = Server::start().await;
    let open = Server::builder()
        .args(["--cors-origin", "https://app.example"])
        .start()
        .await;
    for method in [Method::OPTIONS, Method::GET] {
        assert_eq!(allowed(&closed, method.clone()).await, "");
        assert_eq!(allowed(&open, method).await, "https://app.example");
    }
}

#[tokio::test]
async fn flush_is_understood_in_all_its_forms() {
    let server = Server::start().await;
    server.put("demo/f", wat_noop()).await;
    let post = |body: Value| server.post(body);
    for answer in [
        post(json!({"flush": true})).await,
        post(json!({"type": 3})).await,
        server
            .request(Method::POST, &format!("{}/flush", server.invoke), "")
            .await,
        server.stored(Method::POST, "/flush", "").await,
    ] {
        assert_eq!(answer.expect(200).text(), "flushed\n");
        let _ = server.call("demo/f", "").await.expect(200);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_named() {
    let server = Server::start().await;
    server.put("demo/f", wat_noop()).await;
    for (method, path, field) in [
        (Method::GET, "/calls?limit=-1", "limit"),
        (Method::GET, "/calls?before=0", "before"),
        (Method::GET, "/calls?user=", "user"),
        (
            Method::GET,
            "/calls/1?wait_ms=99999999999999999999",
            "wait_ms",
        ),
        (Method::POST, "/invoke/demo/f?async=maybe", "async"),
        (
            Method::POST,
            "/invoke/demo/f?cmdline=a&cmdline=b",
            "`cmdline`",
        ),
        (Method::POST, "/invoke/demo/f?cmdline=it's", "`cmdline`"),
    ] {
        let url = format!("{}{path}", server.invoke);
        let answer = server.request(method, &url, "").await.expect(400);
        says(&answer, field);
        assert!(!answer.text().contains("deserialize"), "{}", answer.text());
    }
}
