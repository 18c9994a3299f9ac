//! What is special about worlds whose ranks are in several parts. What is not is in `apart.rs`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::{Arc, Mutex};

use common::{BYTE, DOUBLE, Ended, INT, Program, SUM, WORLD, parts, run_ranks, runtime};
use faasm_budget::MemoryBudget;
use faasm_mpi::functions as mpi;
use faasm_mpi::{Link, Options, Part, Placement, Rank, Stop, World};
use proptest::prelude::*;

const AT: i32 = 4096;
const INTO: i32 = 2 << 20;

/// Runs a world with so many ranks in each part.
fn run<T, F>(
    sizes: &[u32],
    options: Options,
    program: impl Fn(Program) -> F + Send + Sync + 'static,
) -> Ended<T>
where
    T: Send + 'static,
    F: Future<Output = Result<(T, Program), Stop>> + Send + 'static,
{
    let runtime = runtime();
    let ranks = {
        let _entered = runtime.enter();
        parts::ranks(sizes, options, &MemoryBudget::new(1 << 30))
    };
    run_ranks(&runtime, ranks, program)
}

#[test]
fn messages_that_have_no_room_elsewhere_wait_and_stay_in_order() {
    const COUNT: i32 = 300;
    const LEN: i32 = 1000;
    let options = Options {
        // For a few of the messages.
        buffered_bytes: 16 << 10,
        ..Options::default()
    };
    run(&[1, 1], options, |mut host: Program| async move {
        let requests = 1 << 20;
        if host.me() == 0 {
            for number in 0..COUNT {
                let at = AT + number * LEN;
                host.put_ints(at, &[number]);
                mpi::MPI_Isend(&mut host, at, LEN, BYTE, 1, 7, WORLD, requests + 4 * number)?;
            }
        }
        mpi::MPI_Barrier(&mut host, WORLD).await?;
        if host.me() == 1 {
            for number in 0..COUNT {
                mpi::MPI_Recv(&mut host, INTO, LEN, BYTE, 0, 7, WORLD, 0).await?;
                assert_eq!(host.int(INTO), number);
            }
        } else {
            mpi::MPI_Waitall(&mut host, COUNT, requests, 0).await?;
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn many_large_messages_from_elsewhere_share_the_room_of_their_receiver() {
    const COUNT: i32 = 40;
    const LEN: i32 = 70_000;
    run(
        &[2, 1],
        Options::default(),
        |mut host: Program| async move {
            let requests = 1 << 20;
            for number in 0..COUNT {
                let request = requests + 4 * number;
                let at = INTO + number * LEN;
                match host.me() {
                    0 => {
                        host.put_ints(at, &[number; 5]);
                        mpi::MPI_Isend(&mut host, at, LEN, BYTE, 2, number, WORLD, request)?;
                    }
                    // In another order than they are sent in.
                    2 => {
                        let tag = COUNT - 1 - number;
                        mpi::MPI_Irecv(&mut host, at, LEN, BYTE, 0, tag, WORLD, request)?;
                    }
                    _ => {}
                }
            }
            if host.me() != 1 {
                mpi::MPI_Waitall(&mut host, COUNT, requests, 0).await?;
            }
            if host.me() == 2 {
                for number in 0..COUNT {
                    let found = host.ints(INTO + number * LEN, 5);
                    assert_eq!(found, [COUNT - 1 - number; 5]);
                }
            }
            Ok(((), host))
        },
    )
    .ok();
}

#[test]
fn messages_that_go_in_many_pieces_arrive_whole_in_both_directions() {
    const LEN: i32 = 3 << 20;
    run(
        &[1, 1],
        Options::default(),
        |mut host: Program| async move {
            let other = 1 - host.me();
            for round in 0..3 {
                let sent =
                    |from: i32| (0..LEN).map(move |at| (at * 7 + at / 999 + from + round) as u8);
                let data: Vec<u8> = sent(host.me()).collect();
                host.put(AT, &data);
                let at = AT + LEN;
                if round < 2 {
                    let first = host.me() == round;
                    if first {
                        mpi::MPI_Send(&mut host, AT, LEN, BYTE, other, 0, WORLD).await?;
                    }
                    mpi::MPI_Recv(&mut host, at, LEN, BYTE, other, 0, WORLD, 0).await?;
                    if !first {
                        mpi::MPI_Send(&mut host, AT, LEN, BYTE, other, 0, WORLD).await?;
                    }
                } else {
                    mpi::MPI_Sendrecv(
                        &mut host, AT, LEN, BYTE, other, 0, at, LEN, BYTE, other, 0, WORLD, 0,
                    )
                    .await?;
                }
                assert!(host.bytes(at, LEN as usize).into_iter().eq(sent(other)));
            }
            Ok(((), host))
        },
    )
    .ok();
}

#[test]
fn much_data_is_exchanged_by_ranks_whose_order_is_not_that_of_the_parts() {
    const COUNT: i32 = 12_000;
    run(
        &[2, 2, 1],
        Options::default(),
        |mut host: Program| async move {
            let (me, size) = (host.me(), 5);
            // Backwards, and then as a shuffle.
            for key in [-me, (me * 3) % size] {
                mpi::MPI_Comm_split(&mut host, WORLD, 0, key, 64).await?;
                let comm = host.int(64);
                mpi::MPI_Comm_rank(&mut host, comm, 68)?;
                let rank = host.int(68);
                let part = |from: i32, to: i32| vec![100 * from + to; COUNT as usize];
                for other in 0..size {
                    host.put_ints(AT + other * 4 * COUNT, &part(rank, other));
                }
                mpi::MPI_Alltoall(&mut host, AT, COUNT, INT, INTO, COUNT, INT, comm).await?;
                for other in 0..size {
                    let found = host.ints(INTO + other * 4 * COUNT, COUNT as usize);
                    assert_eq!(found, part(other, rank), "from {other} to {rank}");
                }
            }
            Ok(((), host))
        },
    )
    .ok();
}

#[test]
fn all_ranks_get_the_very_same_sum_however_it_is_rounded() {
    for count in [1, 100_000] {
        let sums = run(
            &[3, 1, 4],
            Options::default(),
            move |mut host: Program| async move {
                let values: Vec<f64> = (0..count)
                    .map(|item| 0.1 * f64::from(item) + f64::from(host.me()).exp())
                    .collect();
                host.put_doubles(AT, &values);
                mpi::MPI_Allreduce(&mut host, AT, INTO, count, DOUBLE, SUM, WORLD).await?;
                Ok((host.bytes(INTO, 8 * count as usize), host))
            },
        )
        .ok();
        assert!(sums.iter().all(|sum| *sum == sums[0]));
    }
}

#[test]
fn a_split_by_shared_memory_and_the_processors_name_tell_parts_apart() {
    const SHARED: i32 = faasm_mpi::abi::COMM_TYPE_SHARED;
    let found = run(
        &[2, 3],
        Options::default(),
        |mut host: Program| async move {
            mpi::MPI_Comm_split_type(&mut host, WORLD, SHARED, 0, 0x138, AT).await?;
            let comm = host.int(AT);
            host.put_ints(AT, &[host.me()]);
            mpi::MPI_Allreduce(&mut host, AT, INTO, 1, INT, SUM, comm).await?;
            mpi::MPI_Get_processor_name(&mut host, AT + 64, AT + 8)?;
            Ok(((host.int(INTO), host.string(AT + 64)), host))
        },
    )
    .ok();
    let expected = [(1, 0), (1, 0), (9, 1), (9, 1), (9, 1)];
    assert_eq!(
        found,
        expected.map(|(sum, part)| (sum, format!("faasm-{part}")))
    );
}

/// Keeps what is sent.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Vec<u8>>>>);

impl Link for Kept {
    fn send(&self, _: usize, message: Vec<u8>) {
        self.0.lock().unwrap().push(message);
    }
}

/// A part of a world of two, and what it sends.
fn half(own: usize, ranks: u32) -> (Vec<Rank<Vec<u8>>>, Kept) {
    let kept = Kept::default();
    let part = Part {
        placement: Placement::new(&[ranks, ranks]).unwrap(),
        own,
        link: Arc::new(kept.clone()),
    };
    let ranks = World::part(part, Options::default(), &MemoryBudget::new(1 << 26));
    (ranks, kept)
}

/// Messages that a part of a world sends.
fn genuine() -> Vec<Vec<u8>> {
    let (ranks, kept) = half(1, 2);
    let world = ranks[0].world();
    let runtime = runtime();
    for rank in ranks {
        runtime.spawn(async move {
            let mut host = Program::new(rank, 1 << 20);
            mpi::MPI_Init(&mut host, 0, 0)?;
            mpi::MPI_Send(&mut host, 64, 100, BYTE, 0, 1, WORLD).await?;
            mpi::MPI_Isend(&mut host, 64, 100_000, BYTE, 1, 1, WORLD, 0)?;
            mpi::MPI_Cancel(&mut host, 0)?;
            mpi::MPI_Irecv(&mut host, 300_000, 100_000, BYTE, 0, 1, WORLD, 4)?;
            mpi::MPI_Comm_split(&mut host, WORLD, 1, 2, 64).await
        });
    }
    while kept.0.lock().unwrap().len() < 7 {
        std::thread::yield_now();
    }
    world.abort(faasm_mpi::Aborted {
        by: None,
        code: Some(3),
        reason: "over".to_owned(),
    });
    std::mem::take(&mut *kept.0.lock().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_another_part_sends_nothing_panics_and_every_rank_ends(
        which in prop::collection::vec((0..64_usize, 0..200_usize, any::<u8>(), 0..3_u8), 1..20),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        static GENUINE: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
        let genuine = GENUINE.get_or_init(genuine);
        let (ranks, _) = half(0, 2);
        let world = ranks[0].world();
        let runtime = runtime();
        let tasks: Vec<_> = ranks.into_iter().map(|rank| runtime.spawn(async move {
            let mut host = Program::new(rank, 1 << 20);
            mpi::MPI_Init(&mut host, 0, 0)?;
            mpi::MPI_Irecv(&mut host, 64, 200_000, BYTE, 2, 1, WORLD, 0)?;
            mpi::MPI_Comm_split(&mut host, WORLD, 1, 2, 64).await
        })).collect();
        for (index, at, byte, how) in which {
            let mut message = genuine[index % genuine.len()].clone();
            match how {
                0 => {}
                1 => message.truncate(at),
                _ => {
                    let len = message.len().max(1);
                    if let Some(place) = message.get_mut(at % len) {
                        *place = byte;
                    }
                }
            }
            world.receive(usize::from(byte & 1), &message);
        }
        world.receive(1, &noise);
        world.abort(faasm_mpi::Aborted { by: None, code: None, reason: "over".to_owned() });
        for task in tasks {
            drop(runtime.block_on(task).unwrap());
        }
    }
}
