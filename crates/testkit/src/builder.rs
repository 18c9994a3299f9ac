//! How a server is started.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::network::{Host, in_namespace};
use crate::server::{Server, client};

/// How a server is started.
#[derive(Debug, Default)]
pub struct Builder {
    args: Vec<String>,
    env: Vec<(String, String)>,
    data_dir: Option<PathBuf>,
    python: bool,
    /// The network namespace that it runs in.
    namespace: Option<String>,
}

/// The `faasm` that cargo built beside the running test or benchmark.
#[must_use]
pub fn binary() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let mut dirs = exe.ancestors().skip(1).take(3);
    let found = dirs.find_map(|dir| Some(dir.join("faasm")).filter(|path| path.is_file()));
    found.expect("`faasm` is not built: run `cargo build --release` first")
}

impl Builder {
    /// Adds options of `faasm serve`.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the server's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Uses this data directory, which outlives the server.
    #[must_use]
    pub fn data_dir(mut self, dir: &Path) -> Self {
        self.data_dir = Some(dir.to_owned());
        self
    }

    /// Lets the server find Python's runtime. Tests that do without start sooner, and with
    /// nothing held of the memory budget.
    #[must_use]
    pub fn python(mut self) -> Self {
        self.python = true;
        self
    }

    /// Has it run on a machine of a network.
    #[must_use]
    pub fn on(mut self, host: &Host) -> Self {
        let outside = format!("{}:0", host.control);
        self.namespace = host.namespace().map(str::to_owned);
        let listening = ["--upload-addr", &outside, "--invoke-addr", &outside];
        let others = ["--link-addr", &host.link.to_string()];
        let builder = self.args(listening).args(others).exposed();
        match host.detour() {
            Some(detour) => builder.args(["--advertise", &detour.to_string()]),
            None => builder,
        }
    }

    /// Lets it listen on addresses that are not the loopback's.
    pub(crate) fn exposed(self) -> Self {
        self.args(["--insecure-no-auth"])
    }

    /// The command that starts the server, for tests that expect it to fail.
    #[must_use]
    pub fn command(&self, default_data_dir: &Path) -> Command {
        let mut command = in_namespace(self.namespace.as_deref(), binary());
        command.args(["serve", "--format", "json"]);
        for option in ["--upload-addr", "--invoke-addr"] {
            if !self.args.iter().any(|arg| arg == option) {
                command.args([option, "127.0.0.1:0"]);
            }
        }
        command
            .arg("--data-dir")
            .arg(self.data_dir.as_deref().unwrap_or(default_data_dir));
        let in_cluster = self.env.iter().any(|(name, _)| name == "FAASM_REDIS");
        if in_cluster && !self.args.iter().any(|arg| arg == "--link-addr") {
            command.args(["--link-addr", "127.0.0.1:0"]);
        }
        // Reserving less address space starts faster; tests that need more say so.
        if !self.args.iter().any(|arg| arg == "--max-faaslets") {
            command.args(["--max-faaslets", "1024"]);
        }
        if !self.python {
            command.args(["--python", "none"]);
        }
        command.args(&self.args);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Why a server does not start, with a data directory of its own unless it has one.
    pub async fn refusal(&self) -> String {
        let dir = tempfile::tempdir().unwrap();
        let mut command = self.command(&dir.path().join("data"));
        // What it is to reach may be served by this runtime.
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
        let ended = ended.await.unwrap();
        assert!(!ended.status.success());
        String::from_utf8(ended.stderr).unwrap()
    }

    /// Starts the server and waits until it listens.
    pub async fn start(self) -> Server {
        let own = tempfile::tempdir().unwrap();
        let data_dir = self
            .data_dir
            .clone()
            .unwrap_or_else(|| own.path().join("data"));
        let logs = own.path().join("stderr");
        let mut command = self.command(&data_dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(std::fs::File::create(&logs).unwrap());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            line
        });
        let line = line.await.unwrap();
        let Ok(listening) = serde_json::from_str::<Value>(&line) else {
            let _ = child.kill();
            panic!(
                "no server: {line}{}",
                std::fs::read_to_string(&logs).unwrap()
            );
        };
        let url = |field: &str| match listening[field].as_str() {
            Some(addr) => format!("http://{addr}"),
            None => String::new(),
        };
        Server {
            upload: url("upload"),
            invoke: url("invoke"),
            http: client(),
            child,
            data_dir,
            logs,
            own,
        }
    }
}
