//! How worlds end other than well.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{BYTE, INT, MEMORY, Program, SUM, WORLD, run};
use faasm_mpi::abi::{ANY_SOURCE, ANY_TAG, Handle};
use faasm_mpi::functions as mpi;
use faasm_mpi::{Aborted, Stop};

const AT: i32 = 1 << 16;
const NEW: i32 = 4096;

#[test]
fn a_deadlock_is_told_with_what_each_rank_waits_for() {
    let ended = run(4, |mut host: Program| async move {
        match host.me() {
            0 => mpi::MPI_Recv(&mut host, AT, 1, INT, 3, 7, WORLD, 0).await?,
            1 => mpi::MPI_Ssend(&mut host, AT, 1, INT, 2, 8, WORLD).await?,
            2 => mpi::MPI_Barrier(&mut host, WORLD).await?,
            _ => {
                mpi::MPI_Irecv(&mut host, AT, 1, INT, 0, 0, WORLD, NEW)?;
                mpi::MPI_Wait(&mut host, NEW, 0).await?
            }
        };
        Ok(((), host))
    });
    assert_eq!(
        ended.reason(),
        "deadlock: every rank waits for another\n\
         rank 0: MPI_Recv(source 3, tag 7, comm MPI_COMM_WORLD)\n\
         rank 1: MPI_Ssend(dest 2, tag 8, comm MPI_COMM_WORLD)\n\
         rank 2: MPI_Barrier(comm MPI_COMM_WORLD)\n\
         rank 3: MPI_Wait(1 request: source 0, tag 0, comm MPI_COMM_WORLD)"
    );
    assert!(
        ended
            .results
            .iter()
            .all(|result| matches!(result, Err(Stop::Aborted(_))))
    );
}

#[test]
fn waiting_for_a_rank_that_is_through_is_a_deadlock() {
    let ended = run(2, |mut host: Program| async move {
        if host.me() == 1 {
            mpi::MPI_Probe(&mut host, ANY_SOURCE, ANY_TAG, WORLD, 0).await?;
        }
        Ok(((), host))
    });
    let reason = ended.reason();
    assert!(
        reason.contains("rank 0: MPI_Finalize() was called"),
        "{reason}"
    );
    assert!(
        reason.contains("MPI_Probe(source MPI_ANY_SOURCE, tag MPI_ANY_TAG"),
        "{reason}"
    );
}

