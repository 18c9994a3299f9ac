//! A disk without space left.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use faasm_testkit::{Answer, Server, c, wat_noop};
use reqwest::Method;

/// Sleeps a second, and puts out a tenth of a megabyte.
const SLOW: &str = r#"
    #include <unistd.h>
    #include "faasm/faasm.h"
    int main(void) {
        static char output[100000];
        sleep(1);
        faasmSetOutput(output, sizeof output);
        return 0;
    }"#;

/// A disk of 64 MiB, gone when dropped.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, with a word about it, where this process may not mount one.
    pub(crate) fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "faasm-test"])
            .arg(dir.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(dir)),
            failed => {
                // Past what the test harness hides of tests that pass.
                let _ = writeln!(
                    std::io::stderr(),
                    "full_disk: skipped, a tmpfs cannot be mounted here (run as root): {failed:?}"
                );
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all space that is left; removing the file gives it back.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.path().join("ballast");
        let mut file = File::create(&path).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![b'x'; size];
            while file.write_all(&block).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn is_full(answer: &Answer) {
    let text = answer.text();
    assert_eq!(answer.status, 507, "{text}");
    assert!(text.contains("space") || text.contains("full"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn a_full_disk_refuses_what_must_be_kept_and_nothing_else_and_recovers_by_itself() {
    let Some(disk) = Disk::mount() else { return };
    let data = disk.path().join("data");
    let mut server = Server::builder().data_dir(&data).start().await;
    server.put("demo/noop", wat_noop()).await;
    server.put("demo/slow", c(SLOW)).await;
    let before = server.submit("demo/noop", "").await;
    assert_eq!(server.wait(before).await, "SUCCESS: ");
    let pending = server.submit("demo/slow", "").await;

    let ballast = disk.fill();
    // Nothing of a refused upload is there, be it small, large, new or a new version.
    let large = format!("{} ;; {}", wat_noop(), "x".repeat(3 << 20));
    for (name, code) in [
        ("demo/new", wat_noop()),
        ("demo/new", &large),
        ("demo/noop", &large),
    ] {
        is_full(&server.try_put(name, code.to_owned()).await);
    }
    let url = |name: &str| format!("{}/f/{name}", server.upload);
    let _ = server
        .request(Method::GET, &url("demo/new"), "")
        .await
        .expect(404);
    let kept = server
        .request(Method::GET, &url("demo/noop"), "")
        .await
        .expect(200);
    assert_eq!(kept.text(), wat_noop());
    // A call that has to be kept is refused; one that has not, runs.
    let submit = format!("{}/invoke/demo/noop?async=true", server.invoke);
    is_full(&server.request(Method::POST, &submit, "").await);
    for _ in 0..10 {
        let _ = server.call("demo/noop", "").await.expect(200);
    }
    let _ = server.call("demo/slow", "").await.expect(200);
    let _ = server.get("/healthz").await.expect(200);
    // What is known stays known.
    assert_eq!(server.wait(before).await, "SUCCESS: ");

    std::fs::remove_file(&ballast).unwrap();
    server.put("demo/new", wat_noop()).await;
    let _ = server.call("demo/new", "").await.expect(200);
    let after = server.submit("demo/new", "").await;
    assert_eq!(server.wait(after).await, "SUCCESS: ");
    // Accepted before the disk was full, ended while it was.
    let result = server.wait(pending).await;
    assert_eq!(result.len(), "SUCCESS: ".len() + 100_000);

    server.kill();
    let server = Server::builder().data_dir(&data).start().await;
    for id in [before, after] {
        assert_eq!(server.wait(id).await, "SUCCESS: ");
    }
    assert_eq!(server.wait(pending).await, result);
    let kept = server
        .request(Method::GET, &format!("{}/f/demo/noop", server.upload), "")
        .await;
    assert_eq!(kept.expect(200).text(), wat_noop());
}

#[tokio::test]
async fn results_that_fill_the_disk_are_all_kept_and_new_calls_are_refused_in_time() {
    let Some(disk) = Disk::mount() else { return };
    let data = disk.path().join("data");
    let mut server = Server::builder().data_dir(&data).start().await;
    let output = r#"
        #include "faasm/faasm.h"
        int main(void) {
            static char output[2000000];
            faasmSetOutput(output, sizeof output);
            return 0;
        }"#;
    server.put("demo/output", c(output)).await;
    let mut accepted = Vec::new();
    let url = format!("{}/invoke/demo/output?async=true", server.invoke);
    let refused = loop {
        let answer = server.request(Method::POST, &url, "").await;
        if answer.status != 202 {
            break answer;
        }
        let id: u64 = answer.text().parse().unwrap();
        // One at a time: what is accepted has its room while it runs.
        if accepted.len() < 12 {
            assert_eq!(server.wait(id).await.len(), "SUCCESS: ".len() + 2_000_000);
        }
        accepted.push(id);
        assert!(accepted.len() < 200, "the disk never fills");
    };
    is_full(&refused);
    let _ = server.call("demo/output", "").await.expect(200);
    server.kill();
    let remount = Command::new("mount")
        .args(["-o", "remount,size=640m"])
        .arg(disk.path())
        .status();
    assert!(remount.unwrap().success());
    let server = Server::builder().data_dir(&data).start().await;
    for id in accepted {
        assert_eq!(server.wait(id).await.len(), "SUCCESS: ".len() + 2_000_000);
    }
}
