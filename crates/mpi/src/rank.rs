//! One rank: what its program holds.

use std::sync::Arc;

use faasm_budget::MemoryBudget;

use crate::abi::Handle;
use crate::buffer::Attached;
use crate::collective::Board;
use crate::comm::{Comms, GroupEntry};
use crate::datatype::TypeRef;
use crate::error::{Aborted, Class, Error, Result, Stop};
use crate::held::{Account, Held};
use crate::info::Info;
use crate::keyval::Keyval;
use crate::mailbox::Envelope;
use crate::memory::Memory;
use crate::op::UserOp;
use crate::part::Part;
use crate::request::{Active, Request};
use crate::table::{Kind, Table};
use crate::transfer::Transfer;
use crate::world::{Options, Shared, World};

/// A rank of a world, to be kept with the program that it is. Dropping it without
/// `MPI_Finalize` ends the world if it has called `MPI_Init`.
pub struct Rank<M: Memory> {
    pub(crate) world: Arc<Shared<M>>,
    /// What is kept for its program.
    pub(crate) account: Account,
    /// Its rank in `MPI_COMM_WORLD`.
    pub(crate) me: u32,
    pub(crate) phase: Phase,
    /// The function that it calls.
    pub(crate) call: &'static str,
    /// The communicator whose error handler hears of errors of this call.
    pub(crate) raising: Handle,
    pub(crate) comms: Comms,
    pub(crate) groups: Table<GroupEntry>,
    pub(crate) datatypes: Table<TypeEntry>,
    pub(crate) requests: Table<Request>,
    pub(crate) messages: Table<(Handle, Envelope)>,
    pub(crate) ops: Table<UserOp>,
    pub(crate) infos: Table<Info>,
    /// What other hints are copied from at first.
    pub(crate) no_info: Info,
    pub(crate) keyvals: Table<Arc<Keyval>>,
    /// Copies from or to here that may not be done.
    pub(crate) transfers: Vec<Arc<Transfer>>,
    /// The events that [`progress`](crate::progress) has looked at.
    pub(crate) progressed: u64,
    /// Requests that were freed before they were complete.
    pub(crate) orphans: Vec<(Active, Held)>,
    /// Collectives that it has left before all had come.
    pub(crate) left: Vec<Arc<Board>>,
    pub(crate) attached: Option<Attached>,
    /// Where the values of the predefined attributes are in the program's memory.
    pub(crate) attributes_at: Option<u32>,
}

/// Where a program is between its beginning and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    New,
    Running {
        thread_level: i32,
    },
    Finalized,
    /// It has given up: nothing it does matters any more.
    Over,
}

/// A datatype that a program has made.
#[derive(Debug)]
pub(crate) struct TypeEntry {
    pub(crate) datatype: TypeRef,
    pub(crate) is_committed: bool,
}

impl<M: Memory> World<M> {
    /// A world of `size` ranks, 1 at least, in their order. What is kept for their programs is
    /// charged to the budget.
    #[must_use]
    pub fn ranks(size: u32, options: Options, budget: &MemoryBudget) -> Vec<Rank<M>> {
        let world = Self::with_size(size.max(1), options, budget);
        world.0.here().map(|me| Rank::new(&world, me)).collect()
    }

    /// The ranks of one part of a world, in their order. What is kept for their programs is charged
    /// to the budget. What the other parts send is for [`receive`](Self::receive).
    #[must_use]
    pub fn part(part: Part, options: Options, budget: &MemoryBudget) -> Vec<Rank<M>> {
        let world = Self::with_part(part, options, budget);
        world.0.here().map(|me| Rank::new(&world, me)).collect()
    }
}

impl<M: Memory> Rank<M> {
    fn new(world: &World<M>, me: u32) -> Self {
        let limit = world.0.options.handles;
        let account = world.0.seat(me).account.clone();
        Self {
            world: Arc::clone(&world.0),
            me,
            phase: Phase::New,
            call: "",
            raising: Handle::COMM_SELF,
            comms: Comms::new(me, world.size(), &world.0.stage, &account, limit),
            groups: Table::new(Kind::Group, limit, &account),
            datatypes: Table::new(Kind::Datatype, limit, &account),
            requests: Table::new(Kind::Request, limit, &account),
            messages: Table::new(Kind::Message, limit, &account),
            ops: Table::new(Kind::Op, limit, &account),
            infos: Table::new(Kind::Info, limit, &account),
            no_info: Info::new(&account),
            keyvals: Table::new(Kind::Keyval, limit, &account),
            account,
            transfers: Vec::new(),
            progressed: 0,
            orphans: Vec::new(),
            left: Vec::new(),
            attached: None,
            attributes_at: None,
        }
    }

