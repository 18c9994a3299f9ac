//! A guest as MPI sees it: a memory, and functions to call.

use std::borrow::Cow;
use std::sync::Arc;

use faasm_mpi::{BadAddress, Callback, Rank, Stop};
use wasmtime::{AsContextMut, Caller, Extern, Func, Ref};

use super::watch::{Interrupted, Watch, Watching};
use crate::faaslet::Faaslet;
use crate::host::allocate::allocate;
use crate::stop;
use crate::world::Lent;

/// The least that the guest's `malloc` is asked for, in bytes.
const LEAST: u32 = 256;

/// The export that computes with `long double`, which the host does not.
const LONG_DOUBLE: &str = "__faasm_mpi_reduce";

/// The guest during one call of MPI.
pub(super) struct Guest<'a, 'b> {
    caller: &'a mut Caller<'b, Faaslet>,
    /// Why a function of the guest did not return.
    trap: Option<wasmtime::Error>,
}

type Ended = Result<i32, Stop>;

impl<'a, 'b> Guest<'a, 'b> {
    pub(super) fn new(caller: &'a mut Caller<'b, Faaslet>) -> Self {
        Self { caller, trap: None }
    }

    /// For a function that may wait for other ranks.
    pub(super) fn waiting(
        caller: &'a mut Caller<'b, Faaslet>,
        call: &'static str,
    ) -> wasmtime::Result<Self> {
        // It would keep a stack from others who need one.
        let is_allocating = caller.data().allocating_until.is_some();
        if is_allocating || caller.data_mut().mpi().is_called_back {
            let problem = "functions that the host has called must not wait for other ranks";
            let problem = problem.into();
            return Err(stop::Stop::Mpi(Stop::Misuse { call, problem }).into());
        }
        Ok(Self::new(caller))
    }

    pub(super) fn watch(&mut self) -> Watching {
        Watch::of(self.caller.data_mut())
    }

    /// What the program gets of a function.
    pub(super) fn end(&mut self, ended: Ended) -> wasmtime::Result<i32> {
        ended.map_err(|stop| match (stop, self.trap.take()) {
            (Stop::Trapped, Some(trap)) => trap,
            (stop, _) => stop::Stop::Mpi(stop).into(),
        })
    }

    /// The same of a function that may have waited.
    pub(super) fn end_waiting(
        &mut self,
        watch: Watch,
        ended: Result<Ended, Interrupted>,
    ) -> wasmtime::Result<i32> {
        let faaslet = self.caller.data_mut();
        faaslet.mpi().watch = Some(watch);
        match ended {
            Ok(ended) => self.end(ended),
            Err(Interrupted::Cancelled) => Err(stop::Stop::Cancelled.into()),
            Err(Interrupted::OutOfTime) => Err(faaslet.out_of_time().into()),
        }
    }

    fn misuse<T>(&mut self, problem: impl Into<Cow<'static, str>>) -> Result<T, Stop> {
        let call = self.caller.data_mut().mpi().rank.call();
        let problem = problem.into();
        Err(Stop::Misuse { call, problem })
    }

    /// Keeps the reason for which the guest is to be stopped.
    fn trapped(&mut self, trap: wasmtime::Error) -> Stop {
        self.trap = Some(trap);
        Stop::Trapped
    }

    fn function(&mut self, function: Callback) -> Option<Func> {
        let index = match function {
            Callback::LongDouble => return self.caller.get_export(LONG_DOUBLE)?.into_func(),
            Callback::Operation(index) | Callback::Attribute(index) => u64::from(index),
        };
        let export = self.caller.data().loaded.pointers.table?;
        let table = self.caller.get_module_export(&export)?.into_table()?;
        match table.get(self.caller.as_context_mut(), index)? {
            Ref::Func(function) => function,
            _ => None,
        }
    }

    /// Whether a function takes so many words, and gives what one of its kind gives.
    fn is_callable(&self, found: &Func, function: Callback, arguments: usize) -> bool {
        let kind = found.ty(&*self.caller);
        let results = match function {
            Callback::Operation(_) => 0,
            Callback::Attribute(_) | Callback::LongDouble => 1,
        };
        let mut all = kind.params().chain(kind.results());
        kind.params().len() == arguments
            && kind.results().len() == results
            && all.all(|value| value.is_i32())
    }

