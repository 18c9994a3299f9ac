//! Programs in Rust that call MPI as compiled ones do: with addresses in a memory of their own.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::Future;
use std::sync::{Arc, Mutex};

pub mod parts;

use faasm_budget::MemoryBudget;
use faasm_mpi::abi::Handle;
use faasm_mpi::functions as mpi;
use faasm_mpi::{Aborted, BadAddress, Callback, Host, Options, Rank, Stop, World};
use tokio::runtime::Runtime;

pub const WORLD: i32 = Handle::COMM_WORLD.0 as i32;
pub const INT: i32 = Handle::INT.0 as i32;
pub const DOUBLE: i32 = Handle::DOUBLE.0 as i32;
pub const BYTE: i32 = Handle::BYTE.0 as i32;
pub const SUM: i32 = Handle::SUM.0 as i32;
pub const RETURN: i32 = Handle::ERRORS_RETURN.0 as i32;

/// A function of a program that MPI may call.
pub type Function = Arc<dyn Fn(&mut Program, &[u32]) -> i32 + Send + Sync>;

/// A rank with its memory.
pub struct Program {
    pub rank: Rank<Vec<u8>>,
    pub memory: Vec<u8>,
    pub functions: Vec<Function>,
    /// Where the next allocation is.
    pub heap: u32,
}

/// Where the allocations of programs begin; below is for the program itself.
pub const HEAP: u32 = 1 << 20;

impl Program {
    pub fn new(rank: Rank<Vec<u8>>, bytes: usize) -> Self {
        Self {
            rank,
            memory: vec![0; bytes],
            functions: Vec::new(),
            heap: HEAP,
        }
    }

    pub fn me(&self) -> i32 {
        self.rank.number() as i32
    }

    pub fn put(&mut self, at: i32, bytes: &[u8]) {
        self.memory[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    }

    pub fn bytes(&self, at: i32, len: usize) -> Vec<u8> {
        self.memory[at as usize..at as usize + len].to_vec()
    }

    pub fn put_ints(&mut self, at: i32, values: &[i32]) {
        for (index, value) in values.iter().enumerate() {
            self.put(at + 4 * index as i32, &value.to_le_bytes());
        }
    }

    pub fn ints(&self, at: i32, count: usize) -> Vec<i32> {
        let words = self.bytes(at, 4 * count);
        words
            .as_chunks::<4>()
            .0
            .iter()
            .map(|w| i32::from_le_bytes(*w))
            .collect()
    }

    pub fn int(&self, at: i32) -> i32 {
        self.ints(at, 1)[0]
    }

    pub fn put_doubles(&mut self, at: i32, values: &[f64]) {
        for (index, value) in values.iter().enumerate() {
            self.put(at + 8 * index as i32, &value.to_le_bytes());
        }
    }

    pub fn doubles(&self, at: i32, count: usize) -> Vec<f64> {
        let words = self.bytes(at, 8 * count);
        words
            .as_chunks::<8>()
            .0
            .iter()
            .map(|w| f64::from_le_bytes(*w))
            .collect()
    }

    pub fn put_string(&mut self, at: i32, text: &str) {
        self.put(at, text.as_bytes());
        self.put(at + text.len() as i32, &[0]);
    }

    pub fn string(&self, at: i32) -> String {
        let bytes = self.memory[at as usize..].iter().take_while(|b| **b != 0);
        String::from_utf8(bytes.copied().collect()).unwrap()
    }

    /// Errors are for the program to see.
    pub fn returning(mut self) -> Self {
        assert_eq!(
            mpi::MPI_Comm_set_errhandler(&mut self, WORLD, RETURN),
            Ok(0)
        );
        self
    }

    /// Adds a function to the table; its number.
    pub fn function(
        &mut self,
        function: impl Fn(&mut Self, &[u32]) -> i32 + Send + Sync + 'static,
    ) -> i32 {
        // The first is never one in compiled programs.
        self.functions.push(Arc::new(function));
        self.functions.len() as i32
    }
}

impl Host for Program {
    type Memory = Vec<u8>;

    fn rank(&mut self) -> &mut Rank<Vec<u8>> {
        &mut self.rank
    }

    fn lend(&mut self) -> Result<Vec<u8>, BadAddress> {
        Ok(std::mem::take(&mut self.memory))
    }

    fn restore(&mut self, memory: Vec<u8>) {
        self.memory = memory;
    }

    async fn call(&mut self, function: Callback, arguments: &[u32]) -> Result<Option<i32>, Stop> {
        let (Callback::Operation(index) | Callback::Attribute(index)) = function else {
            return Ok(None);
        };
        assert!(!self.memory.is_empty(), "functions run with their memory");
        let found = (index as usize)
            .checked_sub(1)
            .and_then(|i| self.functions.get(i));
        match found.cloned() {
            Some(function) => Ok(Some(function(self, arguments))),
            None => Ok(None),
        }
    }

