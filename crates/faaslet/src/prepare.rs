//! What a call needs before it can run: its module, its limits, and the memory it starts with.

use std::sync::Arc;
use std::time::Duration;

use faasm_budget::{Charge, UsedUp};
use faasm_model::{ContentHash, FailureKind, Invocation, Limits, Name, Outcome, Target, WorldSize};
use faasm_storage::FunctionRecord;
use tokio_util::sync::CancellationToken;

use crate::Faaslets;
use crate::call::{Call, Entry, NoMemory};
use crate::loaded::Loaded;
use crate::modules::Unavailable;
use crate::usage::Usage;
use crate::world::{Gang, World, WorldPart, WorldRank};

/// All that a Faaslet is made with, beside the call.
pub(crate) struct Prepared {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) limits: Limits,
    pub(crate) usage: Usage,
}

/// Memory that Faaslets start with, and what becomes of them if there is none.
struct Wanted<'a> {
    /// Bytes that one Faaslet starts with, and how many there are to be.
    each: u64,
    count: u64,
    limits: &'a Limits,
    user: &'a Name,
    no_memory: NoMemory,
    cancel: &'a CancellationToken,
}

/// How often a call that waits for memory looks for it.
const MEMORY_POLL: Duration = Duration::from_millis(5);

impl Faaslets {
    /// A world whose ranks all run the same module, with the memory that all of them start with: all
    /// of it, or none.
    ///
    /// # Errors
    /// The outcome of the call, if there is no such function, or not enough memory.
    pub async fn world(
        &self,
        invocation: &Invocation,
        size: WorldSize,
        no_memory: NoMemory,
        cancel: &CancellationToken,
    ) -> Result<(World, Vec<WorldRank>), Box<Outcome>> {
        let gang = self.gang(invocation, size.get(), no_memory, cancel).await?;
        let user = &invocation.function.user;
        Ok(World::new(&self.0, size, &gang, user))
    }

    /// One part of such a world, with the memory that its ranks start with. Others run the other
    /// parts.
    ///
    /// # Errors
    /// The outcome of the call, if there is no such function or part, or not enough memory.
    pub async fn world_part(
        &self,
        invocation: &Invocation,
        part: WorldPart,
        no_memory: NoMemory,
        cancel: &CancellationToken,
    ) -> Result<(World, Vec<WorldRank>), Box<Outcome>> {
        let ranks = part.placement.ranks(part.own);
        if ranks.is_empty() {
            let message = "the world has no such part";
            return Err(Box::new(Outcome::failed(FailureKind::Internal, message)));
        }
        let count = ranks.end - ranks.start;
        let gang = self.gang(invocation, count, no_memory, cancel).await?;
        let user = &invocation.function.user;
        Ok(World::part(&self.0, part, &gang, user))
    }

    /// What so many ranks have in common.
    async fn gang(
        &self,
        invocation: &Invocation,
        ranks: u32,
        no_memory: NoMemory,
        cancel: &CancellationToken,
    ) -> Result<Arc<Gang>, Box<Outcome>> {
        let (loaded, limits, code) = self.loaded(invocation).await?;
        let wanted = Wanted {
            each: loaded.min_memory_bytes,
            count: u64::from(ranks),
            limits: &limits,
            user: &invocation.function.user,
            no_memory,
            cancel,
        };
        let charge = self.reserve(&wanted).await?;
        Ok(Arc::new(Gang::new(loaded, limits, code, charge)))
    }

    pub(crate) async fn prepare(&self, call: &Call) -> Result<Prepared, Box<Outcome>> {
        if let Some(rank) = &call.rank {
            let Gang { loaded, limits, .. } = &*rank.gang;
            let budget = self.0.user_budgets.of(&call.invocation.function.user);
            let usage = Usage::new(limits, budget.charge(), loaded.min_memory_bytes);
            let (loaded, limits) = (Arc::clone(loaded), *limits);
            return Ok(Prepared {
                loaded,
                limits,
                usage,
            });
        }
        let (loaded, limits) = match &call.entry {
            Entry::Pointer { code, .. } => (Arc::clone(&code.0), self.limits_of(&call.invocation)),
            Entry::Main { .. } => {
                let (loaded, limits, _) = self.loaded(&call.invocation).await?;
                (loaded, limits)
            }
        };
        let charge = self
            .reserve(&Wanted {
                each: loaded.min_memory_bytes,
                count: 1,
                limits: &limits,
                user: &call.invocation.function.user,
                no_memory: call.no_memory,
                cancel: &call.cancel,
            })
            .await?;
        Ok(Prepared {
            usage: Usage::new(&limits, charge, loaded.min_memory_bytes),
            loaded,
            limits,
        })
    }

