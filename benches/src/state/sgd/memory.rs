//! The most memory that processes have together while they work.
//!
//! Counted are their private pages, their share of the files that they map, and the whole
//! of their memory files, once each, mapped or not: a page that many Faaslets map is one
//! page.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Measure;

const INTERVAL: Duration = Duration::from_millis(20);

/// Looks at processes until it is asked for what it saw.
pub struct Sampler {
    stop: Sender<()>,
    thread: JoinHandle<u64>,
}

impl Sampler {
    /// Only where memory is what is measured.
    pub fn start_for(measure: Measure, pids: impl IntoIterator<Item = u32>) -> Option<Self> {
        (measure == Measure::Memory).then(|| Self::start(pids.into_iter().collect()))
    }

    fn start(pids: Vec<u32>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let sample = move || {
            let mut peak = 0;
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                peak = peak.max(pids.iter().map(|&pid| memory(pid)).sum());
            }
            peak
        };
        Self {
            stop,
            thread: std::thread::spawn(sample),
        }
    }

    /// The most bytes there were at a time.
    pub fn peak(self) -> u64 {
        drop(self.stop);
        self.thread.join().unwrap_or(0)
    }
}

/// Nothing, where a process has ended.
fn memory(pid: u32) -> u64 {
    let dir = format!("/proc/{pid}");
    let rollup = std::fs::read_to_string(format!("{dir}/smaps_rollup")).unwrap_or_default();
    let kib = |field| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(field));
        let number = line.map(|rest: &str| rest.trim().trim_end_matches(" kB"));
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let mapped: u64 = kib("Pss_Anon:") + kib("Pss_File:");
    (mapped << 10) + memory_files(Path::new(&dir).join("fd").as_path())
}

fn memory_files(fds: &Path) -> u64 {
    let open = std::fs::read_dir(fds).into_iter().flatten().flatten();
    let memory = open.map(|fd| fd.path()).filter(|fd| {
        std::fs::read_link(fd).is_ok_and(|file| file.to_string_lossy().starts_with("/memfd:"))
    });
    let sizes = memory.filter_map(|fd| {
        let file = std::fs::metadata(fd).ok()?;
        Some((file.ino(), file.blocks() * 512))
    });
    sizes.collect::<HashMap<_, _>>().into_values().sum()
}
