//! A server process.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::answer::Answer;
use crate::builder::Builder;

/// A running server, killed when dropped.
#[derive(Debug)]
pub struct Server {
    pub(crate) child: Child,
    /// Where it stores functions, as `http://…`; empty if it does not.
    pub upload: String,
    /// Where it runs calls; empty if it does not.
    pub invoke: String,
    /// A client without limits of its own.
    pub http: reqwest::Client,
    pub(crate) data_dir: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) own: TempDir,
}

/// A client that keeps no connection for as long as servers do: tests that compile in between
/// see too late that one was closed.
#[must_use]
pub fn client() -> reqwest::Client {
    // reqwest wants one chosen even where nothing is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder();
    builder
        .tls_certs_only([])
        .no_proxy()
        .pool_idle_timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

impl Server {
    /// A server with the defaults of the tests.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A server that runs Python functions, too.
    pub async fn with_python() -> Self {
        Self::builder().python().start().await
    }

    /// A server to be started with options.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A request to a URL of this server.
    pub async fn request(
        &self,
        method: Method,
        url: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let response = self.http.request(method, url).body(body).send().await;
        Answer::read(response.unwrap()).await
    }

    /// A request with headers, each written `name: value`.
    pub async fn request_with(
        &self,
        method: Method,
        url: &str,
        headers: &[&str],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.http.request(method, url).body(body);
        for (name, value) in headers.iter().filter_map(|header| header.split_once(": ")) {
            request = request.header(name, value);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    /// Uploads `user/function`, which must succeed.
    #[track_caller]
    pub fn put(&self, name: &str, code: impl Into<Bytes>) -> impl Future<Output = ()> + '_ {
        let answer = self.try_put(name, code);
        async move {
            let _ = answer.await.expect(200);
        }
    }

    /// Uploads `user/function`.
    pub fn try_put(&self, name: &str, code: impl Into<Bytes>) -> impl Future<Output = Answer> + '_ {
        let url = format!("{}/f/{name}", self.upload);
        let code = code.into();
        async move { self.request(Method::PUT, &url, code).await }
    }

    /// Calls `user/function` with raw input.
    pub async fn call(&self, name: &str, input: impl Into<Bytes>) -> Answer {
        let url = format!("{}/invoke/{name}", self.invoke);
        self.request(Method::POST, &url, input.into()).await
    }

    /// Calls `user/function` and returns the call as JSON, however it ended.
    pub async fn call_json(&self, name: &str, input: impl Into<Bytes>) -> Value {
        let url = format!("{}/invoke/{name}", self.invoke);
        let request = self.http.post(url).header("accept", "application/json");
        let response = request.body(input.into()).send().await;
        Answer::read(response.unwrap()).await.json()
    }

    /// Sets a function's own limits, in the JSON form of the API.
    pub async fn set_limits(&self, name: &str, limits: Value) -> Answer {
        let url = format!("{}/f/{name}/limits", self.upload);
        self.request(Method::PUT, &url, limits.to_string()).await
    }

    /// Posts the JSON form.
    pub async fn post(&self, json: Value) -> Answer {
        self.request(Method::POST, &self.invoke, json.to_string())
            .await
    }

    /// Calls asynchronously and returns the call's id.
    pub async fn submit(&self, name: &str, input: &str) -> u64 {
        let url = format!("{}/invoke/{name}?async=true", self.invoke);
        let answer = self
            .request(Method::POST, &url, input.to_owned())
            .await
            .expect(202);
        answer.text().parse().unwrap()
    }

    /// The status text of a call, once it has ended.
    pub async fn wait(&self, id: u64) -> String {
        loop {
            let url = format!("{}/calls/{id}?wait_ms=10000", self.invoke);
            let text = self.request(Method::GET, &url, "").await.expect(200).text();
            if text != "RUNNING" {
                return text;
            }
        }
    }

    /// A request to a path of the upload listener.
    pub async fn stored(
        &self,
        method: Method,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        self.request(method, &format!("{}{path}", self.upload), body)
            .await
    }

    /// A GET of a path of the invoke listener.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, &format!("{}{path}", self.invoke), "")
            .await
    }

    /// The sum of a metric's samples whose labels contain `labels`.
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = self.get("/metrics").await.expect(200).text();
        metric(&text, name, labels)
    }

    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// What it has logged so far.
    #[must_use]
    pub fn logs(&self) -> String {
        std::fs::read_to_string(&self.logs).unwrap()
    }

    /// Resident memory in bytes.
    #[must_use]
    pub fn rss(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most resident memory that there ever was, in bytes.
    #[must_use]
    pub fn peak_rss(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it as `kill -9` does and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it has ended by itself, `limit` at most, and returns its exit code.
    pub async fn exit_code(&mut self, limit: Duration) -> Option<i32> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "it still runs: {}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A directory of this server's own for other files.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.own.path()
    }
}

/// The sum of the samples of a metric whose labels contain `labels`, in what `/metrics` says.
#[must_use]
pub fn metric(text: &str, name: &str, labels: &str) -> f64 {
    let lines = text.lines().filter(|line| {
        let is_name = line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '{']));
        is_name && line.contains(labels)
    });
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the server logged:\n{}---", self.logs());
        }
    }
}
