//! Processes that are killed, and stopped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use faasm_link::{Error, Options, Peer};

use crate::kit::{Event, KEY, Node, id_of, within};

/// How the other process is told that it is one, and which.
const CHILD: &str = "FAASM_LINK_TEST_CHILD";

/// Another process, which answers requests until it is killed.
struct Process {
    child: Child,
    peer: Peer,
}

impl Process {
    fn start(id: &str, address: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::a_process_that_answers", "--nocapture"])
            .env(CHILD, format!("{id} {address}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            line.unwrap()
                .split_once("listens on ")
                .map(|(_, address)| address.to_owned())
        });
        Self {
            child,
            peer: Peer {
                id: id_of(id),
                address: address.unwrap(),
            },
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test by itself: what the other process does.
#[tokio::test]
async fn a_process_that_answers() {
    let Ok(child) = std::env::var(CHILD) else {
        return;
    };
    let (id, address) = child.split_once(' ').unwrap();
    let node = Node::with(id, address, KEY, Options::default()).await;
    println!("\nlistens on {}", node.peer.address);
    std::future::pending::<()>().await;
}

async fn loses_it(signal: &str) {
    let a = Node::new("a").await;
    let other = Process::start("b", "127.0.0.1:0");
    let echo = Bytes::from_static(b"hello");
    assert_eq!(
        within(a.links.request(&other.peer, echo.clone())).await,
        Ok(echo.clone())
    );

    let held = a.links.request(&other.peer, Bytes::from_static(b"hold"));
    let kill = async { other.signal(signal) };
    let (answer, ()) = within(futures::future::join(held, kill)).await;
    assert!(matches!(answer, Err(Error::Lost { .. })), "{answer:?}");
    assert_eq!(a.sees().await, Event::Lost(other.peer.id.clone()));

    let address = other.peer.address.clone();
    drop(other);
    let again = Process::start("b-again", &address);
    assert_eq!(
        within(a.links.request(&again.peer, echo.clone())).await,
        Ok(echo)
    );
}

#[tokio::test]
async fn a_process_that_is_killed_is_lost_and_may_come_back() {
    loses_it("-KILL").await;
}

#[tokio::test]
async fn a_process_that_is_stopped_is_lost_too() {
    loses_it("-STOP").await;
}
