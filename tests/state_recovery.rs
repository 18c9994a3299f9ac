//! State that was acknowledged survives `kill -9` and a full disk.

use faasm_testkit::{Builder, Server};
use futures::future::join_all;
use reqwest::Client;

use crate::full_disk::Disk;
use crate::state::guest::{fail, run, set, start, stored};
use crate::versions::{Times, letter};

/// Ways in which a client writes version after version of a value of its own.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// In place: a few bytes of a value of one size.
    Part,
    /// As a value of another size each time.
    Whole,
    /// Through a mapping, at the beginning and at the end of a value of many chunks.
    Mapped,
    /// By a chained call, which has ended when its caller has.
    Chained,
    /// By an asynchronous call, asked for until it is known to have succeeded.
    Asynchronous,
    /// As an element of a list.
    Appended,
}

const WAYS: [Way; 6] = [
    Way::Part,
    Way::Whole,
    Way::Mapped,
    Way::Chained,
    Way::Asynchronous,
    Way::Appended,
];

/// What one client wrote in one round, each version being a letter.
struct Written {
    way: Way,
    key: String,
    /// Versions that are known to be durable; the next one may be.
    acknowledged: usize,
    /// An asynchronous call that was accepted, and goes on after a restart.
    pending: Option<u64>,
}

const LARGE: usize = 300_000;

fn script(way: Way, key: &str, version: usize) -> String {
    let letter = letter(version);
    match way {
        Way::Part => format!("writeat {key} 9 3 {letter}{letter}{letter}"),
        Way::Whole | Way::Asynchronous => {
            format!("long {key} {} {letter}", 1 + version * 7919 % 150_000)
        }
        Way::Mapped => format!(
            "map 0 {key} {LARGE}; store 0 0 10 {letter}; store 0 {} 10 {letter}",
            LARGE - 10
        ),
        Way::Chained => format!("chain f writeat {key} 9 3 {letter}{letter}{letter}; await"),
        Way::Appended => format!("append {key} {letter}"),
    }
}

impl Written {
    /// Writes until the server is gone.
    async fn go_on(way: Way, key: String, http: Client, invoke: String) -> Self {
        let mut written = Self {
            way,
            key,
            acknowledged: 0,
            pending: None,
        };
        while written.write(&http, &invoke).await.is_some() {
            written.acknowledged += 1;
        }
        written
    }

    /// Writes the next version; `None` if it is not known to be there.
    async fn write(&mut self, http: &Client, invoke: &str) -> Option<()> {
        let script = script(self.way, &self.key, self.acknowledged + 1);
        let is_async = matches!(self.way, Way::Asynchronous);
        let url = format!("{invoke}/invoke/demo/f?async={is_async}");
        let answer = http.post(url).body(script).send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        match self.way {
            Way::Asynchronous => {
                assert_eq!(status, 202, "{text}");
                let id = text.parse().unwrap();
                self.pending = Some(id);
                let url = format!("{invoke}/calls/{id}?wait_ms=60000");
                let ended = http.get(url).send().await.ok()?.text().await.ok()?;
                assert_eq!(ended, "SUCCESS: ");
                self.pending = None;
            }
            Way::Chained if text != "0\n" => return None,
            _ => assert_eq!(status, 200, "{text}"),
        }
        Some(())
    }

    /// Fails unless the last acknowledged version is there, or the one after it, whole.
    async fn check(&mut self, server: &Server) {
        if let Some(id) = self.pending.take() {
            assert_eq!(server.wait(id).await, "SUCCESS: ");
            self.acknowledged += 1;
        }
        let value = match self.way {
            Way::Appended => Some(run(server, &format!("list {} 5000 5000", self.key)).await),
            _ => stored(server, &format!("demo/{}", self.key))
                .await
                .map(|value| String::from_utf8(value.to_vec()).unwrap()),
        };
        let known = [self.acknowledged, self.acknowledged + 1];
        let is_known = known.iter().any(|&version| match (&value, version) {
            (None, 0) => true,
            (Some(value), _) => self.is(version, value),
            _ => false,
        });
        let Self { way, key, .. } = self;
        assert!(is_known, "{way:?} {key}: not version {known:?}");
    }

