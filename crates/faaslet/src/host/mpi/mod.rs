//! MPI: what the functions do is in `faasm_mpi`; this gives it the guest.

mod guest;
mod part;
mod watch;

use std::pin::pin;

use faasm_mpi::functions;
use wasmtime::{Caller, Linker};

use self::guest::Guest;
pub(crate) use self::part::MpiPart;
use super::ENV;
use crate::faaslet::Faaslet;

type Host<'a> = Caller<'a, Faaslet>;

/// Makes host functions of a list of functions: all arguments are `int` or as wide.
macro_rules! link {
    ($($when:ident $phase:ident $name:ident = $module:ident::$function:ident($($argument:ident),*);)*) => {
        fn add_list(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
            $(link!(@$when linker $name $($argument)*);)*
            Ok(())
        }
    };
    (@wait $linker:ident $name:ident $($argument:ident)*) => {
        $linker.func_wrap_async(
            ENV,
            stringify!($name),
            |mut host: Host<'_>, ($($argument,)*): ($(link!(@int $argument),)*)| {
                Box::new(async move {
                    let mut guest = Guest::waiting(&mut host, stringify!($name))?;
                    let watch = guest.watch();
                    let (watch, ended) = {
                        let call = pin!(functions::$name(&mut guest $(, $argument)*));
                        watch.over(call).await
                    };
                    guest.end_waiting(watch, ended)
                })
            },
        )?;
    };
    (@now $linker:ident $name:ident $($argument:ident)*) => {
        $linker.func_wrap(ENV, stringify!($name), |mut host: Host<'_> $(, $argument: i32)*| {
            let mut guest = Guest::new(&mut host);
            let ended = functions::$name(&mut guest $(, $argument)*);
            guest.end(ended)
        })?;
    };
    (@int $argument:ident) => {
        i32
    };
}

faasm_mpi::each_function!(link);

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    add_list(linker)?;
    linker.func_wrap(ENV, "MPI_Wtime", |mut host: Host<'_>| {
        functions::wtime(&mut Guest::new(&mut host))
    })?;
    linker.func_wrap(ENV, "MPI_Wtick", functions::wtick)?;
    linker.func_wrap(ENV, "MPI_Aint_add", functions::aint_add)?;
    linker.func_wrap(ENV, "MPI_Aint_diff", functions::aint_diff)?;
    Ok(())
}