    async fn run(&mut self, function: Func, arguments: &[u32]) -> wasmtime::Result<i32> {
        macro_rules! run {
            ($params:ty, $results:ty, $arguments:expr) => {{
                let typed = function.typed::<$params, $results>(&*self.caller)?;
                typed
                    .call_async(self.caller.as_context_mut(), $arguments)
                    .await
            }};
        }
        match *arguments {
            [a, b, c, d] if function.ty(&*self.caller).results().len() == 0 => {
                run!((u32, u32, u32, u32), (), (a, b, c, d)).map(|()| 0)
            }
            [a, b, c, d] => run!((u32, u32, u32, u32), i32, (a, b, c, d)),
            [a, b, c, d, e] => run!((u32, u32, u32, u32, u32), i32, (a, b, c, d, e)),
            [a, b, c, d, e, f] => {
                run!((u32, u32, u32, u32, u32, u32), i32, (a, b, c, d, e, f))
            }
            _ => Err(wasmtime::Error::msg("MPI calls no function like this")),
        }
    }
}

/// What a function of the guest is called in messages.
fn name(function: Callback) -> String {
    match function {
        Callback::Operation(index) => {
            format!("the function of the operation, number {index} in the program's table,")
        }
        Callback::Attribute(index) => {
            format!("the function of the attribute, number {index} in the program's table,")
        }
        Callback::LongDouble => format!("the function {LONG_DOUBLE}"),
    }
}

impl faasm_mpi::Host for Guest<'_, '_> {
    type Memory = Lent;

    fn rank(&mut self) -> &mut Rank<Lent> {
        &mut self.caller.data_mut().mpi().rank
    }

    fn lend(&mut self) -> Result<Lent, BadAddress> {
        let memory = match self.caller.data().memory {
            Some(memory) => Some(memory),
            // Only while the start function runs: the instance is not known yet.
            None => self
                .caller
                .get_export("memory")
                .and_then(Extern::into_memory),
        };
        let unusable = |why: &str| BadAddress::Unusable(why.to_owned());
        let memory = memory.ok_or_else(|| unusable("the module exports no memory"))?;
        let faaslet = self.caller.data_mut();
        let loan = faaslet.mpi().lend();
        let loan = loan.ok_or_else(|| unusable("the memory is in use"))?;
        let table = faaslet.mappings.table();
        let mapped = (!table.is_empty()).then(|| Arc::clone(table));
        let (start, size) = (
            memory.data_ptr(&*self.caller),
            memory.data_size(&*self.caller),
        );
        // SAFETY: linear memories do not move. The guest stands still in the call of MPI that this
        // `Guest` is for, and is neither gone on with nor called as long as there is a loan: the
        // end of the call and `call` see to it. There is one loan at a time, and the host touches
        // the memory through it alone during the call.
        Ok(unsafe { Lent::new(start, size, mapped, loan) })
    }

    fn restore(&mut self, memory: Lent) {
        drop(memory);
    }

    async fn call(&mut self, function: Callback, arguments: &[u32]) -> Result<Option<i32>, Stop> {
        let part = self.caller.data_mut().mpi();
        if part.is_lent() || part.is_called_back {
            return self.misuse("a function that MPI has called must not have MPI call another");
        }
        let Some(found) = self.function(function) else {
            return Ok(None);
        };
        if !self.is_callable(&found, function, arguments.len()) {
            return self.misuse(format!(
                "{} has not the type that it must have",
                name(function)
            ));
        }
        let stacks = Arc::clone(&self.caller.data().shared.spare_stacks);
        let stack = self.caller.data().wait(stacks.acquire_owned()).await;
        let stack = stack.map_err(|stop| self.trapped(stop.into()))?;
        self.caller.data_mut().mpi().is_called_back = true;
        let returned = self.run(found, arguments).await;
        self.caller.data_mut().mpi().is_called_back = false;
        drop(stack);
        returned.map(Some).map_err(|trap| self.trapped(trap))
    }

    async fn allocate(&mut self, bytes: u32) -> Result<Option<u32>, Stop> {
        let part = self.caller.data_mut().mpi();
        if part.is_lent() {
            return self.misuse("its memory is in use");
        }
        if let Some(spare) = part.take_spare(bytes) {
            return Ok(Some(spare));
        }
        // Somewhat more, so that it serves more often.
        let bytes = bytes
            .max(LEAST)
            .checked_next_power_of_two()
            .unwrap_or(bytes);
        match allocate(self.caller, bytes).await {
            Ok(Ok(at)) => {
                self.caller.data_mut().mpi().note(at, bytes);
                Ok(Some(at))
            }
            Ok(Err(_)) => Ok(None),
            Err(trap) => Err(self.trapped(trap)),
        }
    }

    async fn free(&mut self, address: u32) -> Result<(), Stop> {
        self.caller.data_mut().mpi().give_back(address);
        Ok(())
    }
}

impl Drop for Guest<'_, '_> {
    fn drop(&mut self) {
        // The call ends, also if it is given up in the middle.
        if self.caller.data_mut().mpi().is_lent() {
            // Somebody could write into what will be another Faaslet's memory.
            tracing::error!("the memory of an MPI rank was not given back");
            std::process::abort();
        }
    }
}
