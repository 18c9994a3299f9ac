//! What several tests need.
#![allow(dead_code, reason = "no test needs all of it")]

use std::time::Duration;

use faasm_cluster::{Redis, RedisOptions};
use faasm_testkit::Redis as Server;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long something may take that is bound to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection of its own, as another worker has it.
pub async fn connect(url: &str) -> Redis {
    let options = RedisOptions {
        timeout: Duration::from_secs(20),
        ..RedisOptions::new(url)
    };
    Redis::connect(&options).await.unwrap()
}

/// A worker's connection to the server.
pub async fn worker(server: &Server) -> Redis {
    connect(&server.url()).await
}

/// Changes what the server holds.
pub fn tell(server: &Server, words: &[&str]) {
    let answer = server.cli(words);
    assert!(!answer.contains("ERR"), "{words:?}: {answer}");
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let all = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, all).await;
    assert!(ended.is_ok(), "not so for {PATIENCE:?}: {what}");
}

/// A way to a server that can be cut.
pub struct Wire {
    port: u16,
    is_whole: watch::Sender<bool>,
}

impl Wire {
    pub async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_whole, whole) = watch::channel(true);
        let behind = server.port();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, behind, whole.clone()));
            }
        });
        Self { port, is_whole }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn cut(&self) {
        self.is_whole.send_replace(false);
    }

    pub fn mend(&self) {
        self.is_whole.send_replace(true);
    }
}

async fn carry(mut near: TcpStream, behind: u16, mut whole: watch::Receiver<bool>) {
    if !*whole.borrow() {
        return;
    }
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", behind)).await else {
        return;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}
