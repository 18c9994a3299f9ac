//! Uploading functions: bytes, lists, limits.

use bytes::Bytes;
use faasm_testkit::{Raw, Server, c, wat_noop};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

const SPIN: &str = r#"(module (memory (export "memory") 1)
    (func (export "_start") (loop (br 0))))"#;

/// A function that prints `text`.
fn says(text: &str) -> Bytes {
    c(&format!(
        "#include <stdio.h>\nint main(void) {{ printf(\"{text}\"); return 0; }}"
    ))
}

#[tokio::test]
async fn a_c_function_is_uploaded_and_called() {
    let server = Server::start().await;
    server.put("demo/hello", says("hello\\n")).await;
    let answer = server.call("demo/hello", "").await.expect(200);
    assert_eq!(answer.text(), "hello\n");
}

#[tokio::test]
async fn a_reupload_takes_effect_on_the_next_call() {
    let server = Server::start().await;
    for answer in ["one", "two", "one"] {
        server.put("demo/f", says(answer)).await;
        assert_eq!(server.call("demo/f", "").await.expect(200).text(), answer);
    }
}

#[tokio::test]
async fn what_was_put_is_read_back_byte_for_byte() {
    let server = Server::start().await;
    let text = "  ;; as it is\r\n(module (func (export \"_start\")))\n\n";
    for (name, code, kind) in [
        ("demo/binary", says("x"), "application/wasm"),
        ("demo/text", text.into(), "text/plain; charset=utf-8"),
    ] {
        let path = format!("/f/{name}");
        let url = format!("{}{path}", server.upload);
        // What a client says of the type changes nothing.
        let form = ["content-type: application/x-www-form-urlencoded"];
        let put = server.request_with(Method::PUT, &url, &form, code.clone());
        let put = put.await.expect(200);
        let tag = put.header("etag").to_owned();
        let (size, hash) = (code.len(), tag.trim_matches('"'));
        assert_eq!(put.text(), format!("{name}: {size} bytes, hash {hash}\n"));

        let get = server.stored(Method::GET, &path, "").await.expect(200);
        let head = server.stored(Method::HEAD, &path, "").await.expect(200);
        assert_eq!((&get.body, &head.body), (&code, &Bytes::new()));
        for answer in [&get, &head] {
            assert_eq!(answer.header("content-type"), kind);
            assert_eq!(answer.header("content-length"), size.to_string());
            assert_eq!(answer.header("etag"), tag);
        }
        for (known, status) in [
            (tag.as_str(), 304),
            (&format!("\"other\", W/{tag}"), 304),
            ("*", 304),
            ("\"other\"", 200),
        ] {
            let known = format!("if-none-match: {known}");
            let answer = server.request_with(Method::GET, &url, &[&known], "").await;
            let answer = answer.expect(status);
            assert_eq!(answer.header("etag"), tag);
            assert_eq!(answer.body.is_empty(), status == 304);
        }
    }
}

#[tokio::test]
async fn a_deleted_function_is_gone_until_it_is_uploaded_again() {
    let server = Server::start().await;
    server.put("demo/f", says("first")).await;
    let gone = server.stored(Method::DELETE, "/f/demo/f", "").await;
    assert_eq!(gone.expect(200).text(), "demo/f: deleted\n");
    for (method, path) in [
        (Method::GET, "/f/demo/f"),
        (Method::HEAD, "/f/demo/f"),
        (Method::DELETE, "/f/demo/f"),
        (Method::GET, "/f/demo/f/info"),
    ] {
        let answer = server.stored(method.clone(), path, "").await.expect(404);
        let said = method == Method::HEAD || answer.text().contains("no function demo/f");
        assert!(said, "{method} {path}: {}", answer.text());
    }
    let limits = server.set_limits("demo/f", json!({"time_ms": 5})).await;
    let _ = limits.expect(404);
    let _ = server.call("demo/f", "").await.expect(404);
    let list = server.stored(Method::GET, "/f/demo", "").await.json();
    assert_eq!(list, json!({"functions": [], "next": null}));

    server.put("demo/f", says("second")).await;
    assert_eq!(server.call("demo/f", "").await.expect(200).text(), "second");
}

