//! Finding out that all ranks of a world wait for each other.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::{CONTEXTS, Doing, Shared, Target, WORLD_CONTEXT};
use crate::abi::{ANY_SOURCE, ANY_TAG};
use crate::memory::Memory;
use crate::sync::lock;

/// Ranks that a report names; the others do the like.
const MAX_NAMED: usize = 64;

impl<M: Memory> Shared<M> {
    /// Aborts the world if no rank of it will ever go on. To be called when a rank has begun to
    /// wait or has left: nothing else can make it so.
    pub(super) fn look_for_deadlock(&self) {
        if self.remote.is_some() {
            // Others may send something: see `remote::idle`.
            return;
        }
        let live = self.counts.live.load(Ordering::SeqCst);
        if live <= 0 || self.counts.waiting.load(Ordering::SeqCst) < live {
            return;
        }
        // Who is told of something is awake before whoever told it can wait. So if all waited at
        // two looks, and nobody was told of anything between them, nobody will be.
        let before = self.events();
        if before.is_some() && before == self.events() {
            self.break_off(deadlock(&self.report()));
        }
    }

    /// How many ranks here have not left.
    pub(crate) fn live(&self) -> usize {
        usize::try_from(self.counts.live.load(Ordering::SeqCst)).unwrap_or(0)
    }

    /// What each rank here was told of, if all wait that have not left.
    pub(crate) fn events(&self) -> Option<Vec<u64>> {
        let word = |seat: &super::Seat<M>| match seat.word.waiting() {
            Some(word) => Some(word),
            None => matches!(*lock(&seat.doing), Doing::Left(_)).then_some(u64::MAX),
        };
        self.seats.iter().map(word).collect()
    }

    /// What the ranks here wait for, a line for each.
    pub(crate) fn report(&self) -> String {
        let mut text = String::new();
        for (rank, seat) in self.here().zip(&self.seats).take(MAX_NAMED) {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "\nrank {rank}: {}",
                lock(&seat.doing).describe(self.size())
            );
        }
        if self.seats.len() > MAX_NAMED {
            let _ = write!(text, "\nand {} more ranks", self.seats.len() - MAX_NAMED);
        }
        text
    }
}

/// The reason to end a world whose ranks wait for each other.
pub(crate) fn deadlock(report: &str) -> String {
    format!("deadlock: every rank waits for another{report}")
}

impl Doing {
    fn describe(self, size: u32) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Left(how) => how.to_owned(),
            Self::Requests { call, count, first } => {
                let named = first.iter().flatten().map(|target| target.describe(size));
                let named: Vec<String> = named.collect();
                let requests = if count == 1 { "request" } else { "requests" };
                let more = count.saturating_sub(named.len());
                let more = match more {
                    0 => String::new(),
                    more => format!("; and {more} more"),
                };
                format!("{call}({count} {requests}: {}{more})", named.join("; "))
            }
            Self::Unreceived { call } => {
                format!("{call}(until all that it has sent was received)")
            }
            Self::Collective { call, context } => {
                format!("{call}(comm {})", communicator(context, size))
            }
            Self::Message { call, target } => format!("{call}({})", target.describe(size)),
        }
    }
}

impl Target {
    fn describe(self, size: u32) -> String {
        let comm = communicator(self.context, size);
        let peer = named(self.peer, ANY_SOURCE, "MPI_ANY_SOURCE");
        let tag = named(self.tag, ANY_TAG, "MPI_ANY_TAG");
        format!("{} {peer}, tag {tag}, comm {comm}", self.role)
    }
}

fn named(value: i32, special: i32, name: &str) -> String {
    match value == special {
        true => name.to_owned(),
        false => value.to_string(),
    }
}

/// What a communicator is called in messages.
pub(crate) fn communicator(context: u64, world_size: u32) -> String {
    let own = u64::from(world_size);
    match (context / CONTEXTS, context % CONTEXTS) {
        (0, WORLD_CONTEXT) => "MPI_COMM_WORLD".to_owned(),
        (0, context) if context <= own => "MPI_COMM_SELF".to_owned(),
        (0, made) => format!("{}", made - own),
        (part, made) => format!("{part}.{}", made.saturating_sub(own)),
    }
}