    /// The limits of a call whose function may be gone by now.
    fn limits_of(&self, invocation: &Invocation) -> Limits {
        let record = self.function(&invocation.function, &invocation.target);
        record.map_or(self.0.options.limits, |record| self.limits(&record))
    }

    /// What a call runs, with its limits, and the hash of its code.
    async fn loaded(
        &self,
        invocation: &Invocation,
    ) -> Result<(Arc<Loaded>, Limits, ContentHash), Box<Outcome>> {
        let failed = |kind, message: String| Box::new(Outcome::failed(kind, message));
        let (name, target) = (&invocation.function, &invocation.target);
        let Some(record) = self.function(name, target) else {
            let what = if target.is_python() {
                "Python function"
            } else {
                "function"
            };
            let message = format!("there is no {what} {name}");
            return Err(failed(FailureKind::FunctionNotFound, message));
        };
        let mut hash = record.hash;
        let mut loaded = self.0.modules.get(&self.0, &record, target).await;
        if loaded.is_err()
            && let Some(newer) = self.replaced(&record, target)
        {
            // Replaced while it was being loaded: the old code may be gone already.
            hash = newer.hash;
            loaded = self.0.modules.get(&self.0, &newer, target).await;
        }
        match loaded {
            Ok(loaded) => Ok((loaded, self.limits(&record), hash)),
            Err(error @ Unavailable::NoMemory) => {
                Err(failed(FailureKind::Overloaded, error.to_string()))
            }
            Err(error @ Unavailable::NoPython) => {
                Err(failed(FailureKind::PythonMissing, error.to_string()))
            }
            Err(Unavailable::Storage(error)) if is_away(&error) => {
                tracing::warn!(function = %name, %error, "cannot fetch the function's code");
                // Where the storage is, too.
                let why =
                    "its code cannot be fetched from the storage now; the server's log says more";
                let message = format!("{name}: {why}");
                Err(failed(FailureKind::StorageUnavailable, message))
            }
            Err(error) => {
                tracing::error!(function = %name, %error, "cannot load the function");
                let why = match error {
                    Unavailable::Refused(refusal) => refusal.to_string(),
                    Unavailable::Python(refused) => refused.to_string(),
                    // Paths of the host are for its operator.
                    _ => "the server cannot load it; the server's log says more".to_owned(),
                };
                Err(failed(FailureKind::Internal, format!("{name}: {why}")))
            }
        }
    }

    /// The function's present record, if that has other code than this one.
    fn replaced(&self, record: &FunctionRecord, target: &Target) -> Option<Arc<FunctionRecord>> {
        self.function(&record.name, target)
            .filter(|now| now.hash != record.hash)
    }

    /// Charges the memory that Faaslets start with, for all of them at once.
    async fn reserve(&self, wanted: &Wanted<'_>) -> Result<Charge, Box<Outcome>> {
        let failed = |kind, message| Err(Box::new(Outcome::failed(kind, message)));
        let Wanted { each, limits, .. } = *wanted;
        if each > limits.memory_bytes {
            let message = format!(
                "memory limit: the function starts with {each} bytes of memory, its limit is {}",
                limits.memory_bytes
            );
            return failed(FailureKind::MemoryLimit, message);
        }
        let budget = self.0.user_budgets.of(wanted.user);
        let needed = each.saturating_mul(wanted.count);
        if needed > budget.total() && (wanted.count > 1 || budget.is_part()) {
            let total = budget.total();
            let whose = match budget.is_part() {
                true => format!("all calls of its user may have {total} (--user-max-memory)"),
                false => format!("the server has {total} (--memory-budget)"),
            };
            let who = match wanted.count {
                1 => "the function starts".to_owned(),
                ranks => format!("the {ranks} ranks start"),
            };
            let message = format!("memory budget: {who} with {needed} bytes of memory, {whose}");
            return failed(FailureKind::MemoryLimit, message);
        }
        let mut charge = budget.charge();
        let mut waited = Duration::ZERO;
        while !charge.grow(needed) {
            let mut used_up = charge.used_up(needed);
            if used_up == UsedUp::Server {
                // What nobody uses goes first.
                self.0.warm.clear();
                if charge.grow(needed) {
                    break;
                }
                used_up = charge.used_up(needed);
            }
            if wanted.no_memory == NoMemory::Fail || waited >= limits.time {
                let message = format!("{used_up}; try again later");
                return failed(FailureKind::Overloaded, message);
            }
            tokio::select! {
                () = tokio::time::sleep(MEMORY_POLL) => waited += MEMORY_POLL,
                () = wanted.cancel.cancelled() => {
                    return failed(FailureKind::Cancelled, "the call was cancelled".to_owned());
                }
            }
        }
        Ok(charge)
    }
}

/// Whether it is the storage that fails, and not what is in it.
fn is_away(error: &faasm_storage::Error) -> bool {
    matches!(error, faasm_storage::Error::Unavailable { .. })
}
