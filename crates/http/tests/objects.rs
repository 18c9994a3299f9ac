//! The storage of a server, as other servers use it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Answer, Server, request};
use faasm_http::HttpOptions;
use faasm_model::ContentHash;
use faasm_storage::conformance::{Server as Other, cluster_key, refusal};
use faasm_storage::{Error, StorageOptions, access_token};

/// The options of the storage of an empty server, which asks for the key of a cluster.
async fn of_a_server() -> (StorageOptions, Server) {
    let key = cluster_key(1).unwrap();
    let server = Server::with(HttpOptions {
        cluster_key: Some(key.clone()),
        ..HttpOptions::default()
    })
    .await;
    let options = StorageOptions {
        location: format!("http://{}", server.upload).parse().unwrap(),
        cluster_key: Some(key),
        ..StorageOptions::default()
    };
    (options, server)
}

faasm_storage::conformance_tests!(of_a_server().await);
faasm_storage::shared_conformance_tests!(of_a_server().await);

/// The options of the storage of an empty server that lets anybody in.
async fn of_anybody() -> (StorageOptions, Server) {
    let server = Server::start().await;
    let options = StorageOptions {
        location: format!("http://{}", server.upload).parse().unwrap(),
        ..StorageOptions::default()
    };
    (options, server)
}

