//! A Redis server.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A running `redis-server` on a free port of this machine and on a socket in its own
/// directory, killed when dropped. It keeps every write at once (`appendonly`), so that
/// one that was killed can be [started again](Self::restart).
#[derive(Debug)]
pub struct Redis {
    child: Child,
    port: u16,
    args: Vec<String>,
    dir: TempDir,
}

impl Redis {
    /// A server with an append-only file.
    #[must_use]
    pub fn start() -> Self {
        Self::with::<&str>([])
    }

    /// A server with more settings, each written `--name value` as two.
    #[must_use]
    pub fn with<S: Into<String>>(args: impl IntoIterator<Item = S>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let args: Vec<String> = args.into_iter().map(Into::into).collect();
        // Somebody else may take the port between.
        for _ in 0..20 {
            let port = free_port(LOOPBACK);
            let mut child = spawn(dir.path(), port, &args);
            if listens(&mut child, port) {
                return Self {
                    child,
                    port,
                    args,
                    dir,
                };
            }
        }
        panic!("no Redis: {}", log(dir.path()));
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(LOOPBACK)
    }

    /// Its address for those who reach this machine by that one.
    #[must_use]
    pub fn url_at(&self, host: IpAddr) -> String {
        format!("redis://{host}:{}", self.port)
    }

    /// Its address as a socket.
    #[must_use]
    pub fn unix_url(&self) -> String {
        format!("redis+unix://{}", self.dir.path().join("socket").display())
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What `redis-cli` prints for a command; the arguments are its words.
    pub fn cli(&self, words: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port.to_string(), "--no-auth-warning"]);
        let output = cli.args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Sends a signal: `STOP` and `CONT` are a server that hangs.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it as `kill -9` does and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, with what it has kept, at the same address.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.dir.path(), self.port, &self.args);
        assert!(
            listens(&mut self.child, self.port),
            "no Redis: {}",
            log(self.dir.path())
        );
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of an address of this machine that nobody has taken.
pub(crate) fn free_port(host: IpAddr) -> u16 {
    let listener = TcpListener::bind((host, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn spawn(dir: &Path, port: u16, args: &[String]) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"));
    let log = log.unwrap();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "no"]);
    command.args(["--dir".as_ref(), dir.as_os_str()]);
    command.args(["--unixsocket".as_ref(), dir.join("socket").as_os_str()]);
    command.args(args).stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().expect("redis-server is not installed")
}

/// Waits until the server listens; whether it does.
fn listens(child: &mut Child, port: u16) -> bool {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let cli = Command::new("redis-cli")
            .args(["-p", &port.to_string(), "ping"])
            .output();
        let answer = cli.expect("redis-cli is not installed").stdout;
        // One that asks for a password is there, too.
        if answer.starts_with(b"PONG") || answer.starts_with(b"NOAUTH") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

fn log(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("log")).unwrap_or_default()
}
