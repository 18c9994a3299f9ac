//! Load from a process of its own: `wrk`, or who else speaks HTTP.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// What `wrk` measured.
pub struct Load {
    pub requests_per_second: f64,
    pub p50: String,
    pub p99: String,
    pub errors: String,
}

/// Posts `body` to `url` over 64 connections that are kept alive.
pub fn wrk(url: &str, body: &str, seconds: f64) -> anyhow::Result<Load> {
    let dir = tempfile::tempdir()?;
    let script = dir.path().join("post.lua");
    std::fs::write(
        &script,
        format!("wrk.method = \"POST\"\nwrk.body = {body:?}\n"),
    )?;
    let output = Command::new("wrk")
        .args(["-t2", "-c64", "--latency", "-s"])
        .arg(&script)
        .arg(format!("-d{}s", seconds.ceil()))
        .arg(url)
        .output()
        .context("wrk is missing: scripts/install-deps --bench installs it")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(|rest| rest.trim().to_owned())
    };
    let rate = field("Requests/sec:").with_context(|| format!("wrk said: {text}"))?;
    let errors = text
        .lines()
        .filter(|line| line.contains("errors") || line.contains("Non-2xx"));
    Ok(Load {
        requests_per_second: rate.parse()?,
        p50: field("50%").unwrap_or_default(),
        p99: field("99%").unwrap_or_default(),
        errors: errors.collect::<Vec<_>>().join(" "),
    })
}

/// A process that ends with this value.
pub struct Peer(Child);

impl Peer {
    /// Starts this program as one of its peers and reads the line it prints.
    pub fn start(args: &[&str]) -> anyhow::Result<(Self, String)> {
        let exe = std::env::current_exe()?;
        Self::start_at(&exe, args)
    }

    fn start_at(exe: &Path, args: &[&str]) -> anyhow::Result<(Self, String)> {
        let mut child = Command::new(exe)
            .args(args)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)?;
        Ok((Self(child), line.trim().to_owned()))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
