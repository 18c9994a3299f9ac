//! State on the upload listener.

mod common;

use common::{Answer, Server, raw, request, request_json};
use faasm_http::HttpOptions;
use serde_json::{Value, json};

async fn with(server: &Server, method: &str, path: &str, header: &str, body: &str) -> Answer {
    request(server.upload, method, path, &[header], body).await
}

#[tokio::test]
async fn a_value_can_be_set_read_set_again_and_deleted() {
    let server = Server::start().await;
    let put = server.upload("PUT", "/s/demo/greeting", "hello").await;
    assert_eq!(put.status, 200);
    assert!(
        put.text().starts_with("demo/greeting: 5 bytes, version "),
        "{}",
        put.text()
    );
    let get = server.upload("GET", "/s/demo/greeting", "").await;
    assert_eq!((get.status, get.text().as_str()), (200, "hello"));
    assert_eq!(get.header("content-type"), "application/octet-stream");
    assert_eq!(get.header("content-length"), "5");
    assert_eq!(get.header("accept-ranges"), "bytes");
    assert_eq!(get.header("etag"), put.header("etag"));
    let head = server.upload("HEAD", "/s/demo/greeting", "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), "5");

    let again = request_json(server.upload, "PUT", "/s/demo/greeting", "").await;
    let value = again.json();
    assert_eq!(
        (&value["user"], &value["key"]),
        (&json!("demo"), &json!("greeting"))
    );
    assert_eq!(value["size"], 0);
    assert_eq!(again.header("etag"), format!("\"{}\"", value["version"]));
    let empty = server.upload("GET", "/s/demo/greeting", "").await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    assert_eq!(empty.header("content-length"), "0");

    let gone = server.upload("DELETE", "/s/demo/greeting", "").await;
    assert_eq!(
        (gone.status, gone.text().as_str()),
        (200, "demo/greeting: deleted\n")
    );
    for method in ["GET", "DELETE"] {
        let answer = request_json(server.upload, method, "/s/demo/greeting", "").await;
        assert_eq!(answer.status, 404, "{method}");
        assert_eq!(answer.json()["error"]["code"], "state_not_found");
    }
}

#[tokio::test]
async fn a_part_of_a_value_is_read_by_its_range() {
    let server = Server::start().await;
    server.upload("PUT", "/s/demo/digits", "0123456789").await;
    for (range, part, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=5-100", "56789", "bytes 5-9/10"),
    ] {
        let range = format!("range: {range}");
        let answer = with(&server, "GET", "/s/demo/digits", &range, "").await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (206, part),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), content_range);
        assert_eq!(answer.header("content-length"), part.len().to_string());
    }
    for whole in ["bytes=0-1,4-5", "bytes=4-2", "pages=1-2", "bytes=x"] {
        let range = format!("range: {whole}");
        let answer = with(&server, "GET", "/s/demo/digits", &range, "").await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "0123456789"),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), "");
    }
    let beyond = with(&server, "GET", "/s/demo/digits", "range: bytes=10-", "").await;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), "bytes */10");
    assert!(beyond.text().contains("10 bytes"), "{}", beyond.text());
    for range in ["range: bytes=2-4", "range: bytes=10-"] {
        let head = with(&server, "HEAD", "/s/demo/digits", range, "").await;
        assert_eq!((head.status, head.header("content-length")), (200, "10"));
        assert_eq!(head.header("content-range"), "");
    }
}

#[tokio::test]
async fn a_value_of_many_pieces_comes_back_byte_for_byte() {
    let server = Server::start().await;
    let value: Vec<u8> = (0..5_000_001_u32)
        .flat_map(|i| (i / 3).to_le_bytes())
        .collect();
    let put = request(server.upload, "PUT", "/s/demo/large", &[], &value).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let get = server.upload("GET", "/s/demo/large", "").await;
    assert!(get.body == value, "{} bytes", get.body.len());
    let range = "range: bytes=1000003-15000007";
    let part = with(&server, "GET", "/s/demo/large", range, "").await;
    assert!(
        part.body == value[1_000_003..=15_000_007],
        "{} bytes",
        part.body.len()
    );
}

