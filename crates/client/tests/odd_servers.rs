//! How the client meets servers that refuse, lie or go away: what a real server cannot be
//! made to do in a test. Everything else is tested against a real one.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails like a test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, put};
use faasm_client::{
    Client, ClientOptions, Error, FunctionKind, Listener, Progress, Readiness, Token, Url,
};
use faasm_model::{CallId, FunctionName, Invocation, Name, SharedPath};
use futures::TryStreamExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn hello() -> FunctionName {
    FunctionName::new("demo", "hello").unwrap()
}

fn options(address: &str) -> ClientOptions {
    let url = Url::parse(&format!("http://{address}")).unwrap();
    ClientOptions {
        upload: url.clone(),
        invoke: url,
        ..ClientOptions::default()
    }
}

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A client of a server that answers everything with this.
async fn always(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: impl Into<String>,
) -> Client {
    let body = body.into();
    let status = StatusCode::from_u16(status).unwrap();
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let app = Router::new().fallback(any(move || async move { (status, headers, body) }));
    Client::new(options(&serve(app).await)).unwrap()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let client = Client::new(options(&address)).unwrap();
    let error = client.health(Listener::Invoke).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&address) && text.contains("faasm serve"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(ClientOptions {
        timeout: Duration::from_millis(100),
        ..options(&listener.local_addr().unwrap().to_string())
    })
    .unwrap();
    let error = client.health(Listener::Upload).await.unwrap_err();
    assert!(error.to_string().contains("time-out"), "{error}");
}

