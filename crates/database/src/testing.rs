//! What tests of durable things need: disks that fill up, and processes that are killed.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A file system of a few megabytes, gone when dropped.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where mounting is not allowed, which takes root.
    pub fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().ok()?;
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(dir.path())
            .output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self(dir));
        }
        eprintln!("skipped: mounting a small file system needs root");
        None
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills the disk but for `left` bytes with a file, and returns its path.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn fill(&self, left: u64) -> io::Result<PathBuf> {
        let disk = rustix::fs::statvfs(self.path())?;
        let free = disk.f_bavail * disk.f_frsize;
        let path = self.path().join("filler");
        let mut zeros = io::repeat(0).take(free.saturating_sub(left));
        io::copy(&mut zeros, &mut std::fs::File::create(&path)?)?;
        Ok(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Set for the process that is going to be killed: the directory that it writes into.
const CHILD: &str = "FAASM_KILL_TEST";

/// What begins a line that [`say`] has written.
const MARK: &str = "durable ";

/// How many processes a test kills: 100 when `FAASM_TEST_LONG` is set, and few otherwise.
pub fn kill_rounds() -> usize {
    match std::env::var_os("FAASM_TEST_LONG") {
        Some(_) => 100,
        None => 10,
    }
}

/// The directory to write into, in a process that is going to be killed.
pub fn killed_child() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Tells the killer that something is durable now. One `write`, so that a line is printed
/// whole or not at all.
///
/// # Errors
/// Those of the pipe.
pub fn say(what: std::fmt::Arguments<'_>) -> io::Result<()> {
    io::stdout().write_all(format!("{MARK}{what}\n").as_bytes())
}

/// Runs the test `name` of this test binary in a process that writes into `dir`, kills it
/// a little after its first word, and returns all that it had [said](say) by then.
///
/// # Errors
/// When the process cannot be started, or ends by itself.
pub fn kill_child(name: &str, dir: &Path) -> io::Result<Vec<String>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut lines = BufReader::new(output).lines();
    let mut said = Vec::new();
    while said.is_empty() {
        let line = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        said.extend(line.strip_prefix(MARK).map(str::to_owned));
    }
    std::thread::sleep(Duration::from_millis(RandomState::new().hash_one(()) % 150));
    child.kill()?;
    child.wait()?;
    for line in lines {
        said.extend(line?.strip_prefix(MARK).map(str::to_owned));
    }
    Ok(said)
}