#[tokio::test]
async fn a_change_is_made_only_if_the_value_is_as_the_condition_says() {
    let server = Server::start().await;
    let path = "/s/demo/value";
    let first = with(&server, "PUT", path, "if-none-match: *", "1").await;
    assert_eq!(first.status, 200);
    let version = first.header("etag").to_owned();
    let is = format!("if-match: {version}");
    let taken = request(
        server.upload,
        "PUT",
        path,
        &["if-none-match: *", "accept: application/json"],
        "2",
    )
    .await;
    assert_eq!(taken.status, 412);
    assert_eq!(taken.json()["error"]["code"], "state_conflict");
    assert!(
        taken.text().contains(version.trim_matches('"')),
        "{}",
        taken.text()
    );

    assert_eq!(with(&server, "PUT", path, &is, "2").await.status, 200);
    for method in ["PUT", "DELETE"] {
        assert_eq!(
            with(&server, method, path, &is, "3").await.status,
            412,
            "{method}"
        );
    }
    let now = server.upload("GET", path, "").await;
    assert_eq!(now.text(), "2");
    let known = format!("if-none-match: {}", now.header("etag"));
    let unchanged = with(&server, "GET", path, &known, "").await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    let is = format!("if-match: {}", now.header("etag"));
    assert_eq!(with(&server, "DELETE", path, &is, "").await.status, 200);
    assert_eq!(with(&server, "PUT", path, &is, "4").await.status, 412);
    for (header, field) in [
        ("if-match: 5", "If-Match"),
        ("if-match: *", "If-Match"),
        ("if-none-match: \"5\"", "If-None-Match"),
    ] {
        let answer = with(&server, "PUT", path, header, "4").await;
        assert!(
            answer.status == 400 && answer.text().contains(field),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_key_is_any_printable_text_of_one_segment() {
    let server = Server::start().await;
    let long = "x".repeat(512);
    let keys = [
        "my%20key%3A%20%C3%A4",
        "..",
        "%2e",
        "a+b",
        "elements",
        "%22%5C%3F%23%25",
        &long,
    ];
    for (index, key) in keys.into_iter().enumerate() {
        let (path, value) = (format!("/s/demo/{key}"), index.to_string());
        let put = server.upload("PUT", &path, &value).await;
        assert_eq!(put.status, 200, "{}", put.text());
        assert_eq!(server.upload("GET", &path, "").await.text(), value);
    }
    let listed = server.upload("GET", "/s/demo", "").await.json();
    let listed: Vec<_> = listed["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| &k["key"])
        .collect();
    let sorted = ["\"\\?#%", ".", "..", "a+b", "elements", "my key: ä", &long];
    assert_eq!(listed, sorted);
    let long = "x".repeat(513);
    for (key, code) in [
        ("a%2Fb", "invalid_key"),
        ("%00", "invalid_key"),
        ("a%0Ab", "invalid_key"),
        ("%C2%85", "invalid_key"),
        ("%ff", "invalid_key"),
        ("a%zz", "invalid_key"),
        (long.as_str(), "invalid_key"),
    ] {
        for path in [format!("/s/demo/{key}"), format!("/s/demo/{key}/elements")] {
            let answer = request_json(server.upload, "GET", &path, "").await;
            let error = &answer.json()["error"];
            assert_eq!(
                (answer.status, &error["code"]),
                (400, &json!(code)),
                "{path}"
            );
            assert!(
                error["message"].as_str().unwrap().contains("`key`"),
                "{error}"
            );
        }
    }
    let user = request_json(server.upload, "PUT", "/s/d%20mo/x", "").await;
    assert_eq!(user.json()["error"]["code"], "invalid_name");
}

#[tokio::test]
async fn users_and_keys_are_listed_in_pages() {
    let server = Server::start().await;
    for path in ["/s/ann/a/elements", "/s/ann/aa/elements"] {
        assert_eq!(server.upload("POST", path, "element").await.status, 200);
    }
    for path in ["/s/ann/aa", "/s/ann/b", "/s/bob/c"] {
        server.upload("PUT", path, "12345").await;
    }
    let get = async |path: &str| server.upload("GET", path, "").await.json();
    assert_eq!(
        get("/s").await,
        json!({"users": ["ann", "bob"], "next": null})
    );
    assert_eq!(
        get("/s?limit=1").await,
        json!({"users": ["ann"], "next": "ann"})
    );
    assert_eq!(get("/s?after=ann").await["users"], json!(["bob"]));
    let keys = get("/s/ann").await;
    let [a, aa, b] = keys["keys"].as_array().unwrap().as_slice() else {
        panic!("{keys}")
    };
    assert_eq!(
        a,
        &json!({"key": "a", "size": null, "version": null, "elements": 1})
    );
    assert_eq!((&aa["size"], &aa["elements"]), (&json!(5), &json!(1)));
    assert_eq!((&b["key"], &b["elements"]), (&json!("b"), &json!(0)));
    assert!(b["version"].is_u64(), "{b}");
    assert_eq!(
        get("/s/ann?prefix=aa").await["keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let page = get("/s/ann?limit=2").await;
    assert_eq!(page["next"], "aa");
    let page = get("/s/ann?limit=2&after=aa").await;
    assert_eq!(
        (&page["keys"][0]["key"], &page["next"]),
        (&json!("b"), &Value::Null)
    );
    assert_eq!(get("/s/nobody").await, json!({"keys": [], "next": null}));
    for (query, field) in [
        ("limit=0", "limit"),
        ("after=a%2Fb", "after"),
        ("after=", "after"),
    ] {
        let answer = server.upload("GET", &format!("/s/ann?{query}"), "").await;
        assert!(
            answer.status == 400 && answer.text().contains(field),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn elements_are_appended_read_in_order_and_removed() {
    let server = Server::start().await;
    let path = "/s/demo/log/elements";
    let empty = server.upload("GET", path, "").await.json();
    assert_eq!(empty, json!({"elements": [], "next": null}));
    assert_eq!(server.upload("DELETE", path, "").await.status, 404);
    for (element, count) in [("one", 1), ("", 2)] {
        let answer = server.upload("POST", path, element).await;
        assert_eq!(answer.text(), format!("demo/log: {count} elements\n"));
    }
    let third = request_json(server.upload, "POST", path, "three")
        .await
        .json();
    assert_eq!(third, json!({"user": "demo", "key": "log", "elements": 3}));
    let get = async |query: &str| {
        server
            .upload("GET", &format!("{path}{query}"), "")
            .await
            .json()
    };
    assert_eq!(
        get("").await,
        json!({"elements": ["b25l", "", "dGhyZWU="], "next": null})
    );
    assert_eq!(
        get("?limit=2").await,
        json!({"elements": ["b25l", ""], "next": 2})
    );
    assert_eq!(
        get("?first=2&limit=1").await,
        json!({"elements": ["dGhyZWU="], "next": null})
    );
    assert_eq!(get("?first=3").await, json!({"elements": [], "next": null}));
    assert_eq!(
        get("?first=18446744073709551615").await["next"],
        Value::Null
    );
    // The value is another thing.
    assert_eq!(server.upload("GET", "/s/demo/log", "").await.status, 404);
    assert_eq!(server.upload("DELETE", path, "").await.status, 200);
    assert_eq!(get("").await["elements"], json!([]));

    let large = vec![b'x'; (8 << 20) + 1];
    let refused = request(server.upload, "POST", path, &[], &large).await;
    assert_eq!(refused.status, 413);
    let taken = request(server.upload, "POST", path, &[], &large[1..]).await;
    assert_eq!(taken.text(), "demo/log: 1 elements\n");
}

#[tokio::test]
async fn a_value_over_the_limit_is_a_413_and_the_former_one_stays() {
    let small = HttpOptions {
        max_state_value_bytes: 1_000,
        ..HttpOptions::default()
    };
    let server = Server::with(small).await;
    server.upload("PUT", "/s/demo/v", "before").await;
    let big = "x".repeat(1_001);
    let announced = server.upload("PUT", "/s/demo/v", &big).await;
    let chunked = format!(
        "PUT /s/demo/v HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
         3e9\r\n{big}\r\n0\r\n\r\n"
    );
    let chunked = raw(server.upload, chunked.as_bytes()).await;
    for answer in [announced, chunked] {
        assert_eq!(answer.status, 413);
        assert!(answer.text().contains("1000 bytes"), "{}", answer.text());
    }
    assert_eq!(server.upload("GET", "/s/demo/v", "").await.text(), "before");
}

#[tokio::test]
async fn a_flush_answers_on_both_listeners() {
    let server = Server::start().await;
    server.upload("PUT", "/s/demo/v", "kept").await;
    assert_eq!(
        server.upload("POST", "/flush", "").await.text(),
        "flushed\n"
    );
    assert_eq!(
        server
            .invoke("POST", "/", r#"{"flush": true}"#)
            .await
            .text(),
        "flushed\n"
    );
    assert_eq!(server.upload("GET", "/s/demo/v", "").await.text(), "kept");
}
