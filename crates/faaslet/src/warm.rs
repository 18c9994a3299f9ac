//! Faaslets that have ended, cleared and kept for the next call of the same function.
//!
//! Most of a start from an image is faults: a page at a time is copied from the image when it is
//! first written. A kept Faaslet has those pages already. What its call has written is put back
//! **before** it is kept: the kernel says which pages there are, and each gets the bytes that the
//! image has there. The next call finds what it would find in a fresh instance.
//!
//! Only instances of modules that cannot change their tables are kept, at the size that the image
//! has, with all globals as they were, and only for calls of the very function that they ran.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use faasm_budget::Charge;
use faasm_model::{FunctionName, Invocation};
use wasmtime::{Instance, Module, ModuleExport, Mutability, Store, Val};

use crate::faaslet::Faaslet;
use crate::image::Image;
use crate::loaded::Loaded;
use crate::page_map::PageMap;

/// Faaslets that are kept at most. The pool of instances has room for them beside those of calls.
pub(crate) const MAX_KEPT: u32 = 64;

/// Bytes that a call may have written and still have its Faaslet kept.
const MAX_WRITTEN: usize = 4 << 20;

/// The part of the memory budget that kept Faaslets may take.
const KEPT_SHARE: u64 = 16;

/// How long a Faaslet that nobody calls for is kept, if others are.
const MAX_IDLE: Duration = Duration::from_secs(30);

/// All kept Faaslets.
pub(crate) struct Warm {
    /// `None` where the kernel cannot say what was written: then none are kept.
    pages: Option<PageMap>,
    /// Those that were used last are at the end.
    kept: Mutex<VecDeque<Kept>>,
    reused: metrics::Counter,
}

/// What makes the Faaslets of one function fit to be kept.
pub(crate) struct Keeping {
    id: u64,
    /// What a kept Faaslet counts as a Faaslet of: not of the function, which may be gone.
    idle: Arc<Loaded>,
    /// The function, without an input.
    invocation: Arc<Invocation>,
    /// The globals that the module can change, all of them numbers.
    globals: Arc<[ModuleExport]>,
}

/// The values of globals, as bits.
#[derive(PartialEq)]
pub(crate) struct Globals(Vec<u64>);

struct Kept {
    /// Whose it is: the id of a [`Keeping`].
    id: u64,
    store: Store<Faaslet>,
    instance: Instance,
    since: Instant,
    /// Lives as long as it is mapped, so that its memory stays charged.
    _image: Arc<Image>,
    _charge: Charge,
    /// What that is for.
    bytes: u64,
}

/// Ids of functions whose Faaslets are kept.
static IDS: AtomicU64 = AtomicU64::new(0);

impl Keeping {
    /// For `function`, which is one more of a module, of which `idle` is another.
    pub(crate) fn new(
        function: &FunctionName,
        idle: &Arc<Loaded>,
        globals: &Arc<[ModuleExport]>,
    ) -> Self {
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            idle: Arc::clone(idle),
            invocation: Arc::new(Invocation::new(function.clone(), "")),
            globals: Arc::clone(globals),
        }
    }

    /// The values of the globals; `None` if one is no number.
    pub(crate) fn globals(
        &self,
        store: &mut Store<Faaslet>,
        instance: &Instance,
    ) -> Option<Globals> {
        let values = self.globals.iter().map(|global| {
            let global = instance.get_module_export(&mut *store, global)?;
            match global.into_global()?.get(&mut *store) {
                Val::I32(value) => Some(u64::from(value.cast_unsigned())),
                Val::I64(value) => Some(value.cast_unsigned()),
                Val::F32(bits) => Some(u64::from(bits)),
                Val::F64(bits) => Some(bits),
                _ => None,
            }
        });
        values.collect::<Option<_>>().map(Globals)
    }
}

/// The globals that a module can change.
pub(crate) fn variables(module: &Module) -> Arc<[ModuleExport]> {
    let exports = module.exports().filter(|export| {
        let ty = export.ty();
        let global = ty.global();
        global.is_some_and(|global| global.mutability() == Mutability::Var)
    });
    exports
        .filter_map(|export| module.get_export_index(export.name()))
        .collect()
}