#[tokio::test]
async fn a_refusal_keeps_its_code_hint_and_time_to_retry() {
    let body = r#"{"error":{"code":"queue_full","message":"too many calls","hint":"try later"}}"#;
    let client = always(429, &[("retry-after", "3")], body).await;
    match client.invoke(&Invocation::new(hello(), "")).await {
        Err(Error::Refused {
            status,
            code,
            message,
            hint,
            position,
            retry_after,
        }) => {
            assert_eq!((status, code.as_str()), (429, "queue_full"));
            assert_eq!(message, "too many calls");
            assert_eq!(hint.as_deref(), Some("try later"));
            assert_eq!(
                (position, retry_after),
                (None, Some(Duration::from_secs(3)))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_of_a_source_file_keeps_the_place() {
    let name = hello();
    for (fields, expected) in [
        (r#""line":3,"column":7"#, Some((3, Some(7)))),
        (r#""line":3"#, Some((3, None))),
        (r#""column":7"#, None),
    ] {
        let body = format!(r#"{{"error":{{"code":"x","message":"y","hint":"z",{fields}}}}}"#);
        let client = always(422, &[], body).await;
        let put = client.put_function(FunctionKind::Python, &name, vec![], |_| {});
        let Err(Error::Refused { position, .. }) = put.await else {
            panic!("{fields}");
        };
        assert_eq!(
            position.map(|at| (at.line, at.column)),
            expected,
            "{fields}"
        );
    }
}

#[tokio::test]
async fn a_refusal_in_plain_text_is_understood_too() {
    let client = always(
        404,
        &[("content-type", "text/plain")],
        "no function demo/hello\n",
    )
    .await;
    match client.function_info(FunctionKind::Wasm, &hello()).await {
        Err(Error::Refused {
            status,
            code,
            message,
            ..
        }) => {
            assert_eq!((status, code.as_str()), (404, "http_404"));
            assert_eq!(message, "no function demo/hello");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_kind_of_server_is_recognised() {
    let page = always(404, &[("content-type", "text/html")], "<h1>Not Found</h1>").await;
    let redirect = always(302, &[("location", "http://127.0.0.1:1/")], "").await;
    let text = always(200, &[], "fine").await;
    for client in [page, redirect, text] {
        let error = client
            .function_info(FunctionKind::Wasm, &hello())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_ready_says_why() {
    let client = always(503, &[], "shutting down\n").await;
    assert_eq!(
        client.readiness(Listener::Invoke).await.unwrap(),
        Readiness::NotReady("shutting down".into())
    );
}

#[tokio::test]
async fn a_failed_call_is_a_result_although_its_status_is_an_error() {
    let body = r#"{"id":5,"status":"FAILED","return_value":3,"stdout":"so far",
                   "reason":{"code":"nonzero_return","message":"main returned 3"}}"#;
    let client = always(500, &[], body).await;
    let call = client.invoke(&Invocation::new(hello(), "")).await.unwrap();
    assert_eq!(call.return_value, 3);
    assert_eq!(&call.stdout[..], b"so far");
    assert_eq!(call.reason.unwrap().code, "nonzero_return");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let app = Router::new().fallback(any(|| async {
        let endless =
            futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 4096])));
        Body::from_stream(endless)
    }));
    let client = Client::new(ClientOptions {
        max_answer_bytes: 100_000,
        ..options(&serve(app).await)
    })
    .unwrap();
    let error = client
        .function_info(FunctionKind::Wasm, &hello())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("100000 bytes"), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_leaves_no_file() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(options(&listener.local_addr().unwrap().to_string())).unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection
            .read_buf(&mut Vec::with_capacity(4096))
            .await
            .unwrap();
        let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n\0asm";
        connection.write_all(cut).await.unwrap();
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.wasm");
    let download = client
        .get_function(FunctionKind::Wasm, &hello())
        .await
        .unwrap();
    let error = download.save(&path, |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::CutShort { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("ended early") && !text.contains("faasm serve"),
        "{text}"
    );
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_list_that_goes_in_circles_ends_with_an_error() {
    let client = always(200, &[], r#"{"functions":[],"next":"a"}"#).await;
    let user = Name::new("demo").unwrap();
    let all: Result<Vec<_>, _> = client
        .list_functions(FunctionKind::Wasm, &user)
        .try_collect()
        .await;
    assert!(all.unwrap_err().to_string().contains("circles"));
}

/// A page that lists one shared file.
fn listing(path: &str) -> String {
    let hash = "0".repeat(64);
    let file = json!({ "path": path, "size": 1, "hash": hash, "modified_at_ms": 0 });
    json!({ "files": [file], "next": null }).to_string()
}

#[tokio::test]
async fn a_file_that_is_listed_elsewhere_than_asked_for_is_not_believed() {
    let texts = SharedPath::new("texts").unwrap();
    for elsewhere in [
        "../x",
        "texts/../x",
        "texts//x",
        "texts/.",
        "//texts/x",
        "texts/a\0b",
        "texts",
        "texts2/x",
        "other/x",
        "",
    ] {
        let client = always(200, &[], listing(elsewhere)).await;
        let all: Result<Vec<_>, _> = client.walk_files(Some(&texts)).try_collect().await;
        let error = all.unwrap_err();
        assert!(
            matches!(error, Error::Protocol { .. }),
            "{elsewhere}: {error:?}"
        );
    }
    let client = always(200, &[], listing("texts/a/b")).await;
    let all: Vec<_> = client.walk_files(Some(&texts)).try_collect().await.unwrap();
    assert_eq!(all[0].below(Some(&texts)), Some("a/b"));
    assert_eq!(all[0].below(None), Some("texts/a/b"));
}

#[tokio::test]
async fn a_directory_is_not_taken_for_a_file() {
    let texts = SharedPath::new("texts").unwrap();
    let list = always(200, &[("content-type", "application/json")], "{}").await;
    let body = r#"{"error":{"code":"is_a_directory","message":"no","hint":null}}"#;
    let refusal = always(409, &[], body).await;
    for error in [
        list.get_file(&texts).await.map(drop),
        refusal.delete_file(&texts).await,
    ] {
        assert!(
            matches!(&error, Err(Error::IsADirectory(path)) if *path == texts),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_call_id_out_of_range_is_not_believed() {
    let client = always(202, &[], r#"{"id":9007199254740992}"#).await;
    let error = client
        .invoke_async(&Invocation::new(hello(), ""), None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
}

const RECORD: &str = r#"{"user":"demo","function":"hello","size":0,"uploaded_at_ms":0,"limits":{},
    "hash":"0000000000000000000000000000000000000000000000000000000000000000"}"#;

#[tokio::test]
async fn a_file_is_sent_whole_with_its_length_below_the_prefix_of_the_address() {
    let seen = Arc::new(Mutex::new(None));
    let inside = seen.clone();
    let app = Router::new().route(
        "/behind/proxy/f/demo/hello",
        put(move |request: Request| async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            *inside.lock().unwrap() = Some((parts.headers, body));
            ([(header::CONTENT_TYPE, "application/json")], RECORD).into_response()
        }),
    );
    let prefixed = format!("{}/behind/proxy/", serve(app).await);
    let client = Client::new(ClientOptions {
        token: Some(Token::new("s3cret").unwrap()),
        ..options(&prefixed)
    })
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.wasm");
    let code: Vec<u8> = (0..1_000_000_u32).map(|i| i as u8).collect();
    std::fs::write(&path, &code).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    client
        .put_function(FunctionKind::Wasm, &hello(), path, move |progress| {
            telling.lock().unwrap().push(progress)
        })
        .await
        .unwrap();
    let (headers, body) = seen.lock().unwrap().take().unwrap();
    assert_eq!(body, code);
    assert_eq!(headers[header::CONTENT_LENGTH], "1000000");
    assert_eq!(headers[header::AUTHORIZATION], "Bearer s3cret");
    let whole = Progress {
        done: 1_000_000,
        total: Some(1_000_000),
    };
    assert_eq!(told.lock().unwrap().last(), Some(&whole));
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_named() {
    let client = always(200, &[], RECORD).await;
    let directory = tempfile::tempdir().unwrap();
    for path in [
        directory.path().to_owned(),
        directory.path().join("absent.wasm"),
    ] {
        let error = client
            .put_function(FunctionKind::Wasm, &hello(), path.clone(), |_| {})
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Io { path: named, .. } if *named == path),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn waiting_asks_again_until_the_end() {
    let asked = Arc::new(Mutex::new(0));
    let count = asked.clone();
    let app = Router::new().route(
        "/calls/5",
        any(move || async move {
            let mut asked = count.lock().unwrap();
            *asked += 1;
            match *asked {
                1 => r#"{"id":5,"status":"RUNNING"}"#,
                _ => r#"{"id":5,"status":"SUCCESS","return_value":0,"output_data":"done"}"#,
            }
        }),
    );
    let client = Client::new(options(&serve(app).await)).unwrap();
    let call = client.wait(CallId::new(5).unwrap()).await.unwrap();
    assert_eq!(&call.output[..], b"done");
    assert_eq!(*asked.lock().unwrap(), 2);
}
