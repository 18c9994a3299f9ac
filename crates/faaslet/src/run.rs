//! Executing one call.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use faasm_model::{Failure, FailureKind, Outcome, Timings};
use wasmtime::{Instance, ModuleExport, Ref, Store, WasmParams, WasmResults};

use crate::Faaslets;
use crate::call::{Call, Entry};
use crate::faaslet::Faaslet;
use crate::faults;
use crate::loaded::{Loaded, Main, Start};
use crate::prepare::Prepared;
use crate::stop::{self, End, Stop};
use crate::warm::Globals;
use faasm_budget::Charge;

/// A call that has ended.
#[derive(Debug)]
pub struct Executed {
    /// How it ended.
    pub outcome: Outcome,
    /// What the outcome's bytes take of the memory budget, for as long as they are kept.
    pub charge: Charge,
}

impl Faaslets {
    /// Runs one call from its beginning to its end. Dropping the future ends the call
    /// and frees everything it held.
    pub async fn execute(&self, call: Call) -> Executed {
        match self.prepare(&call).await {
            Ok(prepared) => self.run(call, prepared).await,
            Err(outcome) => {
                let charge = self.0.budget.charge();
                let outcome = *outcome;
                Executed { outcome, charge }
            }
        }
    }

    async fn run(&self, call: Call, prepared: Prepared) -> Executed {
        let shared = &self.0;
        let Prepared {
            loaded,
            limits,
            usage,
        } = prepared;
        let _alive = shared.ticker.keep_alive();
        let faaslet = Faaslet::new(shared, call, Arc::clone(&loaded), limits, usage);
        let (mut store, warm) = match shared.warm.take(&loaded, faaslet) {
            Ok((store, instance)) => (store, Some(instance)),
            Err(faaslet) => (new_store(&loaded, *faaslet), None),
        };
        if loaded.maps_state && warm.is_none() {
            let table = Arc::clone(store.data().mappings.table());
            faults::serve(&mut store, table);
        }
        let is_cold = warm.is_none();
        let mut timings = Timings::default();
        let mut begun = None;
        let result = drive(&mut store, warm, &loaded, &mut begun, &mut timings).await;
        let max_stack = shared.options.max_stack_bytes;
        let end = conclude(&mut store, stop::end(result, max_stack)).await;
        let whole = micros(store.data().clock.started);
        timings.run_us = whole.saturating_sub(timings.start_us);
        if is_cold {
            let seconds = timings.start_us as f64 / 1e6;
            shared.cold_start_seconds.record(seconds);
        }
        let is_fit = matches!(end, End::Returned(_));
        let executed = finish(&mut store, end, timings);
        if let Some((instance, Some(globals))) = begun.filter(|_| is_fit) {
            shared.warm.keep(&loaded, store, instance, &globals);
        }
        executed
    }
}

/// A store that keeps its Faaslet within its limits.
pub(crate) fn new_store(loaded: &Loaded, faaslet: Faaslet) -> Store<Faaslet> {
    let mut store = Store::new(loaded.engine(), faaslet);
    store.limiter(|faaslet| &mut faaslet.usage);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| Ok(store.data_mut().tick()?));
    store
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Instantiates the module and gives it its image, unless there is an instance that has it, and
/// runs what the call's entry says. `begun` is the instance as it was before that, if it can be
/// kept.
async fn drive(
    store: &mut Store<Faaslet>,
    warm: Option<Instance>,
    loaded: &Loaded,
    begun: &mut Option<(Instance, Option<Globals>)>,
    timings: &mut Timings,
) -> wasmtime::Result<i32> {
    let started = store.data().clock.started;
    let instance = match warm {
        Some(instance) => instance,
        None => start(store, loaded).await?,
    };
    if let Some(keeping) = &loaded.keeping {
        *begun = Some((instance, keeping.globals(store, &instance)));
    }
    timings.start_us = micros(started);
    // It may have been cancelled, or be out of time, by what it had to wait for.
    store.data().check()?;
    let mut guest = Guest { store, instance };
    match guest.store.data().call.entry {
        Entry::Pointer { pointer, .. } => guest.run_pointer(loaded, pointer).await,
        Entry::Main { .. } => guest.run_start(loaded).await,
    }
}

/// A fresh instance, with its image.
async fn start(store: &mut Store<Faaslet>, loaded: &Loaded) -> wasmtime::Result<Instance> {
    let instance = loaded.instance_pre.instantiate_async(&mut *store).await?;
    loaded.find_memory(store, &instance);
    if let Some(image) = loaded.image.as_deref() {
        image.restore(store, &instance)?;
    }
    Ok(instance)
}

/// An instance that is run from outside.
pub(crate) struct Guest<'a> {
    pub(crate) store: &'a mut Store<Faaslet>,
    pub(crate) instance: Instance,
}

