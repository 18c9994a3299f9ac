//! The bare limits: what the same work costs without wasm, server and state.

use std::fs::File;
use std::os::fd::AsFd;

use redb::{Database, TableDefinition};
use rustix::mm::{MapFlags, ProtFlags};

use crate::stats::Latencies;

/// A memory file.
pub struct Native {
    file: File,
    size: usize,
}

impl Native {
    pub fn new(size: u64) -> anyhow::Result<Self> {
        let file = rustix::fs::memfd_create("bench", rustix::fs::MemfdFlags::CLOEXEC)?;
        let file = File::from(file);
        file.set_len(size)?;
        Ok(Self {
            file,
            size: usize::try_from(size)?,
        })
    }

    /// Maps the file and runs `work` on its bytes.
    fn mapped<T>(&self, work: impl FnOnce(&mut [u8]) -> T) -> anyhow::Result<T> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping of a file that nobody else has, unmapped after its only
        // reference has gone.
        unsafe {
            let start = rustix::mm::mmap(
                std::ptr::null_mut(),
                self.size,
                access,
                MapFlags::SHARED,
                self.file.as_fd(),
                0,
            )?;
            let result = work(std::slice::from_raw_parts_mut(start.cast(), self.size));
            rustix::mm::munmap(start, self.size)?;
            Ok(result)
        }
    }

    /// Mapping and unmapping it, in microseconds.
    pub fn map_us(&self, rounds: usize) -> anyhow::Result<f64> {
        let mut latencies = Latencies::default();
        for _ in 0..rounds {
            latencies.time(|| self.mapped(|_| ()))?;
        }
        Ok(latencies.us(0.5))
    }

    /// The first store into a page of a fresh mapping of a file that has the page.
    pub fn fault_us(&self, rounds: usize) -> anyhow::Result<f64> {
        let mut latencies = Latencies::default();
        for _ in 0..rounds {
            self.mapped(|bytes| {
                for chunk in bytes.chunks_mut(61_440) {
                    latencies.time(|| chunk[0] = chunk[0].wrapping_add(1));
                }
            })?;
        }
        Ok(latencies.us(0.5))
    }

    /// Adding all of its words once it is in memory.
    pub fn sum_us(&self, rounds: usize) -> anyhow::Result<f64> {
        let mut latencies = Latencies::default();
        self.mapped(|bytes| {
            bytes.fill(1);
            for _ in 0..rounds {
                std::hint::black_box(latencies.time(|| sum(bytes)));
            }
        })?;
        Ok(latencies.us(0.5))
    }
}

fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    words.fold(0, u64::wrapping_add)
}

/// A durable commit of one chunk of 60 KiB to a redb file of its own, in microseconds.
pub fn commit_us(rounds: u64) -> anyhow::Result<f64> {
    const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("chunks");
    let dir = tempfile::tempdir()?;
    let database = Database::create(dir.path().join("bare.redb"))?;
    let mut latencies = Latencies::default();
    for round in 0..rounds {
        let commit = || -> anyhow::Result<()> {
            let write = database.begin_write()?;
            write
                .open_table(TABLE)?
                .insert(round % 8, &[7; 61_440][..])?;
            Ok(write.commit()?)
        };
        latencies.time(commit)?;
    }
    Ok(latencies.us(0.5))
}
