//! Running an initialiser, and taking the image of what it leaves.

use std::sync::Arc;

use faasm_budget::Charge;
use faasm_model::{FailureKind, FileAccess, Invocation, Limits};
use wasmtime::{ModuleExport, Store};

use super::Image;
use super::bare::{self, Segment};
use super::pages::{self, Fingerprint};
use super::snapshot::{Head, Snapshot};
use super::spaces::Spaces;
use super::survey::{Survey, Surveyor};
use crate::call::Call;
use crate::faaslet::Faaslet;
use crate::faaslets::Shared;
use crate::loaded::Loaded;
use crate::modules::Unavailable;
use crate::python::PythonRefused;
use crate::refusal::Refusal;
use crate::run::{Guest, new_store};
use crate::stop::{self, End, Stop};
use crate::usage::Usage;
use crate::waiting::may_wait;

/// Bytes of each of the initialiser's streams that a refusal shows, from the end.
const SHOWN: usize = 2 << 10;

/// From where an initialiser is run.
pub(crate) enum Origin<'a> {
    /// A fresh instance of a module, whose data is put into it; what runs is its zygote.
    Data(&'a [Segment]),
    /// An instance that the image of the module has been given to; what runs is this export, which
    /// returns a status.
    Image(&'a Image, &'a ModuleExport),
}

/// Runs an initialiser on behalf of `invocation`, from `origin`, and takes the image of what it
/// leaves; `None` if a zygote has changed nothing. The memory that the image takes is in the charge.
pub(crate) async fn take(
    shared: &Arc<Shared>,
    invocation: Invocation,
    loaded: &Arc<Loaded>,
    spaces: &Spaces,
    origin: Origin<'_>,
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
    // It changes nothing outside of itself.
    let call = Call::none(Arc::new(Invocation {
        files: FileAccess::Read,
        ..invocation
    }));
    let faaslet = Faaslet::new(shared, call, Arc::clone(loaded), limits, usage);
    let mut store = new_store(loaded, faaslet.initialising());
    let taken = Taking {
        store: &mut store,
        loaded,
        spaces,
        origin,
    };
    let max_stack = shared.options.max_stack_bytes;
    let head = match taken.run().await {
        Ok(head) => head,
        Err(error) => return Err(explain(&mut store, error, max_stack)),
    };
    if store.data().vfs.has_open_files() {
        let problem = "it leaves files open; close them, calls have descriptors of their own";
        return Err(wrong(&store, problem.to_owned()));
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

/// An initialiser that runs.
struct Taking<'a> {
    store: &'a mut Store<Faaslet>,
    loaded: &'a Loaded,
    spaces: &'a Spaces,
    origin: Origin<'a>,
}

impl Taking<'_> {
    /// What is different after everything has run from a fresh instance; `None` if the
    /// zygote itself has made no difference.
    async fn run(self) -> wasmtime::Result<Option<Head>> {
        let Self {
            store,
            loaded,
            spaces,
            origin,
        } = self;
        let missing = || wasmtime::Error::msg("the module has no initialiser");
        let initialiser = loaded.initialiser.as_ref().ok_or_else(missing)?;
        let instance = initialiser
            .instance_pre
            .instantiate_async(&mut *store)
            .await?;
        loaded.find_memory(store, &instance);
        let surveyor = may_wait(|| Surveyor::new(store, instance, spaces))?;
        let fresh = may_wait(|| surveyor.survey(store))?;
        let segments = match origin {
            Origin::Data(segments) => segments,
            Origin::Image(image, load) => {
                image.restore(store, &instance)?;
                let mut guest = Guest { store, instance };
                guest.initialise(load).await?;
                return may_wait(|| {
                    let mut head = Head::new(
                        pages::count(guest.store),
                        pages::changes(guest.store, image)?,
                    );
                    head.base = Some(image.id);
                    surveyor.survey(guest.store)?.describe(&fresh, &mut head);
                    Ok(Some(head))
                });
            }
        };
        may_wait(|| pages::fill(store, segments))?;
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
            let mut head = Head::new(pages::count(guest.store), pages::runs(guest.store)?);
            initialised.0.describe(&fresh, &mut head);
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
    let is_status = matches!(error.downcast_ref(), Some(Stop::Exit(_)));
    if let Some(failed) = store.data_mut().python_failure.take().filter(|_| is_status) {
        return failed.of_upload(&printed(store)).into();
    }
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
    message.push_str(&printed(store));
    wrong(store, message)
}

/// What the initialiser did wrong, in the words for whoever wrote it.
fn wrong(store: &Store<Faaslet>, problem: String) -> Unavailable {
    match store.data().loaded.keeping {
        // Of a Python file.
        Some(_) => PythonRefused::Import(problem).into(),
        None => refused(Refusal::Initialiser(problem)),
    }
}

/// What the initialiser has printed, to follow a message.
fn printed(store: &Store<Faaslet>) -> String {
    let captured = &store.data().captured;
    let mut printed = String::new();
    for (name, text) in [("stderr", &captured.stderr), ("stdout", &captured.stdout)] {
        if text.is_empty() {
            continue;
        }
        let tail = &text[text.len().saturating_sub(SHOWN)..];
        let tail = String::from_utf8_lossy(tail);
        printed.push_str(&format!("; {name}: {:?}", tail.trim_end()));
    }
    printed
}

fn refused(refusal: Refusal) -> Unavailable {
    Unavailable::Refused(Arc::new(refusal))
}
