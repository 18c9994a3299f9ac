//! Running an initialiser, and taking the image of what it leaves.

use std::sync::Arc;

use faasm_budget::Charge;
use faasm_model::{CallId, FailureKind, FunctionName, Invocation, Limits, Outcome};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;

use super::bare::{self, Bare};
use super::pages::{self, Fingerprint};
use super::snapshot::{Head, Snapshot};
use super::survey::{Survey, Surveyor};
use crate::call::{Call, Callee, Chain, ChainRefused, Entry, NoMemory};
use crate::faaslet::Faaslet;
use crate::faaslets::Shared;
use crate::loaded::Loaded;
use crate::modules::Unavailable;
use crate::refusal::Refusal;
use crate::run::{Guest, new_store};
use crate::stop::{self, End};
use crate::usage::Usage;
use crate::waiting::may_wait;

/// Bytes of each of the initialiser's streams that a refusal shows, from the end.
const SHOWN: usize = 2 << 10;

/// Runs the initialiser of a function and takes the image of what it leaves; `None` if it has
/// changed nothing. The memory that the image takes is in the charge.
pub(crate) async fn take(
    shared: &Arc<Shared>,
    function: &FunctionName,
    loaded: &Arc<Loaded>,
    bare: &Bare,
) -> Result<Option<(Snapshot, Charge)>, Unavailable> {
    let limits = Limits {
        time: shared.options.max_init_time,
        ..shared.options.limits
    };
    let mut charge = shared.budget.charge();
    let needed = loaded.min_memory_bytes;
    if needed > limits.memory_bytes {
        return Err(refused(Refusal::TooLarge(format!(
            "it starts with {needed} bytes of memory, the limit is {}",
            limits.memory_bytes
        ))));
    }
    if !charge.grow(needed) {
        return Err(Unavailable::NoMemory);
    }
    let usage = Usage::new(&limits, charge, needed);
    let _alive = shared.ticker.keep_alive();
    let faaslet = Faaslet::new(shared, call(function), Arc::clone(loaded), limits, usage);
    let mut store = new_store(loaded, faaslet.initialising());
    let taken = Taking {
        store: &mut store,
        loaded,
        bare,
    };
    let max_stack = shared.options.max_stack_bytes;
    let head = match taken.run().await {
        Ok(head) => head,
        Err(error) => return Err(explain(&mut store, error, max_stack)),
    };
    if store.data().vfs.has_open_files() {
        return Err(refused(Refusal::Initialiser(
            "it leaves files open; close them, calls have descriptors of their own".into(),
        )));
    }
    let Some(head) = head else {
        return Ok(None);
    };
    let mut charge = shared.budget.charge();
    // The pages, and the file made of them.
    if !charge.grow(head.stored().saturating_mul(2)) {
        return Err(Unavailable::NoMemory);
    }
    match may_wait(|| pages::copy(&store, &head.runs)) {
        Ok(bytes) => Ok(Some((Snapshot { head, bytes }, charge))),
        Err(stop) => Err(explain(&mut store, stop.into(), max_stack)),
    }
}

/// The initialiser's call: of the function's user, with nothing to read and nobody to wait for.
fn call(function: &FunctionName) -> Call {
    Call {
        id: CallId::MIN,
        invocation: Arc::new(Invocation::new(function.clone(), "")),
        entry: Entry::Main { index: 0 },
        cancel: CancellationToken::new(),
        no_memory: NoMemory::Fail,
        chain: Arc::new(NoChain),
    }
}

/// Initialisers cannot chain: their imports of that kind are refused by name.
struct NoChain;

impl Chain for NoChain {
    fn start(&self, _callee: Callee) -> Result<CallId, ChainRefused> {
        Err(ChainRefused::NoIds)
    }

    fn join(&self, _id: CallId) -> BoxFuture<'_, Arc<Outcome>> {
        Box::pin(std::future::pending())
    }
}

/// An initialiser that runs.
struct Taking<'a> {
    store: &'a mut Store<Faaslet>,
    loaded: &'a Loaded,
    bare: &'a Bare,
}

impl Taking<'_> {
    /// What is different after everything has run from a fresh instance; `None` if the
    /// initialiser itself has made no difference.
    async fn run(self) -> wasmtime::Result<Option<Head>> {
        let Self {
            store,
            loaded,
            bare,
        } = self;
        let missing = || wasmtime::Error::msg("the module has no initialiser");
        let initialiser = loaded.initialiser.as_ref().ok_or_else(missing)?;
        let instance = initialiser
            .instance_pre
            .instantiate_async(&mut *store)
            .await?;
        loaded.find_memory(store, &instance);
        let surveyor = may_wait(|| {
            pages::fill(store, &bare.segments)?;
            Surveyor::new(store, instance, &bare.spaces)
        })?;
        let fresh = may_wait(|| surveyor.survey(store))?;
        let start = instance.get_func(&mut *store, bare::START);
        if let Some(start) = start {
            start.call_async(&mut *store, &[], &mut []).await?;
        }
        let mut guest = Guest { store, instance };
        guest.call_if(loaded.constructors.as_ref()).await?;
        let constructed = may_wait(|| everything(&surveyor, guest.store))?;
        guest.zygote(&initialiser.zygote).await?;
        may_wait(|| {
            let initialised = everything(&surveyor, guest.store)?;
            if constructed == initialised {
                return Ok(None);
            }
            let (survey, Fingerprint { pages, .. }) = initialised;
            let mut head = Head::new(pages, pages::runs(guest.store)?);
            survey.describe(&fresh, &mut head);
            Ok(Some(head))
        })
    }
}

fn everything(
    surveyor: &Surveyor<'_>,
    store: &mut Store<Faaslet>,
) -> wasmtime::Result<(Survey, Fingerprint)> {
    Ok((surveyor.survey(store)?, pages::fingerprint(store)?))
}

/// What the initialiser did wrong, with what it printed, or what the server lacked for it.
fn explain(store: &mut Store<Faaslet>, error: wasmtime::Error, max_stack: usize) -> Unavailable {
    let mut message = match stop::end(Err(error), max_stack) {
        End::Returned(code) => format!("it called exit({code})"),
        End::Failed(mut failure) => {
            let usage = &store.data().usage;
            usage.explain(&mut failure);
            match failure.kind {
                FailureKind::Internal => return Unavailable::Internal(failure.message.into()),
                FailureKind::MemoryLimit if usage.is_out_of_budget() => {
                    return Unavailable::NoMemory;
                }
                _ => failure.message,
            }
        }
    };
    let captured = &store.data().captured;
    for (name, text) in [("stderr", &captured.stderr), ("stdout", &captured.stdout)] {
        if text.is_empty() {
            continue;
        }
        let tail = &text[text.len().saturating_sub(SHOWN)..];
        let tail = String::from_utf8_lossy(tail);
        message.push_str(&format!("; {name}: {:?}", tail.trim_end()));
    }
    refused(Refusal::Initialiser(message))
}

fn refused(refusal: Refusal) -> Unavailable {
    Unavailable::Refused(Arc::new(refusal))
}
