//! The core of dirty tracking under every order of steps that a random scheduler finds:
//! nothing that a successful call stored is missing from the global tier, and nothing that
//! differs from it counts as clean.

use shuttle::sync::atomic::{AtomicU32, Ordering};
use shuttle::sync::{Arc, Mutex};
use shuttle::{check_random, thread};

use super::chunks::{Chunk, Kind};

const WORDS: usize = 3;

/// A region of one chunk, with the steps that the real one takes and in its order.
struct Model {
    chunk: Mutex<Chunk>,
    memory: [AtomicU32; WORDS],
    twin: Mutex<[u32; WORDS]>,
    global: Mutex<[u32; WORDS]>,
    pushing: Mutex<()>,
}

impl Model {
    fn new() -> Self {
        let mut chunk = Chunk::default();
        chunk.arrive(Kind::Clean);
        Self {
            chunk: Mutex::new(chunk),
            memory: std::array::from_fn(|_| AtomicU32::new(0)),
            twin: Mutex::new([0; WORDS]),
            global: Mutex::new([0; WORDS]),
            pushing: Mutex::new(()),
        }
    }

    fn bytes(&self) -> [u32; WORDS] {
        std::array::from_fn(|word| self.memory[word].load(Ordering::SeqCst))
    }

    /// The first store of a mapping faults.
    fn fault(&self) {
        let mut chunk = self.chunk.lock().unwrap();
        if chunk.kind == Kind::Clean {
            *self.twin.lock().unwrap() = self.bytes();
        }
        chunk.change(Kind::Tracked);
        chunk.open();
    }

    fn push(&self) {
        let _pushing = self.pushing.lock().unwrap();
        let ticket = {
            let chunk = self.chunk.lock().unwrap();
            if !chunk.may_differ() {
                return;
            }
            chunk.ticket()
        };
        let bytes = self.bytes();
        let twin = *self.twin.lock().unwrap();
        for word in (0..WORDS).filter(|&word| bytes[word] != twin[word]) {
            self.global.lock().unwrap()[word] = bytes[word];
        }
        let mut chunk = self.chunk.lock().unwrap();
        match chunk.stands_still(ticket) {
            true => chunk.kind = Kind::Clean,
            false => *self.twin.lock().unwrap() = bytes,
        }
    }

    /// A call that maps the value and stores to a word of its own, twice.
    fn call(&self, word: usize, succeeds: bool) {
        self.fault();
        self.memory[word].store(1, Ordering::SeqCst);
        if succeeds {
            self.push();
        }
        self.memory[word].store(2, Ordering::SeqCst);
        self.chunk.lock().unwrap().close();
        if succeeds {
            self.push();
            assert_eq!(self.global.lock().unwrap()[word], 2);
        }
    }
}

#[test]
fn no_order_of_steps_loses_a_store() {
    let orders = || {
        let model = Arc::new(Model::new());
        let calls = [(0, true), (1, true), (2, false)].map(|(word, succeeds)| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.call(word, succeeds))
        });
        for call in calls {
            call.join().unwrap();
        }
        let is_clean = !model.chunk.lock().unwrap().may_differ();
        let global = *model.global.lock().unwrap();
        assert!(!is_clean || model.bytes() == global);
        model.push();
        assert_eq!(*model.global.lock().unwrap(), model.bytes());
    };
    check_random(orders, 20_000);
}