#[tokio::test]
async fn lists_are_sorted_and_come_in_pages() {
    let server = Server::start().await;
    let longest = "x".repeat(128);
    let names = ["c", "a", "b.1", "B", "-x", ".hidden", "a..b", &longest];
    let names = names.map(|name| [format!("demo/{name}"), format!("{name}/f")]);
    join_all(names.iter().flatten().map(|n| server.put(n, wat_noop()))).await;
    let list = async |path: &str| {
        let answer = server.stored(Method::GET, path, "").await;
        answer.expect(200).json()
    };
    let sorted = ["-x", ".hidden", "B", "a", "a..b", "b.1", "c"].map(str::to_owned);

    let users = list("/f").await;
    let expected = [&sorted[..], &["demo".into(), longest.clone()]].concat();
    assert_eq!(users, json!({"users": expected, "next": null}));

    let mut paged = Vec::new();
    let mut path = "/f/demo?limit=3".to_owned();
    loop {
        let page = list(&path).await;
        let functions = page["functions"].as_array().unwrap();
        assert!((1..=3).contains(&functions.len()), "{page}");
        paged.extend(
            functions
                .iter()
                .map(|f| f["function"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/f/demo?limit=3&after={next}");
    }
    assert_eq!(paged, [&sorted[..], &[longest]].concat());

    assert_eq!(
        list("/f/nobody").await,
        json!({"functions": [], "next": null})
    );
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("after=%2F", "after"),
    ] {
        let answer = server
            .stored(Method::GET, &format!("/f/demo?{query}"), "")
            .await;
        let text = answer.expect(400).text();
        assert!(text.contains(field), "{query}: {text}");
    }
}

#[tokio::test]
async fn limits_stay_over_a_reupload_and_are_in_force() {
    let server = Server::start().await;
    server.put("demo/f", wat_noop()).await;
    let set = server.set_limits("demo/f", json!({"time_ms": 100, "output_bytes": 5}));
    let set = set.await.expect(200).json();
    assert_eq!(set["limits"], json!({"time_ms": 100, "output_bytes": 5}));

    server.put("demo/f", SPIN).await;
    let info = server
        .stored(Method::GET, "/f/demo/f/info", "")
        .await
        .json();
    assert_eq!(info["limits"], json!({"time_ms": 100, "output_bytes": 5}));
    assert_eq!(info["effective_limits"]["time_ms"], 100);
    assert_eq!(info["effective_limits"]["memory_bytes"], 512 << 20);
    let ended = server.call("demo/f", "").await.expect(504).text();
    assert!(
        ended.contains("time limit") && ended.contains("100 ms"),
        "{ended}"
    );

    // All of them are replaced, and a deleted function's are forgotten.
    let set = server
        .set_limits("demo/f", json!({"memory_bytes": 1 << 20}))
        .await;
    assert_eq!(
        set.expect(200).json()["limits"],
        json!({"memory_bytes": 1 << 20})
    );
    let _ = server
        .stored(Method::DELETE, "/f/demo/f", "")
        .await
        .expect(200);
    server.put("demo/f", wat_noop()).await;
    let info = server
        .stored(Method::GET, "/f/demo/f/info", "")
        .await
        .json();
    assert_eq!(info["limits"], json!({}));

    for (limits, field) in [
        (json!({"time": 5}), "time"),
        (json!({"time_ms": "5"}), "time_ms"),
        (json!({"time_ms": 0}), "time_ms"),
        (json!({"memory_bytes": 1}), "memory_bytes"),
        (json!({"memory_bytes": -1}), "memory_bytes"),
        (json!({"table_elements": u64::MAX}), "table_elements"),
        (json!([]), "JSON object"),
    ] {
        let text = server.set_limits("demo/f", limits).await.expect(400).text();
        assert!(text.contains(field), "{text}");
    }
}

#[tokio::test]
async fn uploads_may_be_chunked_and_may_wait_to_be_told_to_go_on() {
    let server = Server::start().await;
    let code = says("in pieces");
    let mut raw = Raw::connect(&server.upload).await;
    raw.send("PUT /f/demo/chunked HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    for piece in code.chunks(1000) {
        let chunk = [
            format!("{:x};x=y\r\n", piece.len()).as_bytes(),
            piece,
            b"\r\n",
        ]
        .concat();
        raw.send(chunk).await.unwrap();
    }
    raw.send("0\r\ntrailer: ignored\r\n\r\n").await.unwrap();
    let _ = raw.answer().await.expect(200);

    // The same connection goes on, as curl does with files of more than 1 MiB.
    let size = code.len();
    raw.send(format!(
        "PUT /f/demo/expected HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\nexpect: 100-continue\r\n\r\n"
    ))
    .await
    .unwrap();
    let _ = raw.answer().await.expect(100);
    raw.send(&code).await.unwrap();
    let _ = raw.answer().await.expect(200);

    for name in ["demo/chunked", "demo/expected"] {
        let get = server.stored(Method::GET, &format!("/f/{name}"), "").await;
        assert_eq!(get.expect(200).body, code);
        assert_eq!(server.call(name, "").await.expect(200).text(), "in pieces");
    }
}