    /// The only rank of a world of its own.
    #[must_use]
    pub fn alone(options: Options, budget: &MemoryBudget) -> Self {
        Self::new(&World::with_size(1, options, budget), 0)
    }

    /// The world that it is a rank of.
    #[must_use]
    pub fn world(&self) -> World<M> {
        World(Arc::clone(&self.world))
    }

    /// Its number in `MPI_COMM_WORLD`.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.me
    }

    /// The function of MPI that it has called last.
    #[must_use]
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// Whether its world goes on.
    ///
    /// # Errors
    /// If the world has ended: the program is to be stopped.
    pub fn check(&self) -> std::result::Result<(), Stop> {
        self.world.check()
    }

    /// Whether `MPI_Init` was called, and `MPI_Finalize` not yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    /// A call of any function begins.
    pub(crate) fn begin_any(&mut self, call: &'static str) -> Result<()> {
        self.call = call;
        self.raising = Handle::COMM_NULL;
        Ok(self.world.check()?)
    }

    /// A call of a function that needs MPI to run begins.
    pub(crate) fn begin(&mut self, call: &'static str) -> Result<()> {
        self.begin_any(call)?;
        let problem = match self.phase {
            Phase::Running { .. } => return Ok(()),
            Phase::New => "it is called before MPI_Init",
            Phase::Finalized | Phase::Over => "it is called after MPI_Finalize",
        };
        let problem = problem.into();
        Err(Stop::Misuse { call, problem }.into())
    }

    /// What an error of the present call makes of the rank: a code for its program, or its end.
    pub(crate) fn raise(&mut self, error: Error) -> std::result::Result<i32, Stop> {
        let call = self.call;
        match error {
            Error::Stop(stop) => return Err(stop),
            Error::BadAddress(error) => return Err(Stop::BadAddress { call, error }),
            Error::Fault(_) | Error::Returned(_) => {}
        }
        if self.comms.returns_errors(self.raising) {
            return Ok(error.code());
        }
        let me = self.me;
        let reason = format!("rank {me}: {call}: {error} (MPI_ERRORS_ARE_FATAL)");
        self.phase = Phase::Over;
        Err(self.abort(None, reason))
    }

    /// Ends the world by this rank.
    pub(crate) fn abort(&mut self, code: Option<i32>, reason: String) -> Stop {
        self.world.abort(Aborted {
            by: Some(self.me),
            code,
            reason,
        });
        match self.world.check() {
            Err(stop) => stop,
            // Not possible: it has just been ended.
            Ok(()) => Stop::Trapped,
        }
    }

    /// A datatype that may be used to make others.
    pub(crate) fn datatype(&self, handle: Handle) -> Result<&TypeRef> {
        match crate::datatype::predefined(handle) {
            Some(datatype) => Ok(datatype),
            None => self.datatypes.get(handle).map(|entry| &entry.datatype),
        }
    }

    /// A datatype that messages may be made of.
    pub(crate) fn committed(&self, handle: Handle) -> Result<&TypeRef> {
        if let Some(datatype) = crate::datatype::predefined(handle) {
            return Ok(datatype);
        }
        match self.datatypes.get(handle)? {
            entry if entry.is_committed => Ok(&entry.datatype),
            _ => Err(Class::Type.because("it is not committed")),
        }
    }
}

impl<M: Memory> Drop for Rank<M> {
    fn drop(&mut self) {
        let me = self.me;
        let why = match self.phase {
            Phase::Finalized => return,
            _ if std::thread::panicking() => Some("the server failed while it ran this rank"),
            Phase::Running { .. } => Some("left without MPI_Finalize"),
            Phase::New | Phase::Over => None,
        };
        if let Some(why) = why {
            self.abort(None, format!("rank {me}: {why}"));
        }
        let how = match self.phase {
            Phase::New => "left without MPI_Init",
            _ => "left",
        };
        self.world.leave(me, how);
    }
}
