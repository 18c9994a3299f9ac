//! What a Faaslet is of an MPI world.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use faasm_model::Name;
use faasm_mpi::Rank;

use super::watch::Watch;
use crate::faaslets::Shared;
use crate::stop::Stop;
use crate::world::{Gang, Lent, Loan, WorldRank, end_by, options};

/// A Faaslet's rank, and what goes with it.
pub(crate) struct MpiPart {
    pub(super) rank: Rank<Lent>,
    /// Memory that it has started with is charged there.
    _gang: Option<Arc<Gang>>,
    is_lent: Arc<AtomicBool>,
    /// Made when it first waits.
    pub(super) watch: Option<Watch>,
    /// Memory that the guest has allocated for the host and that is not in use: where, and how
    /// many bytes. Most modules export no `free`.
    spare: Vec<(u32, u32)>,
    used: Vec<(u32, u32)>,
    /// Whether it runs a function that MPI has called.
    pub(super) is_called_back: bool,
}

impl MpiPart {
    pub(crate) fn new(rank: WorldRank) -> Self {
        let WorldRank { rank, gang } = rank;
        Self {
            _gang: Some(gang),
            ..Self::of(rank)
        }
    }

    /// Of a world of its own.
    pub(crate) fn alone(shared: &Shared, user: &Name) -> Self {
        let options = options(shared.options.processors, 1);
        Self::of(Rank::alone(options, &shared.user_budgets.of(user)))
    }

    fn of(rank: Rank<Lent>) -> Self {
        Self {
            rank,
            _gang: None,
            is_lent: Arc::default(),
            watch: None,
            spare: Vec::new(),
            used: Vec::new(),
            is_called_back: false,
        }
    }

    /// Whether the world goes on.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        self.rank.check().map_err(Stop::Mpi)
    }

    /// Waits for the end of the world; gives why.
    pub(crate) fn ended(&self) -> impl Future<Output = Stop> + Send + use<> {
        let world = self.rank.world();
        async move {
            world.ended().await;
            let reason = world.aborted();
            // It has just ended.
            reason.map_or(Stop::Cancelled, |reason| {
                Stop::Mpi(faasm_mpi::Stop::Aborted(reason))
            })
        }
    }

    /// Ends the world because of this rank.
    pub(crate) fn fail(&self, why: &str) {
        end_by(&self.rank, why);
    }

    /// Begins to lend the memory; `None` if it is lent.
    pub(super) fn lend(&self) -> Option<Loan> {
        Loan::new(&self.is_lent)
    }

    pub(super) fn is_lent(&self) -> bool {
        self.is_lent.load(Ordering::Acquire)
    }

    /// Memory of at least so many bytes that was allocated before.
    pub(super) fn take_spare(&mut self, bytes: u32) -> Option<u32> {
        let fits = self
            .spare
            .iter()
            .enumerate()
            .filter(|(_, (_, len))| *len >= bytes);
        let (index, _) = fits.min_by_key(|(_, (_, len))| *len)?;
        let (at, len) = self.spare.swap_remove(index);
        self.used.push((at, len));
        Some(at)
    }

    /// Notes what the guest has allocated.
    pub(super) fn note(&mut self, at: u32, bytes: u32) {
        self.used.push((at, bytes));
    }

    /// Keeps memory for the next time.
    pub(super) fn give_back(&mut self, at: u32) {
        if let Some(index) = self.used.iter().position(|(used, _)| *used == at) {
            let freed = self.used.swap_remove(index);
            self.spare.push(freed);
        }
    }
}