#[test]
fn ranks_that_wait_for_something_else_are_no_deadlock() {
    run(3, |mut host: Program| async move {
        if host.me() == 0 {
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        mpi::MPI_Barrier(&mut host, WORLD).await?;
        Ok(((), host))
    })
    .ok();
}

#[test]
fn an_error_ends_the_world_with_the_rank_the_function_and_the_reason() {
    let ended = run(3, |mut host: Program| async move {
        if host.me() == 1 {
            mpi::MPI_Send(&mut host, AT, 1, INT, 3, 0, WORLD).await?;
        }
        mpi::MPI_Barrier(&mut host, WORLD).await?;
        Ok(((), host))
    });
    let reason = ended.reason();
    assert!(
        reason.starts_with("rank 1: MPI_Send: MPI_ERR_RANK: "),
        "{reason}"
    );
    assert!(
        reason.contains("the rank is 3, the communicator has 3"),
        "{reason}"
    );
    assert_eq!(ended.aborted.unwrap().by, Some(1));
}

#[test]
fn abort_reaches_all_ranks_with_its_code() {
    let ended = run(3, |mut host: Program| async move {
        if host.me() == 2 {
            mpi::MPI_Abort(&mut host, WORLD, 42)?;
        }
        mpi::MPI_Recv(&mut host, AT, 1, INT, 2, 0, WORLD, 0).await?;
        Ok(((), host))
    });
    let aborted = ended.aborted.clone().unwrap();
    assert_eq!((aborted.by, aborted.code), (Some(2), Some(42)));
    assert!(ended.results.iter().all(Result::is_err));
}

#[test]
fn a_rank_that_leaves_without_finalizing_ends_the_world() {
    let ended = run(2, |mut host: Program| async move {
        if host.me() == 0 {
            return Err(Stop::Trapped);
        }
        mpi::MPI_Recv(&mut host, AT, 1, INT, 0, 0, WORLD, 0).await?;
        Ok(((), host))
    });
    assert_eq!(ended.reason(), "rank 0: left without MPI_Finalize");
}

#[test]
fn a_rank_that_returns_before_it_initializes_is_named_by_those_who_wait_for_it() {
    let runtime = common::runtime();
    let mut ranks = common::ranks(2);
    let world = ranks[0].world();
    drop(ranks.remove(1));
    let mut host = Program::new(ranks.remove(0), MEMORY);
    mpi::MPI_Init(&mut host, 0, 0).unwrap();
    let ended = runtime.block_on(mpi::MPI_Barrier(&mut host, WORLD));
    assert!(matches!(ended, Err(Stop::Aborted(_))), "{ended:?}");
    let reason = world.aborted().unwrap().reason.clone();
    assert!(reason.contains("rank 1: left without MPI_Init"), "{reason}");
}

/// Runs three ranks, the second of which panics in `program`.
fn panics<F>(program: impl Fn(Program) -> F + Copy + Send + 'static)
where
    F: Future<Output = Result<Program, Stop>> + Send + 'static,
{
    let runtime = common::runtime();
    let ranks = common::ranks(3);
    let world = ranks[0].world();
    let run = |rank| {
        runtime.spawn(async move {
            let mut host = Program::new(rank, MEMORY);
            mpi::MPI_Init(&mut host, 0, 0)?;
            let mut host = program(host).await?;
            mpi::MPI_Finalize(&mut host).await
        })
    };
    let tasks: Vec<_> = ranks.into_iter().map(run).collect();
    for (rank, task) in tasks.into_iter().enumerate() {
        match runtime.block_on(task) {
            Err(error) => assert!(rank == 1 && error.is_panic(), "rank {rank}: {error}"),
            Ok(ended) => assert!(
                rank != 1 && matches!(ended, Err(Stop::Aborted(_))),
                "rank {rank}: {ended:?}"
            ),
        }
    }
    let aborted = world.aborted().unwrap();
    assert_eq!(aborted.by, Some(1));
    assert_eq!(
        aborted.reason,
        "rank 1: the server failed while it ran this rank"
    );
}

#[test]
fn a_rank_whose_task_panics_ends_the_world() {
    panics(|mut host| async move {
        assert_ne!(host.me(), 1, "as this test wants it");
        mpi::MPI_Recv(&mut host, AT, 1, INT, 1, 0, WORLD, 0).await?;
        Ok(host)
    });
}

#[test]
fn a_rank_whose_task_panics_in_a_collective_keeps_nobody_waiting() {
    panics(|mut host| async move {
        let function = host.function(|host, _| {
            assert_ne!(host.me(), 1, "as this test wants it");
            0
        });
        mpi::MPI_Op_create(&mut host, function, 1, NEW)?;
        let op = host.int(NEW);
        mpi::MPI_Reduce(&mut host, AT, AT + 64, 1, INT, op, 1, WORLD).await?;
        mpi::MPI_Barrier(&mut host, WORLD).await?;
        Ok(host)
    });
}

#[test]
fn collectives_that_do_not_match_end_the_world_and_say_how() {
    let ended = run(2, |mut host: Program| async move {
        if host.me() == 0 {
            mpi::MPI_Bcast(&mut host, AT, 4, INT, 1, WORLD).await?;
        } else {
            mpi::MPI_Allreduce(&mut host, AT, AT + 64, 4, INT, SUM, WORLD).await?;
        }
        Ok(((), host))
    });
    let reason = ended.reason();
    for part in [
        "mismatched collectives",
        "MPI_COMM_WORLD",
        "MPI_Bcast(root 1",
        "MPI_Allreduce(",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    for (first, second) in [((4, 0), (5, 0)), ((4, 0), (4, 1))] {
        let ended = run(2, move |mut host: Program| async move {
            let (count, root) = if host.me() == 0 { first } else { second };
            mpi::MPI_Bcast(&mut host, AT, count, INT, root, WORLD).await?;
            mpi::MPI_Barrier(&mut host, WORLD).await?;
            Ok(((), host))
        });
        assert!(ended.reason().contains("mismatched"), "{}", ended.reason());
    }
}

#[test]
fn a_buffer_outside_of_the_memory_stops_its_rank_alone_by_name() {
    let end = MEMORY as i32;
    let ended = run(2, move |mut host: Program| async move {
        if host.me() == 0 {
            mpi::MPI_Recv(&mut host, end - 3, 1, INT, 1, 0, WORLD, 0).await?;
        } else {
            mpi::MPI_Recv(&mut host, AT, 1, INT, 0, 0, WORLD, 0).await?;
        }
        Ok(((), host))
    });
    let error = ended.results[0].as_ref().unwrap_err().to_string();
    assert!(error.starts_with("MPI_Recv: 4 bytes at 0x"), "{error}");
}

#[test]
fn functions_before_init_and_after_finalize_say_so() {
    let mut rank = Program::new(common::ranks(1).remove(0), MEMORY);
    let stop = mpi::MPI_Comm_size(&mut rank, WORLD, AT).unwrap_err();
    assert_eq!(
        stop.to_string(),
        "MPI_Comm_size: it is called before MPI_Init"
    );
    mpi::MPI_Initialized(&mut rank, AT).unwrap();
    assert_eq!(rank.int(AT), 0);
    mpi::MPI_Init(&mut rank, 0, 0).unwrap();
    assert!(mpi::MPI_Init(&mut rank, 0, 0).is_err());
    common::runtime()
        .block_on(mpi::MPI_Finalize(&mut rank))
        .unwrap();
    assert!(mpi::MPI_Comm_size(&mut rank, WORLD, AT).is_err());
    mpi::MPI_Finalized(&mut rank, AT).unwrap();
    assert_eq!(rank.int(AT), 1);
}

/// Ranks that are given up in the middle of a copy leave their memory to nobody, and end the rest.
#[test]
fn ranks_that_are_cancelled_while_messages_are_copied_harm_nobody() {
    let runtime = common::runtime();
    for round in 0..30 {
        let ranks = common::ranks(4);
        let world = ranks[0].world();
        let mut tasks = Vec::new();
        for rank in ranks {
            tasks.push(runtime.spawn(async move {
                let mut host = Program::new(rank, 3 * MEMORY);
                let len = 6 << 20;
                let (me, at, into) = (host.me(), 1 << 20, 12 << 20);
                let filled = vec![me as u8; len as usize];
                host.put(at, &filled);
                mpi::MPI_Init(&mut host, 0, 0)?;
                loop {
                    let (right, left) = ((me + 1) % 4, (me + 3) % 4);
                    mpi::MPI_Sendrecv(
                        &mut host, at, len, BYTE, right, 0, into, len, BYTE, left, 0, WORLD, 0,
                    )
                    .await?;
                    assert!(
                        host.bytes(into, len as usize)
                            .iter()
                            .all(|b| i32::from(*b) == left)
                    );
                    mpi::MPI_Allgather(&mut host, at, len / 8, BYTE, into, len / 8, BYTE, WORLD)
                        .await?;
                    let or = Handle::BOR.0 as i32;
                    mpi::MPI_Allreduce(&mut host, at, into, len, BYTE, or, WORLD).await?;
                    // Nobody else writes into what is the program's again.
                    assert!(host.bytes(at, len as usize) == filled);
                    if false {
                        return Ok::<(), Stop>(());
                    }
                }
            }));
        }
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(2 + round)).await;
            tasks.remove(round as usize % 4).abort();
            for task in tasks {
                let result = task.await.unwrap();
                assert!(matches!(result, Err(Stop::Aborted(_))), "{result:?}");
            }
        });
        assert!(
            world
                .aborted()
                .unwrap()
                .reason
                .contains("left without MPI_")
        );
    }
}

