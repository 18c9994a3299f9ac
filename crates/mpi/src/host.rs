//! Who runs the program of a rank.

use std::future::Future;

use crate::error::{Result, Stop};
use crate::memory::{BadAddress, Memory};
use crate::rank::Rank;

/// A function of the program that MPI calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    /// The function with this index in the program's table. It returns nothing.
    Operation(u32),
    /// The function with this index in the program's table. It returns an error code.
    Attribute(u32),
    /// The function that computes with `long double`, if the program has one. It returns an error
    /// code.
    LongDouble,
}

/// The program of a rank and what runs it: gives MPI its memory, and calls its functions.
pub trait Host: Send {
    /// The program's memory.
    type Memory: Memory;

    /// The rank that the program is.
    fn rank(&mut self) -> &mut Rank<Self::Memory>;

    /// Gives the memory away until [`restore`](Self::restore): the program stands still.
    ///
    /// # Errors
    /// If there is none.
    fn lend(&mut self) -> std::result::Result<Self::Memory, BadAddress>;

    /// Takes the memory back.
    fn restore(&mut self, memory: Self::Memory);

    /// Calls a function of the program, which may call MPI in turn. Gives what it returns; nothing
    /// if there is no such function.
    ///
    /// # Errors
    /// If it does not return, or if the program is to be stopped.
    fn call(
        &mut self,
        function: Callback,
        arguments: &[u32],
    ) -> impl Future<Output = std::result::Result<Option<i32>, Stop>> + Send;

    /// Has the program allocate so many bytes; nothing if it cannot.
    ///
    /// # Errors
    /// If the program is to be stopped.
    fn allocate(
        &mut self,
        bytes: u32,
    ) -> impl Future<Output = std::result::Result<Option<u32>, Stop>> + Send;

    /// Has the program free what it has allocated, if it can.
    ///
    /// # Errors
    /// If the program is to be stopped.
    fn free(&mut self, address: u32) -> impl Future<Output = std::result::Result<(), Stop>> + Send;
}

/// Uses the memory of a host.
pub(crate) trait HostExt: Host {
    fn with<T>(&mut self, work: impl FnOnce(&mut Self::Memory) -> Result<T>) -> Result<T> {
        let mut memory = self.lend()?;
        let result = work(&mut memory);
        self.restore(memory);
        result
    }

    /// Has the program allocate so many bytes. Its allocator may call functions of MPI.
    fn memory_for(&mut self, bytes: u32) -> impl Future<Output = Result<Option<u32>>> + Send {
        async move {
            let rank = self.rank();
            let (call, raising) = (rank.call, rank.raising);
            let allocated = self.allocate(bytes).await;
            let rank = self.rank();
            (rank.call, rank.raising) = (call, raising);
            Ok(allocated?)
        }
    }

    /// Calls a function of the program, which may call other functions of MPI meanwhile.
    fn call_back(
        &mut self,
        function: Callback,
        arguments: &[u32],
    ) -> impl Future<Output = Result<Option<i32>>> + Send {
        async move {
            let rank = self.rank();
            let (call, raising) = (rank.call, rank.raising);
            let returned = self.call(function, arguments).await;
            let rank = self.rank();
            (rank.call, rank.raising) = (call, raising);
            Ok(returned?)
        }
    }
}

impl<H: Host + ?Sized> HostExt for H {}