    async fn allocate(&mut self, bytes: u32) -> Result<Option<u32>, Stop> {
        let at = self.heap.next_multiple_of(16);
        if at as usize + bytes as usize > self.memory.len() {
            return Ok(None);
        }
        self.heap = at + bytes;
        Ok(Some(at))
    }

    async fn free(&mut self, address: u32) -> Result<(), Stop> {
        self.heap = address;
        Ok(())
    }
}

pub fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).event_interval(8).enable_all();
    builder.build().unwrap()
}

/// What the ranks of a world gave, and why it was ended, if it was.
pub struct Ended<T> {
    pub results: Vec<Result<T, Stop>>,
    pub aborted: Option<Arc<Aborted>>,
}

impl<T: std::fmt::Debug> Ended<T> {
    /// The results of a world that was not ended.
    #[track_caller]
    pub fn ok(self) -> Vec<T> {
        assert_eq!(self.aborted, None);
        self.results
            .into_iter()
            .map(|result| result.unwrap())
            .collect()
    }

    /// Why it was ended.
    #[track_caller]
    pub fn reason(&self) -> String {
        self.aborted.as_ref().unwrap().reason.clone()
    }
}

/// Bytes of memory that programs have unless they say otherwise.
pub const MEMORY: usize = 8 << 20;

/// A world without bounds that tests would notice.
pub fn ranks(size: u32) -> Vec<Rank<Vec<u8>>> {
    World::ranks(size, Options::default(), &MemoryBudget::new(1 << 30))
}

/// The ranks of a world that runs in this runtime.
pub fn ranks_in(runtime: &Runtime, size: u32, options: Options) -> Vec<Rank<Vec<u8>>> {
    let budget = MemoryBudget::new(1 << 30);
    let _entered = runtime.enter();
    match IS_APART {
        true => parts::ranks(&parts::sizes(size), options, &budget),
        false => World::ranks(size, options, &budget),
    }
}

/// Runs a world. Each rank calls `MPI_Init` before and `MPI_Finalize` after.
pub fn run<T, F>(size: u32, program: impl Fn(Program) -> F + Send + Sync + 'static) -> Ended<T>
where
    T: Send + 'static,
    F: Future<Output = Result<(T, Program), Stop>> + Send + 'static,
{
    run_with(size, Options::default(), program)
}

/// Ranks of the worlds in which [`each`] runs a program.
const SIZES: [u32; 5] = [1, 2, 3, 5, 8];
/// Items of messages that are put down, and of some that are not.
const COUNTS: [i32; 4] = [0, 1, 100, 12_000];

/// Runs a program for worlds and messages of all sizes.
pub fn each<F>(program: impl Fn(Program, i32, i32) -> F + Copy + Send + Sync + 'static)
where
    F: Future<Output = Result<Program, Stop>> + Send + 'static,
{
    for size in SIZES {
        run(size, move |mut host: Program| async move {
            for count in COUNTS {
                host = program(host, size as i32, count).await?;
            }
            Ok(((), host))
        })
        .ok();
    }
}

pub fn run_with<T, F>(
    size: u32,
    options: Options,
    program: impl Fn(Program) -> F + Send + Sync + 'static,
) -> Ended<T>
where
    T: Send + 'static,
    F: Future<Output = Result<(T, Program), Stop>> + Send + 'static,
{
    let runtime = runtime();
    let ranks = ranks_in(&runtime, size, options);
    run_ranks(&runtime, ranks, program)
}

/// Runs these ranks of a world.
pub fn run_ranks<T, F>(
    runtime: &Runtime,
    ranks: Vec<Rank<Vec<u8>>>,
    program: impl Fn(Program) -> F + Send + Sync + 'static,
) -> Ended<T>
where
    T: Send + 'static,
    F: Future<Output = Result<(T, Program), Stop>> + Send + 'static,
{
    let world = ranks[0].world();
    let program = Arc::new(program);
    let tasks: Vec<_> = ranks
        .into_iter()
        .map(|rank| {
            let program = Arc::clone(&program);
            runtime.spawn(async move {
                let mut host = Program::new(rank, MEMORY);
                mpi::MPI_Init(&mut host, 0, 0)?;
                let (value, mut host) = program(host).await?;
                mpi::MPI_Finalize(&mut host).await?;
                Ok(value)
            })
        })
        .collect();
    let results = runtime.block_on(async {
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    });
    Ended {
        results,
        aborted: world.aborted(),
    }
}

/// Whether the ranks of all worlds are in several parts: the same tests then show that it makes no
/// difference.
pub const IS_APART: bool = matches!(env!("CARGO_CRATE_NAME").as_bytes(), b"apart");

/// A list that ranks write to.
pub fn shared<T>() -> Arc<Mutex<Vec<T>>> {
    Arc::default()
}