#[test]
fn a_world_can_be_ended_from_outside() {
    let runtime = common::runtime();
    let ranks = common::ranks(2);
    let world = ranks[0].world();
    let tasks: Vec<_> = ranks
        .into_iter()
        .map(|rank| {
            runtime.spawn(async move {
                let mut host = Program::new(rank, MEMORY);
                mpi::MPI_Init(&mut host, 0, 0)?;
                loop {
                    mpi::MPI_Iprobe(&mut host, ANY_SOURCE, ANY_TAG, WORLD, AT, 0).await?;
                    tokio::task::yield_now().await;
                    if false {
                        return Ok::<(), Stop>(());
                    }
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(5));
    world.abort(Aborted {
        by: None,
        code: None,
        reason: "enough".to_owned(),
    });
    for task in tasks {
        let result = runtime.block_on(task).unwrap();
        assert_eq!(result.unwrap_err().to_string(), "enough");
    }
}

#[test]
fn a_deadlock_of_requests_names_whom_they_wait_for() {
    let ended = run(2, |mut host: Program| async move {
        let other = 1 - host.me();
        for tag in 0..6 {
            mpi::MPI_Irecv(&mut host, AT, 1, INT, other, tag, WORLD, NEW + 4 * tag)?;
        }
        match host.me() {
            0 => mpi::MPI_Waitall(&mut host, 6, NEW, 0).await?,
            _ => mpi::MPI_Waitany(&mut host, 2, NEW, NEW + 64, 0).await?,
        };
        Ok(((), host))
    });
    let of = |rank, tag| format!("source {rank}, tag {tag}, comm MPI_COMM_WORLD");
    assert_eq!(
        ended.reason(),
        format!(
            "deadlock: every rank waits for another\n\
             rank 0: MPI_Waitall(6 requests: {}; {}; {}; {}; and 2 more)\n\
             rank 1: MPI_Waitany(2 requests: {}; {})",
            of(1, 0),
            of(1, 1),
            of(1, 2),
            of(1, 3),
            of(0, 0),
            of(0, 1)
        )
    );
}

#[test]
fn whoever_waits_for_something_else_hears_of_the_end() {
    let runtime = common::runtime();
    let mut ranks = common::ranks(2);
    let ended = ranks[0].world().ended();
    let mut host = Program::new(ranks.remove(1), MEMORY);
    mpi::MPI_Init(&mut host, 0, 0).unwrap();
    assert!(mpi::MPI_Abort(&mut host, WORLD, 7).is_err());
    runtime.block_on(ended);
}