async fn storage(server: &Server, method: &str, key: &str, headers: &[&str], body: &str) -> Answer {
    let path = format!("/storage/{key}");
    request(server.upload, method, &path, headers, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_server_stores_is_in_force_here_at_once_and_the_other_way_round() {
    let (options, server) = of_anybody().await;
    let other = Other::open(&options).await.unwrap();
    other.put_file("a/b", "bytes").await.unwrap();
    other.put("u/f", "code").await.unwrap();
    assert_eq!(server.upload("GET", "/file/a/b", "").await.text(), "bytes");
    assert_eq!(server.upload("GET", "/f/u/f", "").await.text(), "code");
    server.upload("PUT", "/file/a/b", "changed").await;
    server.upload("DELETE", "/f/u/f", "").await;
    other.storage.refresh_all().await.unwrap();
    assert_eq!(other.file("a/b").await.unwrap().unwrap(), b"changed");
    assert_eq!(other.code("u/f").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_has_the_key_of_the_cluster_may_use_the_storage() {
    let (options, server) = of_a_server().await;
    let token = format!(
        "authorization: Bearer {}",
        access_token(&cluster_key(1).unwrap())
    );
    let wrong = format!(
        "authorization: Bearer {}",
        access_token(&cluster_key(2).unwrap())
    );
    for (method, path) in [
        ("GET", "/storage?prefix=functions/"),
        ("GET", "/storage/storage.json"),
        ("HEAD", "/storage/storage.json"),
        ("PUT", "/storage/functions/u/f.json"),
        ("DELETE", "/storage/functions/u/f.json"),
    ] {
        let asked = async |headers: &[&str]| {
            request(server.upload, method, path, headers, "")
                .await
                .status
        };
        let bad: [&[&str]; 4] = [
            &[],
            &["authorization: Bearer x"],
            &[&wrong],
            &[&token, &token],
        ];
        for headers in bad {
            assert_eq!(asked(headers).await, 401, "{method} {path}");
        }
        assert_ne!(asked(&[&token]).await, 401, "{method} {path}");
    }
    for key in [None, Some(cluster_key(2).unwrap())] {
        let wrong = StorageOptions {
            cluster_key: key,
            ..options.clone()
        };
        let refusal = refusal(wrong).await.unwrap();
        assert!(
            refusal.contains("give both the same cluster key"),
            "{refusal}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_a_storage_does_not_have_are_refused() {
    let (_, server) = of_anybody().await;
    for key in [
        "x",
        "../lock",
        "functions/../../lock",
        "functions/%2e%2e/lock",
        "functions/u/f",
        "keys/artifact.key",
        "content/x",
        "artifacts/c/x.cwasm",
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = storage(&server, method, key, &[], "x").await;
            assert!(
                [400, 404].contains(&answer.status),
                "{method} {key}: {answer:?}"
            );
        }
    }
    for prefix in ["", "functions", "keys/", "../", "functions/u/"] {
        let path = format!("/storage?prefix={prefix}");
        assert_eq!(
            server.upload("GET", &path, "").await.status,
            400,
            "{prefix}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_belong_under_a_key_is_refused() {
    let (_, server) = of_anybody().await;
    let content = format!("content/{}", ContentHash::of(b"right"));
    let answer = storage(&server, "PUT", &content, &[], "wrong").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(
        storage(&server, "PUT", &content, &[], "right").await.status,
        200
    );
    assert_eq!(
        storage(&server, "DELETE", &content, &[], "").await.status,
        400
    );
    let record = |user: &str, content: &[u8]| {
        let hash = ContentHash::of(content);
        format!(
            r#"{{"version":1,"name":{{"user":"{user}","function":"f"}},"hash":"{hash}","size":5,"uploaded_at_ms":1,"limits":{{}}}}"#
        )
    };
    for bad in [
        "{".to_owned(),
        record("another", b"right"),
        record("u", b"not stored"),
        " ".repeat(100_000),
    ] {
        let answer = storage(&server, "PUT", "functions/u/f.json", &[], &bad).await;
        assert!([400, 413].contains(&answer.status), "{}", answer.text());
    }
    assert_eq!(server.upload("GET", "/f/u/f", "").await.status, 404);
    let identity = storage(&server, "PUT", "storage.json", &[], "{}").await;
    assert_eq!(identity.status, 400, "{}", identity.text());
    let identity = storage(&server, "PUT", "storage.json", &["if-none-match: *"], "{}").await;
    assert_eq!(identity.status, 412, "{}", identity.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_have_tags_and_lists_have_pages() {
    let (options, server) = of_anybody().await;
    let other = Other::open(&options).await.unwrap();
    for n in 0..5 {
        other.put(&format!("u/f{n}"), "code").await.unwrap();
    }
    let code = format!("code/{}.wasm", ContentHash::of(b"code"));
    for key in [code.as_str(), "functions/u/f1.json"] {
        let answer = storage(&server, "GET", key, &[], "").await;
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
        let known = format!("if-none-match: {}", answer.header("etag"));
        assert_eq!(
            storage(&server, "GET", key, &[&known], "").await.status,
            304
        );
        let head = storage(&server, "HEAD", key, &[], "").await;
        assert_eq!(
            head.header("content-length"),
            answer.header("content-length")
        );
        assert!(!head.header("faasm-modified-ms").is_empty());
    }
    let missing = storage(&server, "GET", "functions/u/none.json", &[], "").await;
    assert_eq!(
        (missing.status, missing.header("faasm-no-object")),
        (404, "1")
    );
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/storage?prefix=functions/&limit=2&after={after}");
        let page = server.upload("GET", &path, "").await.json();
        for object in page["objects"].as_array().unwrap() {
            keys.push(object["key"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    let expected: Vec<_> = (0..5).map(|n| format!("functions/u/f{n}.json")).collect();
    assert_eq!(keys, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_said_and_so_is_one_that_is_none_of_ours() {
    let (options, server) = of_anybody().await;
    let other = Other::open(&options).await.unwrap();
    other.put("u/f", "code").await.unwrap();
    // Its listener for calls has no storage.
    let wrong = StorageOptions {
        location: format!("http://{}", server.invoke).parse().unwrap(),
        ..StorageOptions::default()
    };
    let refusal = refusal(wrong).await.unwrap();
    assert!(refusal.contains("answers 404"), "{refusal}");
    server.shutdown.cancel();
    for task in server.running {
        task.await.unwrap();
    }
    let body = other.body("new").await.unwrap();
    let name = faasm_model::FunctionName::new("u", "f").unwrap();
    let put = other
        .storage
        .functions()
        .put(name.clone(), body, None)
        .await;
    assert!(matches!(put, Err(Error::Unavailable { .. })), "{put:?}");
    let refreshed = other.storage.functions().refresh(&name).await;
    assert!(
        matches!(refreshed, Err(Error::Unavailable { .. })),
        "{refreshed:?}"
    );
    assert!(other.storage.functions().get(&name).is_none());
}
