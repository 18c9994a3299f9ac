//! The upload listener.

mod common;

use common::{NOOP, Server, eventually, raw, read_until, request, request_json};
use faasm_http::HttpOptions;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn small() -> HttpOptions {
    HttpOptions {
        max_function_bytes: 1_000,
        ..HttpOptions::default()
    }
}

#[tokio::test]
async fn a_function_can_be_put_read_listed_limited_and_deleted() {
    let server = Server::start().await;
    let put = server.upload("PUT", "/f/demo/noop", NOOP).await;
    assert_eq!(put.status, 200);
    assert!(
        put.text()
            .starts_with(&format!("demo/noop: {} bytes, hash ", NOOP.len()))
    );

    let get = server.upload("GET", "/f/demo/noop", "").await;
    assert_eq!((get.status, get.text().as_str()), (200, NOOP));
    assert_eq!(get.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(get.header("etag"), put.header("etag"));
    assert_eq!(get.header("content-length"), NOOP.len().to_string());

    let limits = r#"{"time_ms": 250}"#;
    let limited = server.upload("PUT", "/f/demo/noop/limits", limits).await;
    assert_eq!(limited.json()["limits"]["time_ms"], 250);
    let info = server.upload("GET", "/f/demo/noop/info", "").await.json();
    assert_eq!(info["limits"]["time_ms"], 250);
    assert_eq!(info["effective_limits"]["time_ms"], 250);
    assert_eq!(info["effective_limits"]["memory_bytes"], 512 << 20);

    let users = server.upload("GET", "/f", "").await.json();
    assert_eq!(users, serde_json::json!({"users": ["demo"], "next": null}));
    let functions = server.upload("GET", "/f/demo", "").await.json();
    assert_eq!(functions["functions"][0]["function"], "noop");

    assert_eq!(
        server.upload("DELETE", "/f/demo/noop", "").await.status,
        200
    );
    for method in ["GET", "DELETE"] {
        assert_eq!(server.upload(method, "/f/demo/noop", "").await.status, 404);
    }
}

#[tokio::test]
async fn lists_are_paged_and_a_page_of_nothing_is_refused() {
    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        server.put(name, NOOP).await;
    }
    let first = server.upload("GET", "/f/demo?limit=2", "").await.json();
    assert_eq!(first["next"], "b");
    let last = server
        .upload("GET", "/f/demo?limit=2&after=b", "")
        .await
        .json();
    assert_eq!(last["functions"].as_array().unwrap().len(), 1);
    assert_eq!(last["next"], serde_json::Value::Null);
    for bad in ["limit=0", "limit=x", "limit=-1", "after=.."] {
        let answer = server.upload("GET", &format!("/f/demo?{bad}"), "").await;
        let field = bad.split('=').next().unwrap();
        assert!(
            answer.status == 400 && answer.text().contains(field),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_client_that_has_the_bytes_is_not_sent_them_again() {
    let server = Server::start().await;
    server.put("noop", NOOP).await;
    let tag = server
        .upload("GET", "/f/demo/noop", "")
        .await
        .header("etag")
        .to_owned();
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".into()] {
        let header = format!("if-none-match: {known}");
        let answer = request(server.upload, "GET", "/f/demo/noop", &[&header], "").await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{known}");
        assert_eq!(answer.header("etag"), tag);
    }
    let other = request(
        server.upload,
        "GET",
        "/f/demo/noop",
        &["if-none-match: \"x\""],
        "",
    )
    .await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = Server::start().await;
    server.put("noop", NOOP).await;
    for path in [
        "/f/demo/noop",
        "/f/demo/noop/info",
        "/f",
        "/healthz",
        "/f/demo/none",
    ] {
        let get = server.upload("GET", path, "").await;
        let head = server.upload("HEAD", path, "").await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
        assert_eq!(
            head.header("content-length"),
            get.header("content-length"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn names_that_break_the_rule_are_refused_by_field() {
    let server = Server::start().await;
    let long = format!("/f/demo/{}", "x".repeat(129));
    for (path, field) in [
        ("/f/../x", "user"),
        ("/f/demo/..", "function"),
        ("/f/a%2Fb/x", "user"),
        ("/f/demo/%00", "function"),
        ("/f/demo/%ff", "function"),
        ("/f/d%20mo/x", "user"),
        ("/f/demo/%C3%A4", "function"),
        (long.as_str(), "function"),
        ("/f/python/x", "user"),
    ] {
        let answer = request_json(server.upload, "PUT", path, NOOP).await;
        assert_eq!(answer.status, 400, "{path}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "invalid_name", "{path}");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains(&format!("`{field}`")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_is_no_function_is_a_422_with_its_reason() {
    let server = Server::start().await;
    let import = r#"(module (import "env" "nosuch" (func)) (memory (export "memory") 1) (func (export "_start")))"#;
    for (body, code, part) in [
        ("", "invalid_module", "empty"),
        ("rubbish", "invalid_module", "WebAssembly"),
        ("(module (func)", "invalid_module", "text"),
        ("(module)", "missing_export", "export"),
        (import, "unknown_import", "nosuch"),
    ] {
        let answer = request_json(server.upload, "PUT", "/f/demo/bad", body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], code, "{body}");
        assert!(answer.text().contains(part), "{}", answer.text());
    }
    assert_eq!(server.upload("GET", "/f/demo/bad", "").await.status, 404);
}

#[tokio::test]
async fn limits_that_cannot_be_granted_are_refused_by_field() {
    let server = Server::start().await;
    server.put("noop", NOOP).await;
    for (body, field) in [
        (r#"{"memory_bytes": 1}"#, "memory_bytes"),
        (r#"{"time_ms": "5"}"#, "time_ms"),
        (r#"{"bogus": 1}"#, "bogus"),
        ("[1,2,3,4]", "JSON object"),
    ] {
        let answer = server.upload("PUT", "/f/demo/noop/limits", body).await;
        assert!(
            answer.status == 400 && answer.text().contains(field),
            "{}",
            answer.text()
        );
    }
    let missing = server.upload("PUT", "/f/demo/none/limits", "{}").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_that_names_it_and_stores_nothing() {
    let server = Server::with(small()).await;
    // Far more than the sockets buffer: the answer must survive what comes behind it.
    let big = vec![b' '; 20 << 20];
    let announced = request(server.upload, "PUT", "/f/demo/big", &[], &big).await;
    assert_eq!(announced.status, 413);
    assert!(
        announced.text().contains("1000 bytes"),
        "{}",
        announced.text()
    );

    let head = b"PUT /f/demo/big HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let size = format!("{:x}\r\n", big.len());
    let body = [&head[..], size.as_bytes(), &big, b"\r\n0\r\n\r\n"].concat();
    let chunked = raw(server.upload, &body).await;
    assert_eq!(chunked.status, 413);
    assert!(chunked.text().contains("1000 bytes"));
    assert_eq!(
        server.upload("GET", "/f", "").await.json()["users"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn a_chunked_body_is_stored_byte_for_byte() {
    let server = Server::start().await;
    let (left, right) = NOOP.split_at(10);
    let body = format!(
        "PUT /f/demo/chunked HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\n\r\na\r\n{left}\r\n{:x}\r\n{right}\r\n0\r\n\r\n",
        right.len()
    );
    assert_eq!(raw(server.upload, body.as_bytes()).await.status, 200);
    assert_eq!(
        server.upload("GET", "/f/demo/chunked", "").await.text(),
        NOOP
    );
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on_or_refused_before_it_sends() {
    let server = Server::with(small()).await;
    let head = |length: usize| {
        format!(
            "PUT /f/demo/f HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
             content-length: {length}\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(server.upload).await.unwrap();
    stream.write_all(head(NOOP.len()).as_bytes()).await.unwrap();
    read_until(&mut stream, "100 Continue\r\n\r\n").await;
    stream.write_all(NOOP.as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "hash").await.contains("200 OK"));

    let mut stream = TcpStream::connect(server.upload).await.unwrap();
    stream.write_all(head(1_001).as_bytes()).await.unwrap();
    let said = read_until(&mut stream, "1000 bytes").await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
}

#[tokio::test]
async fn a_client_that_goes_away_half_way_leaves_nothing_behind() {
    let server = Server::start().await;
    let spool = server.dir.path().join("spool");
    let spooled = async || std::fs::read_dir(&spool).unwrap().count();
    let mut stream = TcpStream::connect(server.upload).await.unwrap();
    let head = "PUT /f/demo/half HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; 600_000]).await.unwrap();
    eventually("the upload is spooled", async || spooled().await == 1).await;
    drop(stream);
    eventually("the spool is empty", async || spooled().await == 0).await;
    assert_eq!(server.upload("GET", "/f/demo/half", "").await.status, 404);
}

#[tokio::test]
async fn code_that_is_not_what_was_put_is_an_error_and_not_an_answer() {
    let server = Server::start().await;
    server.put("noop", NOOP).await;
    let get = server.upload("GET", "/f/demo/noop", "").await;
    let hash = get.header("etag").trim_matches('"');
    let code = server.dir.path().join(format!("objects/code/{hash}.wasm"));
    std::fs::write(code, NOOP.replace("memory", "mammoth")).unwrap();
    let cut = request_json(server.upload, "GET", "/f/demo/noop", "").await;
    assert_eq!(cut.status, 500, "{}", cut.text());
    assert_eq!(cut.json()["error"]["code"], "damaged_code");
    server.put("noop", NOOP).await;
    let code = server.dir.path().join(format!("objects/code/{hash}.wasm"));
    std::fs::write(code, NOOP.replace("memory", "mymery")).unwrap();
    let changed = request_json(server.upload, "GET", "/f/demo/noop", "").await;
    assert_eq!(changed.json()["error"]["code"], "damaged_code");
}
