//! MPI worlds as this crate sees them: ranks that are Faaslets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use faasm_budget::Charge;
use faasm_model::{ContentHash, Limits, Name, WorldSize};
use faasm_mpi::{Aborted, BadAddress, Memory, within};
pub use faasm_mpi::{Link as WorldLink, Part as WorldPart, Placement};

use crate::faaslets::Shared;
use crate::loaded::Loaded;
use crate::mappings::{Access, Table};

/// A world whose ranks run as calls, or a part of one. Cheap to clone.
#[derive(Clone)]
pub struct World {
    mpi: faasm_mpi::World<Lent>,
    code: ContentHash,
}

/// A rank of a world, for the call that runs it.
pub struct WorldRank {
    pub(crate) rank: faasm_mpi::Rank<Lent>,
    pub(crate) gang: Arc<Gang>,
}

impl WorldRank {
    /// Its number in the world.
    pub fn number(&self) -> u32 {
        self.rank.number()
    }
}

/// What all ranks of a world have in common.
pub(crate) struct Gang {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) limits: Limits,
    code: ContentHash,
    /// For the memory that all ranks start with, until the last is gone.
    _charge: Charge,
}

impl Gang {
    pub(crate) fn new(
        loaded: Arc<Loaded>,
        limits: Limits,
        code: ContentHash,
        charge: Charge,
    ) -> Self {
        Self {
            loaded,
            limits,
            code,
            _charge: charge,
        }
    }
}

/// Ends a world because of one of its ranks. Only the first reason counts.
pub(crate) fn end_by(rank: &faasm_mpi::Rank<Lent>, why: &str) {
    let number = rank.number();
    rank.world().abort(Aborted {
        by: Some(number),
        code: None,
        reason: format!("rank {number}: {why}"),
    });
}

/// Why a world has ended before its ranks were done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldAborted {
    /// The rank that ended it; none if all of them did.
    pub rank: Option<u32>,
    /// What it gave to `MPI_Abort`, if it called that.
    pub code: Option<i32>,
    /// What happened, for people.
    pub reason: String,
}

/// The options of a world: what its ranks may keep on the host does not grow with their number.
pub(crate) fn options(processors: usize, size: u32) -> faasm_mpi::Options {
    let share = |all: usize, most: usize| (all / size as usize).min(most);
    faasm_mpi::Options {
        threads: processors,
        buffered_bytes: share(64 << 20, 4 << 20),
        handles: share(1 << 20, 1 << 14),
        ..faasm_mpi::Options::default()
    }
}

impl World {
    /// A world of so many ranks of a user, each to be run by one [`execute`](crate::Faaslets::execute).
    pub(crate) fn new(
        shared: &Shared,
        size: WorldSize,
        gang: &Arc<Gang>,
        user: &Name,
    ) -> (Self, Vec<WorldRank>) {
        let options = options(shared.options.processors, size.get());
        let ranks = faasm_mpi::World::ranks(size.get(), options, &shared.user_budgets.of(user));
        Self::of(ranks, gang)
    }

    /// One part of a world of a user, which has one rank at least.
    pub(crate) fn part(
        shared: &Shared,
        part: WorldPart,
        gang: &Arc<Gang>,
        user: &Name,
    ) -> (Self, Vec<WorldRank>) {
        let options = options(shared.options.processors, part.placement.size());
        let ranks = faasm_mpi::World::part(part, options, &shared.user_budgets.of(user));
        Self::of(ranks, gang)
    }

    fn of(ranks: Vec<faasm_mpi::Rank<Lent>>, gang: &Arc<Gang>) -> (Self, Vec<WorldRank>) {
        let world = Self {
            mpi: ranks[0].world(),
            code: gang.code,
        };
        let ranks = ranks.into_iter().map(|rank| WorldRank {
            rank,
            gang: Arc::clone(gang),
        });
        (world, ranks.collect())
    }

    /// What all its ranks here run.
    pub fn code(&self) -> ContentHash {
        self.code
    }