    fn is(&self, version: usize, value: &str) -> bool {
        let letter = letter(version).to_string();
        match self.way {
            Way::Part | Way::Chained => value == format!("\0\0\0{}\0\0\0", letter.repeat(3)),
            Way::Whole | Way::Asynchronous => value == letter.repeat(1 + version * 7919 % 150_000),
            Way::Mapped => {
                let end = letter.repeat(10);
                value.len() == LARGE && value.starts_with(&end) && value.ends_with(&end)
            }
            Way::Appended => {
                let all: String = (1..=version).map(crate::versions::letter).collect();
                value.trim_end_matches(['.', '\n']) == all
            }
        }
    }
}

#[tokio::test]
async fn every_acknowledged_write_is_there_after_any_kill() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = if crate::is_long() { 100 } else { 3 };
    let times = Times::new();
    let builder = || {
        Server::builder()
            .data_dir(dir.path())
            .args(["--max-attempts", "10"])
    };
    let mut all: Vec<Written> = Vec::new();
    for round in 0..rounds {
        let mut server = start(builder()).await;
        // The newest ones now, and everything once more in the end.
        for written in all.iter_mut().rev().take(WAYS.len()) {
            written.check(&server).await;
        }
        let clients = WAYS.map(|way| {
            let key = format!("{way:?}-{round}");
            Written::go_on(way, key, server.http.clone(), server.invoke.clone())
        });
        let clients = tokio::spawn(join_all(clients));
        times.wait(round).await;
        server.kill();
        all.extend(clients.await.unwrap());
    }
    let server = start(builder()).await;
    for written in &mut all {
        written.check(&server).await;
    }
    let acknowledged: usize = all.iter().map(|written| written.acknowledged).sum();
    assert!(acknowledged > 0, "nothing was ever acknowledged");
}

fn on(disk: &Disk) -> Builder {
    Server::builder().data_dir(&disk.path().join("data"))
}

#[tokio::test]
async fn a_full_disk_fails_the_calls_that_write_state_loses_nothing_and_is_left_behind() {
    let Some(disk) = Disk::mount() else { return };
    let mut server = start(on(&disk)).await;
    set(&server, "demo/a", vec![b'a'; 1_000_000]).await;
    run(
        &server,
        "writeat a 1000000 5 b; append list one; write small 1",
    )
    .await;

    let ballast = disk.fill();
    for script in [
        "long b 3000000 b",
        "map 0 b 3000000; store 0 0 3000000 b",
        "map 0 a 1000000; store 0 0 1000000 c",
        "long b 3000000 b; push b; write small 2",
    ] {
        let (code, message) = fail(&server, script).await;
        assert_eq!(code, "state_failed", "{script}: {message}");
        assert!(
            message.contains("disk of the state is full"),
            "{script}: {message}"
        );
    }
    // What is known stays known, here and in the calls, and what changes nothing goes on.
    let value = stored(&server, "demo/a").await.unwrap();
    assert_eq!((&value[..7], value.len()), (&b"aaaaaba"[..], 1_000_000));
    assert_eq!(
        run(&server, "read small 1; list list 3 9").await,
        "1 1\none\n"
    );
    let put = server.stored(reqwest::Method::PUT, "/s/demo/c", vec![b'c'; 3_000_000]);
    let refused = put.await.expect(507).text();
    assert!(refused.contains("full"), "{refused}");

    std::fs::remove_file(&ballast).unwrap();
    run(&server, "long b 2000000 B; append list two; write small 3").await;
    server.kill();
    let server = start(on(&disk)).await;
    assert_eq!(
        run(&server, "list list 7 9; read small 1; size b").await,
        "onetwo.\n1 3\n2000000\n"
    );
    let value = stored(&server, "demo/b").await.unwrap();
    assert!(value.iter().all(|&byte| byte == b'B'));
    let value = stored(&server, "demo/a").await.unwrap();
    assert_eq!((&value[..7], value.len()), (&b"aaaaaba"[..], 1_000_000));
}
