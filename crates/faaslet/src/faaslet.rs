//! The host's side of one Faaslet: the data of its store.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use faasm_budget::MemoryBudget;
use faasm_model::{Failure, FileAccess, Invocation, Limits};
use faasm_state::{Party, Session};
use faasm_vfs::{Errno, LostDraft, Lower, Vfs};
use wasmtime::Memory;

use crate::call::Call;
use crate::capture::Captured;
use crate::faaslets::Shared;
use crate::files::{ReadOnly, Refused, carry_out};
use crate::handles::Handles;
use crate::host::MpiPart;
use crate::loaded::Loaded;
use crate::mappings::Mappings;
use crate::python;
use crate::stop::Stop;
use crate::turns::{Turn, step_aside};
use crate::usage::Usage;

/// Everything that host functions know about the call they serve.
pub(crate) struct Faaslet {
    pub(crate) call: Call,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) limits: Limits,
    pub(crate) memory: Option<Memory>,
    pub(crate) captured: Captured,
    pub(crate) vfs: Vfs,
    /// How much of the input has been read as standard input.
    pub(crate) stdin_position: usize,
    pub(crate) handles: Handles,
    /// Undone before the instance is: this is the store's data.
    pub(crate) mappings: Mappings,
    session: OnceLock<Arc<Session>>,
    /// Whether it runs an initialiser, not a call.
    pub(crate) is_initialising: bool,
    /// Until when the guest's `malloc` may run on behalf of the host, while it does.
    pub(crate) allocating_until: Option<Instant>,
    /// Whether the guest's `malloc` has run, as far as the host has seen to it.
    pub(crate) is_heap_settled: bool,
    pub(crate) usage: Usage,
    /// What the interpreter says of its failure.
    pub(crate) python_failure: Option<python::Failed>,
    /// What it is of an MPI world, once it is.
    mpi: Option<Box<MpiPart>>,
    pub(crate) clock: Clock,
}

/// The call's time: its deadline, and its turns at the processor.
pub(crate) struct Clock {
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    ticks: u32,
    /// Where a turn is held, once the call has run for so long that it takes turns.
    turn: Option<TurnSlot>,
}

pub(crate) type TurnSlot = Arc<std::sync::Mutex<Option<Turn>>>;

/// Ticks after which a function no longer counts as short and takes turns.
const SHORT_TICKS: u32 = 4;

