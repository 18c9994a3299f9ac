//! A kernel's module in bare wasmtime: only the kernel is called, so it needs no imports.

use std::time::Instant;

use wasmtime::{Engine, InstancePre, Linker, Store};

use crate::bare::{self, Epochs};
use crate::time::Time;

/// A compiled module.
pub struct Module(InstancePre<()>);

pub fn engine(epochs: Epochs) -> anyhow::Result<Engine> {
    bare::engine(4, epochs).map_err(bare::plain)
}

impl Module {
    pub fn compile(engine: &Engine, wasm: &[u8]) -> anyhow::Result<Self> {
        let prepare = || {
            let module = wasmtime::Module::new(engine, wasm)?;
            let mut linker = Linker::new(engine);
            linker.define_unknown_imports_as_traps(&module)?;
            linker.instantiate_pre(&module)
        };
        prepare().map(Self).map_err(bare::plain)
    }

    /// As often as the driver runs it, in a fresh instance.
    pub fn run(&self) -> anyhow::Result<Time> {
        let mut store = Store::new(self.0.module().engine(), ());
        // Checked, but never reached.
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.0.instantiate(&mut store).map_err(bare::plain)?;
        let kernel = instance.get_typed_func::<(), f64>(&mut store, "kernel");
        let kernel = kernel.map_err(bare::plain)?;
        let mut run = || {
            let begun = Instant::now();
            let result = kernel.call(&mut store, ()).map_err(bare::plain)?;
            let nanos = begun.elapsed().as_nanos() as f64;
            anyhow::Ok(Time { nanos, result })
        };
        Time::best([run()?, run()?])
    }
}
