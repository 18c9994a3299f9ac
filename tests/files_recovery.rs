//! Shared files that were acknowledged survive `kill -9` and a full disk.

use faasm_testkit::{Builder, Server};
use futures::future::join_all;
use reqwest::Client;

use crate::files::guest::{got, put, run, start};
use crate::full_disk::Disk;
use crate::versions::{Times, letter};

/// Ways in which a client writes version after version of a file of its own.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Over HTTP, streamed.
    Put,
    /// By a function that closes it.
    Closed,
    /// By a function that ends.
    Ended,
    /// By a function that renames another file to it.
    Renamed,
}

const WAYS: [Way; 4] = [Way::Put, Way::Closed, Way::Ended, Way::Renamed];

/// What one client wrote in one round, each version being letters of a number of its own.
struct Written {
    way: Way,
    path: String,
    /// Versions that are known to be durable; the next one may be.
    acknowledged: usize,
}

fn content(version: usize) -> String {
    let length = 1 + version * 7919 % 400_000;
    letter(version).to_string().repeat(length)
}

impl Written {
    /// Writes until the server is gone.
    async fn go_on(way: Way, path: String, http: Client, urls: [String; 2]) -> Self {
        let mut written = Self {
            way,
            path,
            acknowledged: 0,
        };
        while written.write(&http, &urls).await.is_some() {
            written.acknowledged += 1;
        }
        written
    }

    /// Writes the next version; `None` if it is not known to be there.
    async fn write(&self, http: &Client, [upload, invoke]: &[String; 2]) -> Option<()> {
        let content = content(self.acknowledged + 1);
        let path = &self.path;
        let script = match self.way {
            Way::Put => {
                let put = http.put(format!("{upload}/file/{path}")).body(content);
                assert_eq!(put.send().await.ok()?.status(), 200);
                return Some(());
            }
            Way::Closed => format!("put faasm://{path} w {content}"),
            Way::Ended => format!("open 1 faasm://{path} w; write 1 {content}"),
            Way::Renamed => {
                format!("put faasm://{path}.new w {content}; mv faasm://{path}.new faasm://{path}")
            }
        };
        let url = format!("{invoke}/invoke/demo/f");
        let answer = http.post(url).body(script).send().await.ok()?;
        let (status, text) = (answer.status(), answer.text().await.ok()?);
        assert_eq!(status, 200, "{text}");
        assert!(text.lines().all(|line| line == "ok"), "{text}");
        Some(())
    }

    /// Fails unless the last acknowledged version is there, or the one after it, whole.
    async fn check(&self, server: &Server) {
        let Self {
            way,
            path,
            acknowledged,
        } = self;
        let there = got(server, path).await;
        let is = |version: usize| match version {
            0 => there.is_none(),
            version => there.as_ref() == Some(&content(version)),
        };
        let known = is(*acknowledged) || is(acknowledged + 1);
        assert!(
            known,
            "{way:?} {path}: not version {acknowledged} or the next"
        );
        // A rename that was cut short may leave both names, each with a whole file.
        if let (Way::Renamed, Some(rest)) = (way, got(server, &format!("{path}.new")).await) {
            assert_eq!(rest, content(acknowledged + 1));
        }
    }
}

#[tokio::test]
async fn every_acknowledged_file_is_there_after_any_kill() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = if crate::is_long() { 100 } else { 3 };
    let times = Times::new();
    let builder = || Server::builder().data_dir(dir.path());
    let mut all: Vec<Written> = Vec::new();
    for round in 0..rounds {
        let mut server = start(builder()).await;
        for written in all.iter().rev().take(WAYS.len()) {
            written.check(&server).await;
        }
        let urls = [server.upload.clone(), server.invoke.clone()];
        let clients = WAYS.map(|way| {
            let path = format!("{way:?}-{round}");
            Written::go_on(way, path, server.http.clone(), urls.clone())
        });
        let clients = tokio::spawn(join_all(clients));
        times.wait(round).await;
        server.kill();
        all.extend(clients.await.unwrap());
    }
    let server = start(builder()).await;
    for written in &all {
        written.check(&server).await;
    }
    let acknowledged: usize = all.iter().map(|written| written.acknowledged).sum();
    assert!(acknowledged > 0, "nothing was ever acknowledged");
    // What was received, and what nobody refers to, is gone.
    let spool = std::fs::read_dir(server.data_dir().join("spool")).unwrap();
    assert_eq!(spool.count(), 0);
}

fn on(disk: &Disk) -> Builder {
    Server::builder().data_dir(&disk.path().join("data"))
}

#[tokio::test]
async fn a_full_disk_refuses_new_files_keeps_the_old_ones_and_is_left_behind() {
    let Some(disk) = Disk::mount() else { return };
    let mut server = start(on(&disk)).await;
    put(&server, "x", "old").await;
    let ballast = disk.fill();
    // At once, or when what was written is stored; scratch files that fit in memory go on.
    let script = "open 1 faasm://x w; fill 1 3000000; close 1; cat faasm://x; mkdir faasm://d; \
                  mv faasm://x faasm://y; open 1 own w; fill 1 3000000; stat own";
    let seen = run(&server, script).await;
    assert_eq!(
        seen,
        "ok\nok\nENOSPC\nold\nENOSPC\nENOSPC\nok\nok\nfile 3000000\n"
    );
    let script = "open 1 own w; fill 1 40000000; stat own";
    let seen = run(&server, script).await;
    assert!(seen.starts_with("ok\nENOSPC\nfile "), "{seen}");
    let large = server.stored(reqwest::Method::PUT, "/file/x", vec![b'x'; 3_000_000]);
    let refused = large.await.expect(507).text();
    assert!(refused.contains("space"), "{refused}");
    assert_eq!(got(&server, "x").await.unwrap(), "old");

    std::fs::remove_file(&ballast).unwrap();
    let script = "put faasm://x w new; mkdir faasm://d; mv faasm://x faasm://d/y";
    assert_eq!(run(&server, script).await, "ok\nok\nok\n");
    server.kill();
    let server = start(on(&disk)).await;
    assert_eq!(run(&server, "cat d/y; ls faasm://").await, "new\nd\n");
}
