//! Load from a process of its own, `wrk`, and on processes of their own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use crate::tools;

/// What `wrk` measured.
pub struct Load {
    /// Requests a second.
    pub rate: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// Empty if there were none.
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
    let output = Command::new(tools::WRK.find()?)
        .args(["-t2", "-c64", "--latency", "-s"])
        .arg(&script)
        .arg(format!("-d{}s", seconds.ceil()))
        .arg(url)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    parse(&text).with_context(|| format!("wrk said: {text}"))
}

fn parse(text: &str) -> Option<Load> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(str::trim)
    };
    let errors = text
        .lines()
        .filter(|line| line.contains("errors") || line.contains("Non-2xx"));
    Some(Load {
        rate: field("Requests/sec:")?.parse().ok()?,
        p50_us: microseconds(field("50%")?)?,
        p99_us: microseconds(field("99%")?)?,
        errors: errors.map(str::trim).collect::<Vec<_>>().join(" "),
    })
}

fn microseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let scale = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

/// A process that ends with this value.
pub struct Process(Child);

impl Process {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Starts this program as one of its peers and reads the line it prints.
    pub fn start_self(args: &[&str]) -> anyhow::Result<(Self, String)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(args).stdout(Stdio::piped());
        let mut process = Self(command.spawn()?);
        let line = first_line(process.0.stdout.take())?;
        Ok((process, line))
    }

    /// Starts a program and reads the line it writes to its standard error.
    pub fn start_noting(mut command: Command) -> anyhow::Result<(Self, String)> {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Self(command.spawn()?);
        let line = first_line(process.0.stderr.take())?;
        Ok((process, line))
    }
}

/// What comes later is read, too, so that the process does not wait for a reader.
fn first_line(output: Option<impl Read + Send + 'static>) -> anyhow::Result<String> {
    let mut output = BufReader::new(output.context("it has no output")?);
    let mut line = String::new();
    output.read_line(&mut line)?;
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    Ok(line.trim().to_owned())
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_understood() {
        let text = "Running 5s test @ http://127.0.0.1:1/\n  2 threads and 64 connections\n  \
            Latency Distribution\n     50%  850.00us\n     75%    1.40ms\n     99%    1.02s \n  \
            123 requests in 5.00s, 1.00MB read\n  Non-2xx or 3xx responses: 7\n\
            Requests/sec:  24.60\nTransfer/sec:  0.20MB\n";
        let load = parse(text).expect("a load");
        assert_eq!((load.rate, load.p50_us, load.p99_us), (24.6, 850.0, 1.02e6));
        assert_eq!(load.errors, "Non-2xx or 3xx responses: 7");
        assert!(parse("unable to connect").is_none());
    }
}
