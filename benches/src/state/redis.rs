//! The peer: a Redis server of our own on the loopback, and the least client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

/// A running `redis-server` without persistence; killed when dropped.
pub struct Redis {
    process: Child,
    pub port: u16,
    _dir: tempfile::TempDir,
}

/// A connection that waits for each answer.
pub struct Client {
    stream: BufReader<TcpStream>,
    /// Bytes sent and received.
    pub moved: u64,
}

impl Redis {
    pub fn start() -> anyhow::Result<Self> {
        // Free a moment ago; nobody else starts servers during a benchmark.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let dir = tempfile::tempdir()?;
        let process = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .args(["--bind", "127.0.0.1", "--dir"])
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start redis-server (scripts/install-deps --bench installs it)")?;
        let redis = Self {
            process,
            port,
            _dir: dir,
        };
        for _ in 0..100 {
            if redis
                .client()
                .and_then(|mut c| c.command(&[b"PING"]))
                .is_ok()
            {
                return Ok(redis);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("redis-server does not answer")
    }

    pub fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.port)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Client {
    pub fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            moved: 0,
        })
    }

    /// Sends a command; the answer's bytes, empty where it has none.
    pub fn command(&mut self, words: &[&[u8]]) -> anyhow::Result<Vec<u8>> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request)?;
        self.moved += request.len() as u64;
        let mut line = String::new();
        self.moved += self.stream.read_line(&mut line)? as u64;
        let rest = line.get(1..).unwrap_or_default().trim_end();
        match line.as_bytes().first() {
            Some(b'+' | b':') => Ok(rest.as_bytes().to_vec()),
            Some(b'$') if rest == "-1" => Ok(Vec::new()),
            Some(b'$') => {
                let mut bytes = vec![0; rest.parse::<usize>()? + 2];
                self.stream.read_exact(&mut bytes)?;
                self.moved += bytes.len() as u64;
                bytes.truncate(bytes.len() - 2);
                Ok(bytes)
            }
            _ => bail!("redis answered {line:?}"),
        }
    }
}
