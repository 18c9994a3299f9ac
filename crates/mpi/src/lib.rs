//! MPI worlds: ranks of one process that send to each other.
//!
//! A [`World`] has ranks; each [`Rank`] belongs to a program that a [`Host`] runs. The host calls the
//! [`functions`] for its program, with the arguments that the program gave: numbers, handles and
//! addresses in the program's memory, as in the standard ABI of MPI 5.0 on 32 bits ([`abi`]). What
//! runs programs, and what their memory is made of, is not known here.
//!
//! ```
//! use faasm_budget::MemoryBudget;
//! use faasm_mpi::abi::Handle;
//! use faasm_mpi::{BadAddress, Callback, Host, Options, Rank, Stop, World, functions};
//!
//! struct Program {
//!     rank: Rank<Vec<u8>>,
//!     memory: Vec<u8>,
//! }
//!
//! impl Host for Program {
//!     type Memory = Vec<u8>;
//!
//!     fn rank(&mut self) -> &mut Rank<Vec<u8>> {
//!         &mut self.rank
//!     }
//!     fn lend(&mut self) -> Result<Vec<u8>, BadAddress> {
//!         Ok(std::mem::take(&mut self.memory))
//!     }
//!     fn restore(&mut self, memory: Vec<u8>) {
//!         self.memory = memory;
//!     }
//!     async fn call(&mut self, _: Callback, _: &[u32]) -> Result<Option<i32>, Stop> {
//!         Ok(None) // It has no functions that MPI could call,
//!     }
//!     async fn allocate(&mut self, _: u32) -> Result<Option<u32>, Stop> {
//!         Ok(None) // and no allocator.
//!     }
//!     async fn free(&mut self, _: u32) -> Result<(), Stop> {
//!         Ok(())
//!     }
//! }
//!
//! /// The sum of the numbers of all ranks.
//! async fn program(rank: Rank<Vec<u8>>) -> Result<u8, Stop> {
//!     let number = rank.number() as u8;
//!     let mut host = Program { rank, memory: vec![number; 64] };
//!     let [kind, op, comm] = [Handle::UINT8_T, Handle::SUM, Handle::COMM_WORLD].map(|h| h.0 as i32);
//!     functions::MPI_Init(&mut host, 0, 0)?;
//!     functions::MPI_Allreduce(&mut host, 8, 16, 1, kind, op, comm).await?;
//!     functions::MPI_Finalize(&mut host).await?;
//!     Ok(host.memory[16])
//! }
//!
//! let budget = MemoryBudget::new(1 << 20);
//! let ranks = World::ranks(4, Options::default(), &budget);
//! let sums = futures::future::join_all(ranks.into_iter().map(program));
//! assert_eq!(futures::executor::block_on(sums), [Ok(6), Ok(6), Ok(6), Ok(6)]);
//! ```
//!
//! # How data gets from rank to rank
//!
//! A small message is put down with its receiver, within bounds. All else is copied **once**, from
//! memory to memory, by whichever side comes second: a rank that stands still in a call leaves its
//! [`Memory`] in its seat for as long, and takes it back before its program goes on or is torn down.
//! Collectives meet at a stage that the communicator's ranks share, so that each is woken once.
//!
//! A rank that waits looks for a moment, if no more ranks than threads have something to do, and
//! then sleeps: it is any task of any executor. When all ranks of a world wait for each other, it
//! ends with what each of them waits for.
//!
//! # Ranks elsewhere
//!
//! A world may be in several [parts](Part), of ranks that follow each other: what one process runs.
//! They send each other messages through a [`Link`], and it makes no difference to a program where a
//! rank is, but for the time that it takes.
//!
//! A message of up to 64 KiB is sent at once, as long as its receiver has room; a larger one is
//! offered, and goes in pieces once its receiver has asked for it. Collectives have two levels: the
//! ranks of a part meet at their stage, and the last to come sends the other parts what their ranks
//! need, or of a reduction only what that of its own ranks makes together. So the result of a
//! reduction of floating-point numbers, which is the same at all ranks, may be rounded otherwise if the
//! ranks are placed otherwise.
//!
//! Whether all ranks of all parts wait for each other is found out by asking them, twice.

#![forbid(unsafe_code)]

pub mod abi;
mod buffer;
mod cart;
mod collective;
mod comm;
mod datatype;
mod error;
pub mod functions;
mod held;
mod host;
mod info;
mod keyval;
mod mailbox;
mod memory;
mod message;
mod op;
mod part;
mod progress;
mod rank;
mod remote;
mod request;
mod status;
mod sync;
mod table;
mod transfer;
mod world;

pub use error::{Aborted, Class, Error, Fault, Stop};
pub use host::{Callback, Host};
pub use memory::{BadAddress, Memory, within};
pub use part::{Link, Part, Placement};
pub use rank::Rank;
pub use world::{Options, World};