    /// Takes what another part of the world has sent; the messages of a part must come in their
    /// order. It does not wait. What makes no sense ends the world.
    pub fn receive(&self, from: usize, message: &[u8]) {
        self.mpi.receive(from, message);
    }

    /// Looks whether all ranks of all parts wait for each other, and ends the world if they do: to be
    /// called now and then for the first part. It takes two calls.
    pub fn look_for_deadlock(&self) {
        self.mpi.look_for_deadlock();
    }

    /// Ends the world, because of one of its ranks if one is given. Only the first reason counts.
    pub fn abort(&self, rank: Option<u32>, reason: String) {
        self.mpi.abort(Aborted {
            by: rank,
            code: None,
            reason,
        });
    }

    /// Why the world has ended, if somebody has ended it.
    pub fn aborted(&self) -> Option<WorldAborted> {
        let aborted = self.mpi.aborted()?;
        Some(WorldAborted {
            rank: aborted.by,
            code: aborted.code,
            reason: aborted.reason.clone(),
        })
    }
}

/// The linear memory of a rank that stands still in a call of MPI. Whoever has it may touch the
/// memory, and nobody else does: not the guest, which waits, and not the host functions, which take
/// it back before they go on.
pub(crate) struct Lent {
    address: usize,
    size: usize,
    /// State that is mapped into the memory: it has to be opened before it is touched.
    mapped: Option<Arc<Table>>,
    /// Tells the owner that it is back.
    _loan: Loan,
}

/// Says that a memory is lent, for as long as it lives.
pub(crate) struct Loan(Arc<AtomicBool>);

impl Loan {
    /// `None` if the memory is lent already.
    pub(crate) fn new(is_lent: &Arc<AtomicBool>) -> Option<Self> {
        let was_lent = is_lent.swap(true, Ordering::AcqRel);
        (!was_lent).then(|| Self(Arc::clone(is_lent)))
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Lent {
    /// Lends the `size` bytes at `start`.
    ///
    /// # Safety
    /// They are a linear memory that stays where it is, and that nobody touches but through this
    /// value, until it is dropped.
    pub(crate) unsafe fn new(
        start: *mut u8,
        size: usize,
        mapped: Option<Arc<Table>>,
        loan: Loan,
    ) -> Self {
        Self {
            address: start as usize,
            size,
            mapped,
            _loan: loan,
        }
    }

    /// Where `len` bytes at `at` are, ready to be touched.
    fn place(&self, at: u32, len: u32, access: Access) -> Result<(*mut u8, usize), BadAddress> {
        let range = within(at, len, self.size)?;
        let (start, count) = (self.address + range.start, range.len());
        if let Some(table) = &self.mapped {
            let opened = table.open(start, count, access);
            opened.map_err(|error| BadAddress::Unusable(error.to_string()))?;
        }
        Ok((start as *mut u8, count))
    }
}

impl Memory for Lent {
    fn size(&self) -> u64 {
        self.size as u64
    }

    fn slice(&self, at: u32, len: u32) -> Result<&[u8], BadAddress> {
        let (start, count) = self.place(at, len, Access::Read)?;
        // SAFETY: the bytes are inside the lent memory, which nobody changes through it as long as
        // this value is borrowed: `new` was promised that. State that is mapped there is shared
        // (`MAP_SHARED`) with other Faaslets, whose guests may write to it at any time; they are
        // plain bytes of which any value is valid, they are only copied from here, never looked at
        // twice, and compiled guests race for them in the same way. What is copied may then be
        // partly old and partly new, as the contract of shared state says of unlocked values.
        Ok(unsafe { std::slice::from_raw_parts(start, count) })
    }

    fn slice_mut(&mut self, at: u32, len: u32) -> Result<&mut [u8], BadAddress> {
        let (start, count) = self.place(at, len, Access::Write)?;
        // SAFETY: likewise, and within this memory it is borrowed for this alone.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, count) })
    }
}
