//! The cluster that things happen to, and what clients were told of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use faasm_testkit::{Cluster, Redis, Server, Signal, metric};
use reqwest::Method;
use tempfile::TempDir;
use tokio::sync::RwLock;

use crate::state::guest;

/// Servers that run calls.
pub const WORKERS: usize = 3;

/// Longer than any request may take, whatever is stopped meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct World {
    pub redis: RwLock<Redis>,
    /// Has the functions, and is left alone.
    pub upload: Server,
    pub workers: [RwLock<Option<Server>>; WORKERS],
    dirs: Vec<TempDir>,
    pub told: Told,
}

/// What clients were told.
#[derive(Default)]
pub struct Told {
    /// Asynchronous calls that were accepted, and the word that each appends.
    pub accepted: Mutex<BTreeMap<u64, String>>,
    /// Words that calls have appended which were answered as successful.
    pub appended: Mutex<Vec<String>>,
    /// Times that a counter was raised under a lock, and that was answered.
    pub counted: AtomicU64,
    /// The latest version of the code whose upload was answered.
    pub version: AtomicU64,
    pub versions_seen: AtomicU64,
    pub chained: AtomicU64,
    pub refused: AtomicU64,
    pub faults: AtomicU64,
}

/// Where a server is.
#[derive(Clone)]
pub struct Address {
    invoke: String,
    http: reqwest::Client,
}

/// An answer, if there was one.
pub type Answer = Option<(u16, String)>;

impl World {
    pub async fn start() -> Self {
        let redis = Redis::start();
        let upload = Cluster::builder(&redis)
            .args(["--role", "upload"])
            .start()
            .await;
        upload.put("demo/f", guest::code()).await;
        guest::set(&upload, "demo/number", vec![0; 4]).await;
        let world = Self {
            redis: RwLock::new(redis),
            upload,
            workers: [const { RwLock::const_new(None) }; WORKERS],
            dirs: (0..WORKERS).map(|_| tempfile::tempdir().unwrap()).collect(),
            told: Told::default(),
        };
        for number in 0..WORKERS {
            world.start_worker(number).await;
        }
        world
    }

    /// Starts a worker that does not run.
    pub async fn start_worker(&self, number: usize) {
        let options = [
            "--max-running",
            "16",
            "--max-time",
            "20s",
            "--max-attempts",
            "1000",
        ];
        let builder = Cluster::builder(&*self.redis.read().await)
            .args(["--role", "worker", "--storage", &self.upload.upload])
            .args(options)
            .data_dir(self.dirs[number].path());
        let mut place = self.workers[number].write().await;
        *place = Some(builder.start().await);
    }

    /// Has everything go on that was stopped, and start that was killed.
    pub async fn mend(&self) {
        self.redis.read().await.signal(Signal::CONT);
        for number in 0..WORKERS {
            if let Some(worker) = &*self.workers[number].read().await {
                worker.signal(Signal::CONT);
                continue;
            }
            self.start_worker(number).await;
        }
        for worker in self.workers().await {
            super::super::until("all are ready", async || {
                matches!(worker.get("/readyz").await, Some((200, _)))
            })
            .await;
        }
    }

    /// The workers that run now.
    pub async fn workers(&self) -> Vec<Address> {
        let mut running = Vec::new();
        for place in &self.workers {
            if let Some(worker) = &*place.read().await {
                running.push(Address::of(worker));
            }
        }
        running
    }

    /// One of them.
    pub async fn worker(&self, number: usize) -> Option<Address> {
        let workers = self.workers().await;
        (!workers.is_empty()).then(|| workers[number % workers.len()].clone())
    }
}

impl Address {
    pub fn of(server: &Server) -> Self {
        Self {
            invoke: server.invoke.clone(),
            http: server.http.clone(),
        }
    }

    pub async fn request(&self, method: Method, path: &str, body: String) -> Answer {
        let url = format!("{}{path}", self.invoke);
        let answer = async {
            let answer = self
                .http
                .request(method, url)
                .body(body)
                .send()
                .await
                .ok()?;
            let status = answer.status().as_u16();
            Some((status, answer.text().await.ok()?))
        };
        // Beyond all faults something hangs.
        tokio::time::timeout(PATIENCE, answer)
            .await
            .expect("a request hangs")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, String::new()).await
    }

    /// Runs a script of `demo/f`; `None` unless it succeeded.
    pub async fn run(&self, script: String) -> Option<String> {
        let answer = self.request(Method::POST, "/invoke/demo/f", script).await;
        answer.and_then(|(status, text)| (status == 200).then_some(text))
    }

    /// The sum of a metric's samples.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.unwrap_or_default().1;
        metric(&text, name, "")
    }
}