impl Faaslet {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        mut call: Call,
        loaded: Arc<Loaded>,
        limits: Limits,
        usage: Usage,
    ) -> Self {
        let started = Instant::now();
        let budget = shared.user_budgets.of(&call.invocation.function.user);
        let tree = tree_of(shared, &loaded, call.invocation.files);
        Self {
            captured: Captured::new(limits.output_bytes, budget.charge()),
            vfs: new_vfs(shared, tree, budget),
            stdin_position: 0,
            handles: Handles::default(),
            mappings: Mappings::new(),
            session: OnceLock::new(),
            is_initialising: false,
            allocating_until: None,
            is_heap_settled: false,
            python_failure: None,
            mpi: call.rank.take().map(|rank| Box::new(MpiPart::new(rank))),
            usage,
            clock: Clock {
                started,
                deadline: started + limits.time,
                ticks: 0,
                turn: None,
            },
            memory: None,
            shared: Arc::clone(shared),
            call,
            loaded,
            limits,
        }
    }

    /// The same for an initialiser.
    pub(crate) fn initialising(self) -> Self {
        Self {
            is_initialising: true,
            ..self
        }
    }

    /// A Faaslet of no call, to have an instance of this one's function in the meantime.
    pub(crate) fn idle(&self, loaded: Arc<Loaded>, of: Arc<Invocation>) -> Self {
        let usage = Usage::new(&self.limits, self.shared.budget.charge(), 0);
        Self::new(&self.shared, Call::none(of), loaded, self.limits, usage)
    }

    /// Takes over an instance from the Faaslet that had it.
    pub(crate) fn succeed(&mut self, before: Self) {
        self.usage.succeed(&before.usage);
        self.memory = before.memory;
        self.mappings = before.mappings;
    }

    /// Whether the call must end now.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        if self.call.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if Instant::now() >= self.deadline() {
            return Err(self.out_of_time());
        }
        if let Some(mpi) = &self.mpi {
            mpi.check()?;
        }
        // After a fault that could be neither served nor made a trap.
        match self.mappings.trouble() {
            Some(error) => Err(Stop::State {
                import: "mapped state",
                error,
            }),
            None => Ok(()),
        }
    }

    /// Ends its MPI world, if it is a part of one: it has failed.
    pub(crate) fn fail_world(&mut self, failure: &Failure) {
        if let Some(mpi) = &self.mpi {
            mpi.fail(&failure.message);
        }
    }

    /// What it is of an MPI world: of one of its own if it was started as a part of none.
    pub(crate) fn mpi(&mut self) -> &mut MpiPart {
        let (shared, user) = (&self.shared, &self.call.invocation.function.user);
        let alone = || Box::new(MpiPart::alone(shared, user));
        self.mpi.get_or_insert_with(alone)
    }

    /// Waits for the end of its MPI world, for ever if it is a part of none.
    fn world_ended(&self) -> impl Future<Output = Stop> + Send + use<> {
        let ended = self.mpi.as_deref().map(MpiPart::ended);
        async move {
            match ended {
                Some(ended) => ended.await,
                None => std::future::pending().await,
            }
        }
    }

    /// When the guest must have given back control for good, or for now.
    pub(crate) fn deadline(&self) -> Instant {
        let deadline = self.clock.deadline;
        self.allocating_until
            .map_or(deadline, |until| until.min(deadline))
    }

    pub(crate) fn out_of_time(&self) -> Stop {
        if self.deadline() < self.clock.deadline {
            return Stop::Misuse {
                import: "malloc",
                problem: "it took longer than a second to give the host memory".to_owned(),
            };
        }
        let waiting = self.session.get().and_then(|s| s.locks().waits_for());
        if self.is_initialising {
            return Stop::InitTime(self.limits.time.as_millis());
        }
        Stop::Time {
            ms: self.limits.time.as_millis(),
            waiting: waiting.map_or_else(String::new, |what| format!("; it waited for {what}")),
        }
    }

    /// The call's state, made when it is first needed.
    pub(crate) fn session(&self) -> &Arc<Session> {
        self.session.get_or_init(|| {
            let party = Party {
                call: self.call.id,
                function: self.call.invocation.function.clone(),
            };
            Arc::new(self.shared.state.session(party))
        })
    }

    /// Brings what the call has written to the global tier. The guest has stopped.
    pub(crate) async fn push(&self) -> Result<(), Stop> {
        let Some(session) = self.session.get() else {
            return Ok(());
        };
        self.mappings.close(|view| session.close(view));
        if !session.has_written() {
            return Ok(());
        }
        let pushed = self.wait(session.finish()).await?;
        pushed.map_err(|error| Stop::State {
            import: "state at the end of the call",
            error,
        })
    }

    /// Makes the changes of the shared tree that the guest's last operation on files asked for.
    pub(crate) async fn settle_files(&mut self) -> Result<Result<(), Refused>, Stop> {
        let mut settled = Ok(());
        while let Some(change) = self.vfs.next_change() {
            let limit = self.shared.options.max_file_bytes;
            let made = self
                .wait(Box::pin(carry_out(&self.shared.storage, limit, change)))
                .await?;
            if let Err(refused) = &made
                && refused.errno() == Errno::Io
            {
                tracing::error!(call = %self.call.id, error = %refused, "a shared file was not changed");
            }
            settled = settled.and(made);
        }
        Ok(settled)
    }

    /// Closes the files that the guest left open: what it has written to shared files is stored.
    pub(crate) async fn close_files(&mut self) -> Result<(), Stop> {
        let lost = self.vfs.finish();
        self.settle_files().await?.map_err(Stop::File)?;
        match lost {
            Some(LostDraft { path, errno }) => Err(Stop::File(Refused::Write { path, errno })),
            None => Ok(()),
        }
    }

    /// Waits inside a host call for `event`, but no longer than the call may live, and
    /// without holding a turn at the processor.
    pub(crate) async fn wait<T>(&self, event: impl Future<Output = T>) -> Result<T, Stop> {
        let mut event = std::pin::pin!(event);
        // Most need not wait at all.
        if let std::task::Poll::Ready(result) = futures::poll!(event.as_mut()) {
            return Ok(result);
        }
        self.clock.release_turn();
        tokio::select! {
            biased;
            () = self.call.cancel.cancelled() => Err(Stop::Cancelled),
            result = event.as_mut() => Ok(result),
            ended = self.world_ended() => Err(ended),
            () = tokio::time::sleep_until(self.deadline().into()) => Err(self.out_of_time()),
        }
    }

    /// At every tick of the clock: ends the call, or says how it goes on.
    pub(crate) fn tick(&mut self) -> Result<wasmtime::UpdateDeadline, Stop> {
        self.check()?;
        self.clock.ticks = self.clock.ticks.saturating_add(1);
        if self.clock.ticks <= SHORT_TICKS {
            return Ok(wasmtime::UpdateDeadline::YieldCustom(
                1,
                Box::pin(step_aside()),
            ));
        }
        let user = self.call.invocation.function.user.clone();
        let turns = Arc::clone(&self.shared.turns);
        let turn = Arc::clone(self.clock.turn.get_or_insert_default());
        let (cancel, deadline) = (self.call.cancel.clone(), self.deadline());
        let ended = self.world_ended();
        let next = async move {
            drop(take(&turn));
            // Whoever must end anyway need not wait for a turn to be told so.
            tokio::select! {
                granted = turns.wait(&user) => *lock(&turn) = Some(granted),
                () = cancel.cancelled() => {}
                _ = ended => {}
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
        };
        Ok(wasmtime::UpdateDeadline::YieldCustom(1, Box::pin(next)))
    }
}

