//! Arguments that no program in its right mind would give: whatever comes of them, no rank touches
//! memory that is not its own, nothing panics, and no world hangs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{BYTE, MEMORY, Program, RETURN, WORLD, ranks_in, run, runtime};
use faasm_mpi::abi::Address;
use faasm_mpi::functions as mpi;
use faasm_mpi::{Class, Options, Stop};
use proptest::prelude::*;

/// Calls any function by its number.
macro_rules! dispatch {
    ($($when:ident $phase:ident $name:ident = $module:ident::$function:ident($($argument:ident),*);)*) => {
        async fn call(host: &mut Program, name: &str, arguments: &[i32]) -> Result<i32, Stop> {
            match name {
                $(stringify!($name) => {
                    #[allow(unused_mut, unused_variables, reason = "some take no arguments")]
                    let mut next = arguments.iter().copied().cycle();
                    $(let $argument = next.next().unwrap_or(0);)*
                    dispatch!(@$when mpi::$name(host $(, $argument)*))
                })*
                _ => unreachable!(),
            }
        }
    };
    (@wait $call:expr) => { $call.await };
    (@now $call:expr) => { $call };
}

faasm_mpi::each_function!(dispatch);

/// Values that are often right, often just wrong, or anything.
fn argument() -> impl Strategy<Value = i32> {
    prop_oneof![
        4 => prop::sample::select(vec![
            0, 1, 2, 3, -1, -2, -3, 4, 8, 100, 0x101, 0x102, 0x100, 0x109, 0x180, 0x200, 0x141, 0x143,
            0x128, 0x129, 0x130, 0x131, i32::MAX, i32::MIN,
        ]),
        3 => 0x200..0x25a,
        2 => 0x20..0x3a,
        4 => (1..200_i32).prop_map(|index| index * 64),
        2 => (0..4_i32).prop_map(|below| MEMORY as i32 - below),
        // Handles made at run time: the first few of each kind.
        6 => (1..9_u32, 0..3_u32).prop_map(|(kind, index)| (kind << 28 | index).cast_signed()),
        1 => any::<i32>(),
    ]
}

type Step = (usize, Vec<i32>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..mpi::NAMES.len(), prop::collection::vec(argument(), 13));
    prop::collection::vec(step, 1..40)
}

fn run_hostile(programs: Vec<Vec<Step>>, contents: Vec<u8>) {
    let runtime = runtime();
    let options = Options {
        handles: 64,
        ..Options::default()
    };
    let ranks = ranks_in(&runtime, programs.len() as u32, options);
    let tasks: Vec<_> = ranks
        .into_iter()
        .zip(programs)
        .map(|(rank, steps)| {
            let contents = contents.clone();
            runtime.spawn(async move {
                let mut host = Program::new(rank, MEMORY);
                host.function(|_, _| 0);
                // What is read as counts, handles and strings.
                let start = contents.len().min(1 << 14);
                host.memory[..start].copy_from_slice(&contents[..start]);
                mpi::MPI_Init(&mut host, 0, 0)?;
                mpi::MPI_Comm_set_errhandler(&mut host, WORLD, RETURN)?;
                for (index, arguments) in steps {
                    let name = mpi::NAMES[index];
                    if !matches!(name, "MPI_Finalize" | "MPI_Abort") {
                        call(&mut host, name, &arguments).await?;
                        assert_eq!(host.memory.len(), MEMORY, "{name}");
                    }
                }
                mpi::MPI_Finalize(&mut host).await
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            // How it ends does not matter, but it does, and without a panic.
            let ended = tokio::time::timeout(Duration::from_secs(60), task).await;
            drop(ended.unwrap().unwrap());
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn no_arguments_do_harm(
        programs in prop::collection::vec(steps(), 1..4),
        contents in prop::collection::vec(argument(), 4096),
    ) {
        let contents = contents.into_iter().flat_map(i32::to_le_bytes).collect();
        run_hostile(programs, contents);
    }
}

#[test]
fn counts_that_cannot_be_added_up_are_an_error_and_no_panic() {
    let ended = run(3, |host: Program| async move {
        let mut host = host.returning();
        let (kind, counts, zero, at) = (4096, 4112, 4160, 8192);
        // Nearly 2^32 bytes, nearly 2^31 times, for each of three ranks.
        mpi::MPI_Type_contiguous(&mut host, i32::MAX, BYTE, kind)?;
        let half = host.int(kind);
        mpi::MPI_Type_contiguous(&mut host, 2, half, kind)?;
        mpi::MPI_Type_commit(&mut host, kind)?;
        let large = host.int(kind);
        host.put_ints(counts, &[i32::MAX; 3]);
        for from in [at, Address::IN_PLACE.0.cast_signed()] {
            let code = mpi::MPI_Alltoallv(
                &mut host, from, counts, zero, large, at, counts, zero, large, WORLD,
            );
            assert_eq!(code.await?, Class::Count as i32);
        }
        Ok(((), host))
    });
    ended.ok();
}