impl Warm {
    pub(crate) fn new() -> Self {
        Self {
            pages: PageMap::open(),
            kept: Mutex::default(),
            reused: metrics::counter!("faasm_faaslets_reused_total"),
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A kept Faaslet for a call of `loaded`, which becomes `faaslet`; `faaslet` again if there is
    /// none.
    pub(crate) fn take(
        &self,
        loaded: &Loaded,
        faaslet: Faaslet,
    ) -> Result<(Store<Faaslet>, Instance), Box<Faaslet>> {
        let found = loaded.keeping.as_ref().and_then(|keeping| {
            let mut kept = self.kept();
            let at = kept.iter().rposition(|kept| kept.id == keeping.id)?;
            kept.remove(at)
        });
        let Some(mut found) = found else {
            return Err(Box::new(faaslet));
        };
        self.reused.increment(1);
        found.store.set_epoch_deadline(1);
        let idle = std::mem::replace(found.store.data_mut(), faaslet);
        found.store.data_mut().succeed(idle);
        Ok((found.store, found.instance))
    }

    /// Clears the Faaslet of a call that has returned, which began with `globals`, and keeps it, if
    /// it can be.
    pub(crate) fn keep(
        &self,
        loaded: &Loaded,
        mut store: Store<Faaslet>,
        instance: Instance,
        globals: &Globals,
    ) {
        let (Some(keeping), Some(image), Some(pages)) =
            (&loaded.keeping, &loaded.image, &self.pages)
        else {
            return;
        };
        let Some(written) = clear(&mut store, image, pages) else {
            return;
        };
        let mut charge = store.data().shared.budget.charge();
        let is_as_before = keeping.globals(&mut store, &instance).as_ref() == Some(globals);
        if !is_as_before || !charge.grow(written) {
            return;
        }
        let (idle, of) = (Arc::clone(&keeping.idle), Arc::clone(&keeping.invocation));
        let idle = store.data().idle(idle, of);
        let ended = std::mem::replace(store.data_mut(), idle);
        store.data_mut().succeed(ended);
        let now = Instant::now();
        let kept = Kept {
            id: keeping.id,
            store,
            instance,
            since: now,
            _image: Arc::clone(image),
            _charge: charge,
            bytes: written,
        };
        let room = kept.store.data().shared.budget.total() / KEPT_SHARE;
        let dropped = self.add(kept, now, room);
        // Not under the lock: that takes a while.
        drop(dropped);
    }

    /// Adds one; what is to go for that.
    fn add(&self, new: Kept, now: Instant, room: u64) -> Vec<Kept> {
        let mut kept = self.kept();
        kept.push_back(new);
        let old = |kept: &Kept| now.duration_since(kept.since) > MAX_IDLE;
        let is_full = kept.len() > MAX_KEPT as usize;
        let mut count = kept.iter().take_while(|kept| old(kept)).count();
        count = count.max(usize::from(is_full));
        let mut bytes = kept.iter().skip(count).map(|kept| kept.bytes).sum::<u64>();
        while bytes > room {
            bytes -= kept[count].bytes;
            count += 1;
        }
        kept.drain(..count).collect()
    }

    /// Gives back all memory that kept Faaslets take.
    pub(crate) fn clear(&self) {
        let kept = std::mem::take(&mut *self.kept());
        drop(kept);
    }
}

/// Puts back what a call has written; how many bytes that were, or `None` if the memory cannot be
/// made what it was.
fn clear(store: &mut Store<Faaslet>, image: &Image, pages: &PageMap) -> Option<u64> {
    let memory = store.data().memory?;
    let is_as_before = memory.data_size(&*store) as u64 == image.memory_bytes();
    if !is_as_before || !store.data().mappings.table().is_empty() {
        return None;
    }
    let memory = memory.data_mut(store);
    let written = pages.written(memory).ok()?;
    let bytes = written.iter().map(ExactSizeIterator::len).sum::<usize>();
    if bytes > MAX_WRITTEN {
        return None;
    }
    for range in written {
        let offset = range.start as u64;
        image.read_at(&mut memory[range], offset).ok()?;
    }
    Some(bytes as u64)
}