/// The tree under the scratch files of calls of a module.
fn tree_of(shared: &Shared, loaded: &Loaded, access: FileAccess) -> Arc<dyn Lower> {
    let tree = Arc::clone(loaded.tree.as_ref().unwrap_or(&shared.shared_files));
    match access {
        FileAccess::Write => tree,
        FileAccess::Read => Arc::new(ReadOnly(tree)),
    }
}

fn new_vfs(shared: &Shared, tree: Arc<dyn Lower>, budget: MemoryBudget) -> Vfs {
    let limits = faasm_vfs::Limits {
        max_scratch_bytes: shared.options.max_scratch_bytes,
        ..faasm_vfs::Limits::default()
    };
    Vfs::new(tree, Arc::new(Scratch(budget)), limits).with_spill(shared.spill.clone())
}

/// Scratch files in memory are charged to a budget.
struct Scratch(MemoryBudget);

impl faasm_vfs::Charge for Scratch {
    fn grow(&self, bytes: u64) -> bool {
        self.0.take(bytes)
    }

    fn shrink(&self, bytes: u64) {
        self.0.give(bytes);
    }
}

impl Clock {
    fn release_turn(&self) {
        if let Some(turn) = &self.turn {
            release(turn);
        }
    }

    /// Where a turn is held when the call takes turns.
    pub(crate) fn turn(&mut self) -> TurnSlot {
        Arc::clone(self.turn.get_or_insert_default())
    }
}

/// Gives a turn back, if one is held.
pub(crate) fn release(turn: &TurnSlot) {
    drop(take(turn));
}

fn lock(turn: &std::sync::Mutex<Option<Turn>>) -> std::sync::MutexGuard<'_, Option<Turn>> {
    turn.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn take(turn: &std::sync::Mutex<Option<Turn>>) -> Option<Turn> {
    lock(turn).take()
}
