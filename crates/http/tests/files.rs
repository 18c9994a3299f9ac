//! Shared files on the upload listener.

mod common;

use common::{Answer, Server, raw, request, request_json};
use faasm_http::HttpOptions;
use serde_json::{Value, json};

async fn with(server: &Server, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    request(server.upload, method, path, headers, body).await
}

async fn put(server: &Server, path: &str, body: &str) -> Answer {
    let answer = server.upload("PUT", &format!("/file/{path}"), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

async fn get(server: &Server, path: &str) -> Answer {
    server.upload("GET", &format!("/file/{path}"), "").await
}

/// The code of an error.
async fn code(server: &Server, method: &str, path: &str) -> (u16, Value) {
    let answer = request_json(server.upload, method, path, "").await;
    (answer.status, answer.json()["error"]["code"].clone())
}

#[tokio::test]
async fn a_file_can_be_put_read_replaced_and_deleted() {
    let server = Server::start().await;
    let put = put(&server, "data/x", "hello").await;
    let text = put.text();
    assert!(text.starts_with("data/x: 5 bytes, hash "), "{text}");
    let there = get(&server, "data/x").await;
    assert_eq!((there.status, there.text().as_str()), (200, "hello"));
    assert_eq!(there.header("content-type"), "application/octet-stream");
    assert_eq!(there.header("content-length"), "5");
    assert_eq!(there.header("accept-ranges"), "bytes");
    assert_eq!(there.header("etag"), put.header("etag"));
    let head = server.upload("HEAD", "/file/data/x", "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), "5");
    let known = format!("if-none-match: {}", there.header("etag"));
    let known = with(&server, "GET", "/file/data/x", &[&known], "").await;
    assert_eq!((known.status, known.body.len()), (304, 0));

    let again = request_json(server.upload, "PUT", "/file/data/x", "").await;
    let file = again.json();
    assert_eq!(
        (&file["path"], &file["size"]),
        (&json!("data/x"), &json!(0))
    );
    assert_eq!(again.header("etag").trim_matches('"'), file["hash"]);
    let empty = get(&server, "data/x").await;
    assert_eq!((empty.status, empty.header("content-length")), (200, "0"));

    let gone = server.upload("DELETE", "/file/data/x", "").await;
    assert_eq!(gone.text(), "data/x: deleted\n");
    for method in ["GET", "DELETE"] {
        let answer = code(&server, method, "/file/data/x").await;
        assert_eq!(answer, (404, json!("file_not_found")), "{method}");
    }
}

#[tokio::test]
async fn the_header_and_the_url_name_the_same_file() {
    let server = Server::start().await;
    let header = ["FilePath: /data/\u{e4} %41"];
    let put = with(&server, "PUT", "/file", &header, "one").await;
    assert_eq!(put.status, 200, "{}", put.text());
    // The header is taken as it is, the URL is decoded once.
    for url in [
        "data/%C3%A4%20%2541",
        "/data/%c3%a4%20%2541",
        "data%2F%C3%A4 %2541",
    ] {
        let url = url.replace(' ', "%20");
        assert_eq!(get(&server, &url).await.text(), "one", "{url}");
    }
    let both = with(&server, "GET", "/file/data/%C3%A4%20%2541", &header, "").await;
    assert_eq!(both.text(), "one");
    for url in ["/file/data/other", "/file/data"] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = with(&server, method, url, &header, "").await;
            assert_eq!(answer.status, 400, "{method} {url}");
            assert!(answer.text().contains("`FilePath`"), "{}", answer.text());
        }
    }
    let deleted = with(&server, "DELETE", "/file", &header, "").await;
    assert_eq!(deleted.status, 200);
    assert_eq!(get(&server, "").await.json()["entries"], json!([]));
}

#[tokio::test]
async fn a_path_that_is_missing_or_none_is_refused_by_its_field_and_rule() {
    let server = Server::start().await;
    for method in ["PUT", "GET", "DELETE"] {
        let answer = code(&server, method, "/file").await;
        assert_eq!(answer, (400, json!("missing_field")), "{method}");
        let answer = server.upload(method, "/file", "").await;
        assert!(answer.text().contains("`FilePath`"), "{}", answer.text());
    }
    let long = format!("{}/x", "n".repeat(256));
    for path in [
        "", "..", "../x", "a/../x", "a/./b", "a//b", "//x", "a//", "a\tb", &long,
    ] {
        let header = format!("FilePath: {path}");
        for method in ["PUT", "GET", "DELETE"] {
            let json = [header.as_str(), "accept: application/json"];
            let answer = with(&server, method, "/file", &json, "x").await;
            assert_eq!(answer.status, 400, "{method} {path:?}: {}", answer.text());
            let error = &answer.json()["error"];
            assert_eq!(error["code"], "invalid_path");
            assert!(
                error["message"]
                    .as_str()
                    .unwrap()
                    .starts_with("`FilePath`: ")
            );
        }
    }
    let twice = with(&server, "GET", "/file", &["FilePath: a", "FilePath: a"], "").await;
    assert_eq!(twice.status, 400);
    for path in ["a%zz", "a%", "a/%4", "%%41"] {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = code(&server, method, &format!("/file/{path}")).await;
            assert_eq!(answer, (400, json!("invalid_path")), "{method} {path}");
        }
    }
    let latin = b"GET /file HTTP/1.1\r\nhost: x\r\nconnection: close\r\nFilePath: \xe4\r\n\r\n";
    assert_eq!(raw(server.upload, latin).await.status, 400);
    // What has no bytes is not a file, and the root is not to be deleted.
    for (method, path) in [("PUT", ""), ("PUT", "a/"), ("DELETE", "?recursive=true")] {
        let answer = code(&server, method, &format!("/file/{path}")).await;
        assert_eq!(answer, (400, json!("invalid_path")), "{method} {path}");
    }
}

