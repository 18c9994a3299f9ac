//! An S3 server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

const ACCESS_KEY: &str = "faasm-test-key";
const SECRET_KEY: &str = "faasm-test-secret";

/// A running S3 server on a free port of this machine, with files in a directory of its own
/// for objects: `{bucket}/{key}`. It is in this process, on the runtime of the test.
#[derive(Debug)]
pub struct S3 {
    address: SocketAddr,
    running: Option<JoinHandle<()>>,
    is_read_only: Arc<AtomicBool>,
    dir: TempDir,
}

impl S3 {
    /// A server with one empty bucket.
    pub async fn start(bucket: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(bucket)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut this = Self {
            address: listener.local_addr().unwrap(),
            running: None,
            is_read_only: Arc::default(),
            dir,
        };
        this.serve(listener);
        this
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client needs, as environment variables.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    /// The file of an object.
    #[must_use]
    pub fn file(&self, bucket: &str, key: &str) -> PathBuf {
        self.dir.path().join(bucket).join(key)
    }

    /// Whether from now on it refuses all but reading, for want of a permission.
    pub fn set_read_only(&self, is_read_only: bool) {
        self.is_read_only.store(is_read_only, Ordering::Relaxed);
    }

    /// Goes away with all connections, in the middle of whatever they do.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    /// Comes back at the same address, with what it has.
    pub async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let files = FileSystem::new(self.dir.path()).unwrap();
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        service.set_access(Access {
            is_read_only: Arc::clone(&self.is_read_only),
        });
        self.running = Some(tokio::spawn(accept(listener, service.build())));
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

/// Who may do what.
struct Access {
    is_read_only: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let is_change = !["GET", "HEAD"].contains(&context.method().as_str());
        match context.credentials() {
            None => Err(s3_error!(AccessDenied, "who is that?")),
            Some(_) if is_change && self.is_read_only.load(Ordering::Relaxed) => {
                Err(s3_error!(AccessDenied, "this may only be read"))
            }
            Some(_) => Ok(()),
        }
    }
}

/// Serves until it is aborted, with all connections.
async fn accept(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        connections.spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