impl Guest<'_> {
    async fn run_start(&mut self, loaded: &Loaded) -> wasmtime::Result<i32> {
        match &loaded.start {
            Start::Command(command) => {
                self.call::<(), ()>(command, ()).await?;
                Ok(0)
            }
            Start::Steps { main, destructors } => {
                self.construct(loaded).await?;
                let value = match main {
                    Main::Plain(main) => self.call(main, ()).await?,
                    Main::WithArgs(main) => self.call(main, (0, 0)).await?,
                    Main::Void(main) => self.call(main, ()).await.map(|()| 0)?,
                };
                self.call_if(destructors.as_ref()).await?;
                Ok(value)
            }
        }
    }

    /// Runs the constructors, unless they have run before the image was taken.
    async fn construct(&mut self, loaded: &Loaded) -> wasmtime::Result<()> {
        match loaded.image {
            Some(_) => Ok(()),
            None => self.call_if(loaded.constructors.as_ref()).await,
        }
    }

    /// Runs the initialiser, which may or may not return a status.
    pub(crate) async fn zygote(&mut self, zygote: &ModuleExport) -> wasmtime::Result<()> {
        let function = self.function(zygote)?;
        match function.typed::<(), i32>(&mut *self.store) {
            Ok(typed) => match typed.call_async(&mut *self.store, ()).await? {
                0 => Ok(()),
                status => Err(misuse("_faasm_zygote", format!("returned {status}")).into()),
            },
            Err(_) => self.call::<(), ()>(zygote, ()).await,
        }
    }

    /// Runs an initialiser that returns a status.
    pub(crate) async fn initialise(&mut self, export: &ModuleExport) -> wasmtime::Result<()> {
        match self.call(export, ()).await? {
            0 => Ok(()),
            status => Err(Stop::Exit(status).into()),
        }
    }

    async fn run_pointer(&mut self, loaded: &Loaded, pointer: u32) -> wasmtime::Result<i32> {
        const NAME: &str = "__faasm_chain_ptr";
        let setup = &loaded.pointers;
        self.construct(loaded).await?;
        let Some(table) = &setup.table else {
            let problem = "the module exports no function table (link with --export-table)";
            return Err(misuse(NAME, problem.into()).into());
        };
        let table = self.instance.get_module_export(&mut *self.store, table);
        let entry = table
            .and_then(wasmtime::Extern::into_table)
            .and_then(|table| table.get(&mut *self.store, u64::from(pointer)));
        let Some(Ref::Func(Some(function))) = entry else {
            let problem = format!("there is no function at table index {pointer}");
            return Err(misuse(NAME, problem).into());
        };
        let value = match function.typed::<(), i32>(&*self.store) {
            Ok(typed) => typed.call_async(&mut *self.store, ()).await?,
            Err(_) => {
                let problem =
                    format!("the function at table index {pointer} is not an `int f(void)`");
                return Err(misuse(NAME, problem).into());
            }
        };
        self.call_if(setup.destructors.as_ref()).await?;
        Ok(value)
    }

    pub(crate) async fn call_if(&mut self, export: Option<&ModuleExport>) -> wasmtime::Result<()> {
        match export {
            Some(export) => self.call(export, ()).await,
            None => Ok(()),
        }
    }

    async fn call<P, R>(&mut self, export: &ModuleExport, params: P) -> wasmtime::Result<R>
    where
        P: WasmParams + Sync,
        R: WasmResults + Sync,
    {
        let typed = self.function(export)?.typed::<P, R>(&*self.store)?;
        typed.call_async(&mut *self.store, params).await
    }

    fn function(&mut self, export: &ModuleExport) -> wasmtime::Result<wasmtime::Func> {
        self.instance
            .get_module_export(&mut *self.store, export)
            .and_then(wasmtime::Extern::into_func)
            .ok_or_else(|| wasmtime::Error::msg("an export has gone"))
    }
}

fn misuse(import: &'static str, problem: String) -> Stop {
    Stop::Misuse { import, problem }
}

/// What a successful guest has written to state and shared files is durable before its success
/// is known.
async fn conclude(store: &mut Store<Faaslet>, end: End) -> End {
    let faaslet = store.data_mut();
    let stored = match end {
        // State last: if a file is refused, the call has failed and leaves its state unpushed.
        End::Returned(0) => match faaslet.close_files().await {
            Ok(()) => faaslet.push().await,
            refused => refused,
        },
        _ => Ok(()),
    };
    match stored {
        Ok(()) => end,
        Err(stop) => End::Failed(stop.into()),
    }
}

/// Reads the outcome off the store.
fn finish(store: &mut Store<Faaslet>, end: End, timings: Timings) -> Executed {
    let faaslet = store.data_mut();
    let (return_value, mut failure) = match end {
        End::Returned(0) => (0, None),
        End::Returned(value) => {
            let python = faaslet.python_failure.take();
            let failure = python.map_or_else(|| nonzero(value), |failed| failed.of_call(value));
            (value, Some(failure))
        }
        End::Failed(failure) => (-1, Some(failure)),
    };
    if let Some(failure) = &mut failure {
        faaslet.usage.explain(failure);
        if let Some(trouble) = faaslet.mappings.take_trouble() {
            failure.kind = stop::state_kind(&trouble);
            failure.message = format!("state: {trouble}; then: {}", failure.message);
        }
        faaslet.fail_world(failure);
    }
    let captured = &mut faaslet.captured;
    let outcome = Outcome {
        return_value,
        output: std::mem::take(&mut captured.output),
        stdout: Bytes::from(std::mem::take(&mut captured.stdout)),
        stderr: Bytes::from(std::mem::take(&mut captured.stderr)),
        failure,
        timings,
    };
    let charge = captured.take_charge();
    Executed { outcome, charge }
}

fn nonzero(value: i32) -> Failure {
    Failure {
        kind: FailureKind::NonZeroReturn,
        message: format!("the function returned {value}"),
    }
}