#[tokio::test]
async fn a_part_of_a_file_is_read_by_its_range() {
    let server = Server::start().await;
    let put = put(&server, "digits", "0123456789").await;
    let tag = put.header("etag");
    for (range, part, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=0-100", "0123456789", "bytes 0-9/10"),
    ] {
        let range = format!("range: {range}");
        let same = format!("if-range: {tag}");
        let answer = with(&server, "GET", "/file/digits", &[&range, &same], "").await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (206, part),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), content_range);
        assert_eq!(answer.header("etag"), tag);
        let other = [range.as_str(), "if-range: \"other\""];
        let whole = with(&server, "GET", "/file/digits", &other, "").await;
        assert_eq!((whole.status, whole.body.len()), (200, 10));
    }
    let beyond = with(&server, "GET", "/file/digits", &["range: bytes=10-"], "").await;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), "bytes */10");
    // Ranges are for GET; HEAD tells of the whole, and opens nothing.
    std::fs::remove_dir_all(server.dir.path().join("objects/content")).unwrap();
    for range in ["bytes=2-4", "bytes=10-"] {
        let range = format!("range: {range}");
        let head = with(&server, "HEAD", "/file/digits", &[&range], "").await;
        assert_eq!((head.status, head.header("content-length")), (200, "10"));
        assert_eq!(
            (head.header("etag"), head.header("content-range")),
            (tag, "")
        );
    }
}

