//! A worker's state, and guests that map it.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use faasm_budget::MemoryBudget;
use faasm_model::{CallId, FunctionName, Key, Name, StateKey};
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier, GlobalTier};
use faasm_state::{Options, Party, Session, State, View};
use tempfile::TempDir;

pub const CHUNK: u64 = faasm_state::tier::CHUNK_BYTES;

pub struct Worker {
    pub state: State,
    pub tier: Arc<EmbeddedTier>,
    pub budget: MemoryBudget,
    _dir: TempDir,
}

pub fn worker() -> Worker {
    worker_with(1 << 30, Options::default())
}

pub fn worker_with(budget: u64, options: Options) -> Worker {
    let dir = tempfile::tempdir().unwrap();
    let tier = EmbeddedTier::open(dir.path(), EmbeddedOptions::default()).unwrap();
    let tier = Arc::new(tier);
    let budget = MemoryBudget::new(budget);
    let global: Arc<dyn GlobalTier> = tier.clone();
    Worker {
        state: State::new(global, &budget, options).unwrap(),
        tier,
        budget,
        _dir: dir,
    }
}

impl Worker {
    /// A call of the user `demo`.
    pub fn call(&self) -> Session {
        self.call_of("demo", 1)
    }

    pub fn call_of(&self, user: &str, id: u64) -> Session {
        self.state.session(Party {
            call: CallId::new(id).unwrap(),
            function: FunctionName::new(user, "f").unwrap(),
        })
    }

    /// What the global tier has; `None` if nothing.
    pub async fn global(&self, name: &str) -> Option<Vec<u8>> {
        let opened = self.tier.open(&state_key(name)).await.unwrap();
        let (meta, _pin) = opened?;
        let mut value = Vec::new();
        while (value.len() as u64) < meta.size {
            let offset = value.len() as u64;
            let length = (meta.size - offset).min(1 << 20);
            let piece = self.tier.read(meta.generation, offset, length).await;
            value.extend_from_slice(&piece.unwrap());
        }
        Some(value)
    }
}

pub fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

pub fn state_key(name: &str) -> StateKey {
    StateKey {
        user: Name::new("demo").unwrap(),
        key: key(name),
    }
}

/// A part of a value as a guest has it mapped.
pub struct Mapped {
    pub view: View,
    /// Where the part begins in the view.
    start: u64,
    readable: Vec<bool>,
}

impl Mapped {
    pub async fn new(call: &Session, name: &str, total: u64, range: std::ops::Range<u64>) -> Self {
        let length = range.end - range.start;
        let part = call.part(&key(name), total, range.start, length).await;
        let part = part.unwrap();
        let view = call.map(&part).unwrap();
        let pages = (view.length() / 4096) as usize;
        Self {
            start: part.position_in(&view).unwrap(),
            readable: vec![view.begins_readable(); pages],
            view,
        }
    }

    /// Opens the bytes as faults of a guest would.
    fn open(&mut self, at: u64, length: u64, writable: bool) {
        let range = self.start + at..self.start + at + length;
        while let Some(at) = self.view.first_closed(range.clone(), writable) {
            let opened = self.view.fault(at).unwrap();
            assert!(opened.offset <= at && at < opened.offset + opened.length);
            assert_eq!((opened.offset % 4096, opened.length % 4096), (0, 0));
            let pages = opened.offset / 4096..(opened.offset + opened.length) / 4096;
            self.readable[pages.start as usize..pages.end as usize].fill(true);
        }
    }

    pub fn store(&mut self, at: u64, bytes: &[u8]) {
        self.open(at, bytes.len() as u64, true);
        let offset = self.view.offset() + self.start + at;
        assert_eq!(
            rustix::io::pwrite(self.fd(), bytes, offset),
            Ok(bytes.len())
        );
    }

    pub fn load(&mut self, at: u64, length: usize) -> Vec<u8> {
        self.open(at, length as u64, false);
        let mut bytes = vec![0; length];
        let offset = self.view.offset() + self.start + at;
        assert_eq!(rustix::io::pread(self.fd(), &mut bytes, offset), Ok(length));
        bytes
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.view.fd()
    }
}

/// Ends a call with success: what it wrote is pushed.
pub async fn succeed(call: Session, mapped: impl IntoIterator<Item = Mapped>) {
    for mut mapped in mapped {
        call.close(&mut mapped.view);
    }
    call.finish().await.unwrap();
}
