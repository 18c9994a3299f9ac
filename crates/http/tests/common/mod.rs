//! A server of its own for each test, and a client that says exactly what it is told.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and its helpers with it"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use faasm_calllog::EmbeddedLog;
use faasm_calls::Calls;
use faasm_faaslet::{Faaslets, MemoryBudget};
use faasm_http::{Api, ApiParts, HttpOptions, Readiness, invoke_router, serve, upload_router};
use faasm_state::State;
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier};
use faasm_storage::{DataDirLock, Storage};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Returns 0 and does nothing else.
pub const NOOP: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
/// Never ends by itself.
pub const SPIN: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;
/// Traps.
pub const TRAP: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") unreachable))"#;
/// Writes `out` and its input's first 5 bytes to stdout and output.
pub const ECHO: &str = r#"(module
    (import "env" "__faasm_read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "__faasm_write_output" (func $write (param i32 i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\03\00\00\00out")
    (func (export "_start")
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (drop (call $read (i32.const 100) (i32.const 5)))
        (call $write (i32.const 100) (i32.const 5))))"#;

pub struct Server {
    pub upload: SocketAddr,
    pub invoke: SocketAddr,
    pub readiness: Readiness,
    pub shutdown: CancellationToken,
    pub running: Vec<JoinHandle<()>>,
    pub dir: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(HttpOptions::default()).await
    }

    pub async fn with(options: HttpOptions) -> Self {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        Self::with_metrics(options, metrics).await
    }

    pub async fn with_metrics(options: HttpOptions, metrics: PrometheusHandle) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lock = DataDirLock::acquire(dir.path(), "a test").unwrap();
        let storage = Storage::open(lock).await.unwrap();
        let tier = EmbeddedTier::open(&dir.path().join("state"), EmbeddedOptions::default());
        let tier = Arc::new(tier.unwrap());
        let budget = MemoryBudget::new(2 << 30);
        let state = faasm_state::Options::default();
        let state = State::new(tier, &budget, state).unwrap();
        let small = faasm_faaslet::Options {
            max_faaslets: 16,
            ..faasm_faaslet::Options::default()
        };
        let faaslets = Faaslets::new(small, storage.clone(), state.clone()).unwrap();
        let log = Arc::new(EmbeddedLog::open(&dir.path().join("calls")).unwrap());
        let calls = Calls::start(
            faasm_calls::Options::default(),
            faaslets,
            faasm_calls::Company::Alone(log),
        );
        let readiness = Readiness::default();
        let api = Api::new(ApiParts {
            calls: calls.await.unwrap(),
            storage,
            state,
            metrics,
            readiness: readiness.clone(),
            tokens: None,
            workers: None,
            options: options.clone(),
        });
        readiness.set_ready();
        let shutdown = CancellationToken::new();
        let (mut running, mut addresses) = (Vec::new(), Vec::new());
        for router in [upload_router(api.clone()), invoke_router(api)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let (options, shutdown) = (options.clone(), shutdown.clone());
            running.push(tokio::spawn(async move {
                serve(listener, router, &options, shutdown).await;
            }));
        }
        let (upload, invoke) = (addresses[0], addresses[1]);
        Self {
            upload,
            invoke,
            readiness,
            shutdown,
            running,
            dir,
        }
    }

    /// Uploads WebAssembly text as `demo/{name}`.
    pub async fn put(&self, name: &str, code: &str) {
        let path = format!("/f/demo/{name}");
        let answer = request(self.upload, "PUT", &path, &[], code).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    pub async fn upload(&self, method: &str, path: &str, body: &str) -> Answer {
        request(self.upload, method, path, &[], body).await
    }

    pub async fn invoke(&self, method: &str, path: &str, body: &str) -> Answer {
        request(self.invoke, method, path, &[], body).await
    }

    /// Polls a call until it has ended, and returns the last answer.
    pub async fn ended(&self, id: &str) -> Answer {
        let path = format!("/calls/{id}?wait_ms=20000");
        self.invoke("GET", &path, "").await
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn parse(bytes: &[u8]) -> Self {
        let head = bytes
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .expect("a whole head");
        let text = std::str::from_utf8(&bytes[..head]).unwrap();
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        Self {
            status: status.parse().unwrap(),
            headers: headers
                .map(|(k, v)| (k.to_lowercase(), v.to_owned()))
                .collect(),
            body: bytes[head + 4..].to_vec(),
        }
    }
}

/// One request on a connection of its own.
pub async fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: impl AsRef<[u8]>,
) -> Answer {
    let body = body.as_ref();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    raw(to, &[head.as_bytes(), body].concat()).await
}

pub async fn request_json(to: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    request(to, method, path, &["accept: application/json"], body).await
}

/// Sends these very bytes and reads to the end of the connection.
pub async fn raw(to: SocketAddr, bytes: &[u8]) -> Answer {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    to.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    from.read_to_end(&mut answer).await.unwrap();
    Answer::parse(&answer)
}

/// Reads until the connection has said `text`, and returns all it said.
pub async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(text) {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&piece[..read]);
    }
    String::from_utf8(said).unwrap()
}

/// Reads one answer off a connection that goes on.
pub async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut said = Vec::new();
    loop {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&piece[..read]);
        if !said.windows(4).any(|w| w == b"\r\n\r\n") {
            continue;
        }
        let answer = Answer::parse(&said);
        if answer.body.len() == answer.header("content-length").parse::<usize>().unwrap() {
            return answer;
        }
    }
}

/// Waits for something that happens on its own.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    waited.unwrap_or_else(|_| panic!("never: {what}"));
}