#[tokio::test]
async fn directories_are_listed_by_name_in_pages() {
    let server = Server::start().await;
    for path in ["b", "a/y", "a/x/deep", "a.txt"] {
        put(&server, path, path).await;
    }
    let mut urls = Vec::new();
    for root in ["/file/", "/file"] {
        let root = with(&server, "GET", root, &["FilePath: /"], "").await;
        assert_eq!(root.header("content-type"), "application/json");
        let names = root.json()["entries"].as_array().unwrap().clone();
        urls.push(names.iter().map(|e| e["name"].clone()).collect::<Vec<_>>());
    }
    assert_eq!(urls, [["a", "a.txt", "b"], ["a", "a.txt", "b"]]);
    for directory in ["a", "a/", "/a"] {
        let listed = get(&server, directory).await.json();
        let (deep, y) = (&listed["entries"][0], &listed["entries"][1]);
        let nothing = json!({"name": "x", "kind": "directory", "size": null, "hash": null,
            "modified_at_ms": null});
        assert_eq!(deep, &nothing, "{directory}");
        assert_eq!((&y["kind"], &y["size"]), (&json!("file"), &json!(3)));
        let tag = get(&server, "a/y").await.header("etag").to_owned();
        assert_eq!(y["hash"], tag.trim_matches('"'));
        assert!(y["modified_at_ms"].as_u64().unwrap() > 1_700_000_000_000);
        assert_eq!(listed["next"], Value::Null);
    }
    let mut found = Vec::new();
    for (query, items, field) in [
        ("", "entries", "name"),
        ("&recursive=true", "files", "path"),
    ] {
        let mut after = String::new();
        loop {
            let page = get(&server, &format!("?limit=1{query}{after}"))
                .await
                .json();
            assert_eq!(page[items].as_array().unwrap().len(), 1);
            found.push(page[items][0][field].as_str().unwrap().to_owned());
            let Some(next) = page["next"].as_str() else {
                break;
            };
            after = format!("&after={next}");
        }
    }
    assert_eq!(found, ["a", "a.txt", "b", "a/x/deep", "a/y", "a.txt", "b"]);
    let negative = get(&server, "?limit=-1").await;
    let text = negative.text();
    assert!(
        text.contains("limit: must be a whole number, 0 or more"),
        "{text}"
    );
    for query in [
        "limit=",
        "limit=0",
        "limit=x",
        "recursive=perhaps",
        "recursive&after=a//b",
    ] {
        let answer = get(&server, &format!("?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
    // Any name may be what comes before a page.
    let behind = get(&server, "?after=a%00%2F..").await.json();
    assert_eq!(behind["entries"][0]["name"], "a.txt");
}

#[tokio::test]
async fn a_file_and_a_directory_are_not_at_one_path() {
    let server = Server::start().await;
    put(&server, "a/b", "x").await;
    for (method, path, expected) in [
        ("PUT", "a", "file_conflict"),
        ("PUT", "a/b/c", "file_conflict"),
        ("PUT", "a/b/c/d", "file_conflict"),
        ("GET", "a/b/", "not_a_directory"),
        ("DELETE", "a/b/", "not_a_directory"),
        ("DELETE", "a", "is_a_directory"),
        ("DELETE", "a/", "is_a_directory"),
    ] {
        let answer = code(&server, method, &format!("/file/{path}")).await;
        assert_eq!(answer, (409, json!(expected)), "{method} {path}");
    }
    for path in ["a/b/c", "c", "c/", "c/?recursive=true"] {
        for method in ["GET", "DELETE"] {
            let answer = code(&server, method, &format!("/file/{path}")).await;
            assert_eq!(answer, (404, json!("file_not_found")), "{method} {path}");
        }
    }
    assert_eq!(get(&server, "a/b").await.text(), "x");
    // A conflict is told before the body is sent.
    let head = "PUT /file/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    assert_eq!(raw(server.upload, head.as_bytes()).await.status, 409);
}

#[tokio::test]
async fn a_directory_is_deleted_only_with_all_below_it() {
    let server = Server::start().await;
    for path in ["a/1", "a/b/2", "a/b/c/3", "ab"] {
        put(&server, path, "x").await;
    }
    let answer = server.upload("DELETE", "/file/a/b/?recursive", "").await;
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "a/b: 2 files deleted\n")
    );
    let answer = server.upload("DELETE", "/file/a/b?recursive", "").await;
    assert_eq!(answer.status, 404);
    put(&server, "a/b/4", "x").await;
    let answer = server.upload("DELETE", "/file/a/b?recursive", "").await;
    assert_eq!(answer.text(), "a/b: 1 file deleted\n");
    let answer = request_json(server.upload, "DELETE", "/file/a?recursive=true", "").await;
    assert_eq!(answer.json(), json!({"path": "a", "deleted": 1}));
    // A file does not mind.
    let answer = request_json(server.upload, "DELETE", "/file/ab?recursive=true", "").await;
    assert_eq!(answer.json(), json!({"path": "ab", "deleted": 1}));
    assert_eq!(get(&server, "").await.json()["entries"], json!([]));
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_however_it_is_sent() {
    let options = HttpOptions {
        max_file_bytes: 10,
        ..HttpOptions::default()
    };
    let server = Server::with(options).await;
    put(&server, "x", "0123456789").await;
    let announced = server.upload("PUT", "/file/x", "01234567890").await;
    let head = "PUT /file/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = format!("{head}6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n");
    let chunked = raw(server.upload, chunked.as_bytes()).await;
    for answer in [announced, chunked] {
        assert_eq!(answer.status, 413);
        assert!(answer.text().contains("10 bytes"), "{}", answer.text());
    }
    assert_eq!(get(&server, "x").await.text(), "0123456789");
}

#[tokio::test]
async fn what_would_be_stored_otherwise_than_meant_is_refused() {
    let server = Server::start().await;
    for (header, status) in [
        ("content-range: bytes 0-1/10", 400),
        ("if-match: \"x\"", 422),
        ("if-none-match: *", 422),
    ] {
        let answer = with(&server, "PUT", "/file/x", &[header], "x").await;
        assert_eq!(answer.status, status, "{header}");
    }
    assert_eq!(get(&server, "x").await.status, 404);
    put(&server, "x", "x").await;
    for header in ["if-match: \"x\"", "if-none-match: *"] {
        let answer = with(&server, "DELETE", "/file/x", &[header], "").await;
        assert_eq!(answer.status, 422, "{header}");
    }
    assert_eq!(get(&server, "x").await.text(), "x");
    let wrong = server.upload("POST", "/file/x", "").await;
    assert_eq!(wrong.status, 405);
    assert_eq!(wrong.header("allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
}

#[tokio::test]
async fn bytes_that_are_not_those_that_were_put_are_an_error() {
    let server = Server::start().await;
    for (name, body) in [("changed", "hello"), ("cut", "a text to cut off")] {
        let put = put(&server, name, body).await;
        let content = server.dir.path().join("objects/content");
        let path = content.join(put.header("etag").trim_matches('"'));
        let damaged = if name == "cut" { "a" } else { "hallo" };
        std::fs::write(path, damaged).unwrap();
        let answer = code(&server, "GET", &format!("/file/{name}")).await;
        assert_eq!(answer, (500, json!("damaged_file")), "{name}");
        // Putting it again mends it.
        self::put(&server, name, body).await;
        assert_eq!(get(&server, name).await.text(), body);
    }
}
