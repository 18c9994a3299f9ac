//! Requests: what goes on while the program does something else.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{BYTE, INT, Program, WORLD, run};
use faasm_mpi::abi::{ANY_SOURCE, ANY_TAG, Handle, UNDEFINED};
use faasm_mpi::functions as mpi;
use faasm_mpi::{Class, Stop};

const AT: i32 = 1 << 16;
const REQUESTS: i32 = 4096;
const STATUSES: i32 = 8192;
const INDICES: i32 = 2048;
const OUT: i32 = 1024;
const NULL: i32 = Handle::REQUEST_NULL.0 as i32;
/// Large enough to stay with the sender.
const LARGE: i32 = 100_000;

fn place(index: i32) -> i32 {
    AT + index * 2 * LARGE
}

#[test]
fn all_to_all_with_requests_of_all_sizes() {
    run(4, |mut host: Program| async move {
        let me = host.me();
        for (index, len) in [4, 4096, LARGE].into_iter().enumerate() {
            let tag = index as i32;
            for peer in 0..4 {
                host.put_ints(place(peer), &[100 * me + peer]);
                mpi::MPI_Irecv(
                    &mut host,
                    place(8 + peer),
                    len,
                    BYTE,
                    peer,
                    tag,
                    WORLD,
                    REQUESTS + 4 * peer,
                )?;
            }
            for peer in 0..4 {
                let at = REQUESTS + 16 + 4 * peer;
                mpi::MPI_Isend(&mut host, place(peer), len, BYTE, peer, tag, WORLD, at)?;
            }
            assert_eq!(mpi::MPI_Waitall(&mut host, 8, REQUESTS, STATUSES).await?, 0);
            assert_eq!(host.ints(REQUESTS, 8), [NULL; 8]);
            for peer in 0..4 {
                assert_eq!(host.int(place(8 + peer)), 100 * peer + me);
                assert_eq!(host.ints(STATUSES + 32 * peer, 2), [peer, tag]);
            }
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn waitany_and_waitsome_give_each_request_once() {
    run(3, |mut host: Program| async move {
        if host.me() == 0 {
            for index in 0..6 {
                let peer = 1 + index % 2;
                mpi::MPI_Irecv(
                    &mut host,
                    place(index),
                    LARGE,
                    BYTE,
                    peer,
                    index,
                    WORLD,
                    REQUESTS + 4 * index,
                )?;
            }
            let mut seen = vec![];
            for _ in 0..3 {
                mpi::MPI_Waitany(&mut host, 6, REQUESTS, OUT, STATUSES).await?;
                let index = host.int(OUT);
                assert_eq!(host.int(place(index)), 7 * index);
                assert_eq!(host.ints(STATUSES, 2), [1 + index % 2, index]);
                seen.push(index);
            }
            while seen.len() < 6 {
                mpi::MPI_Waitsome(&mut host, 6, REQUESTS, OUT, INDICES, STATUSES).await?;
                let count = host.int(OUT) as usize;
                for (place_of, index) in host.ints(INDICES, count).into_iter().enumerate() {
                    assert_eq!(host.int(STATUSES + 32 * place_of as i32 + 4), index);
                    seen.push(index);
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
            mpi::MPI_Waitany(&mut host, 6, REQUESTS, OUT, STATUSES).await?;
            assert_eq!(host.int(OUT), UNDEFINED);
            mpi::MPI_Waitsome(&mut host, 6, REQUESTS, OUT, INDICES, STATUSES).await?;
            assert_eq!(host.int(OUT), UNDEFINED);
            mpi::MPI_Testany(&mut host, 6, REQUESTS, INDICES, OUT, STATUSES).await?;
            assert_eq!((host.int(OUT), host.int(INDICES)), (1, UNDEFINED));
        } else {
            for index in (0..6)
                .rev()
                .filter(|index| 1 + index % 2 == host.me())
                .collect::<Vec<_>>()
            {
                host.put_ints(AT, &[7 * index]);
                let len = if index % 3 == 0 { 4 } else { LARGE };
                mpi::MPI_Send(&mut host, AT, len, BYTE, 0, index, WORLD).await?;
            }
        }
        Ok(((), host))
    })
    .ok();
}

/// Tests until a flag is set.
macro_rules! until {
    ($host:ident, $test:expr) => {
        loop {
            $test;
            if $host.int(OUT) != 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
}

#[test]
fn testing_makes_progress_without_waiting() {
    run(2, |mut host: Program| async move {
        let me = host.me();
        host.put_ints(place(0), &[me]);
        mpi::MPI_Isend(&mut host, place(0), LARGE, BYTE, 1 - me, 0, WORLD, REQUESTS)?;
        mpi::MPI_Irecv(
            &mut host,
            place(1),
            LARGE,
            BYTE,
            1 - me,
            0,
            WORLD,
            REQUESTS + 4,
        )?;
        let request = host.int(REQUESTS + 4);
        until!(
            host,
            mpi::MPI_Request_get_status(&mut host, request, OUT, STATUSES).await?
        );
        assert_eq!(host.ints(STATUSES, 2), [1 - me, 0]);
        until!(
            host,
            mpi::MPI_Testall(&mut host, 2, REQUESTS, OUT, 0).await?
        );
        assert_eq!(host.int(place(1)), 1 - me);
        until!(
            host,
            mpi::MPI_Test(&mut host, REQUESTS, OUT, STATUSES).await?
        );

        mpi::MPI_Irecv(&mut host, place(1), 1, INT, 1 - me, 1, WORLD, REQUESTS)?;
        mpi::MPI_Testsome(&mut host, 1, REQUESTS, INDICES, INDICES + 4, 0).await?;
        mpi::MPI_Send(&mut host, place(0), 1, INT, 1 - me, 1, WORLD).await?;
        mpi::MPI_Wait(&mut host, REQUESTS, 0).await?;
        Ok(((), host))
    })
    .ok();
}

#[test]
fn persistent_requests_are_started_again_and_again() {
    run(2, |host: Program| async move {
        let mut host = host.returning();
        let (me, host_) = (host.me(), &mut host);
        mpi::MPI_Recv_init(host_, place(1), LARGE, BYTE, 1 - me, 3, WORLD, REQUESTS)?;
        mpi::MPI_Send_init(host_, place(0), LARGE, BYTE, 1 - me, 3, WORLD, REQUESTS + 4)?;
        mpi::MPI_Ssend_init(host_, place(2), 4, BYTE, 1 - me, 4, WORLD, REQUESTS + 8)?;
        mpi::MPI_Recv_init(
            host_,
            place(3),
            4,
            BYTE,
            ANY_SOURCE,
            4,
            WORLD,
            REQUESTS + 12,
        )?;
        // Not started: nothing to wait for.
        assert_eq!(mpi::MPI_Wait(&mut host, REQUESTS, STATUSES).await?, 0);
        for round in 0..5 {
            host.put_ints(place(0), &[10 * round + me]);
            host.put_ints(place(2), &[20 * round + me]);
            mpi::MPI_Startall(&mut host, 4, REQUESTS)?;
            assert_eq!(mpi::MPI_Start(&mut host, REQUESTS)?, Class::Request as i32);
            mpi::MPI_Waitall(&mut host, 4, REQUESTS, 0).await?;
            assert_eq!(host.int(place(1)), 10 * round + 1 - me);
            assert_eq!(host.int(place(3)), 20 * round + 1 - me);
            assert_ne!(host.int(REQUESTS), NULL);
        }
        for index in 0..4 {
            mpi::MPI_Request_free(&mut host, REQUESTS + 4 * index)?;
        }
        assert_eq!(host.ints(REQUESTS, 4), [NULL; 4]);
        Ok(((), host))
    })
    .ok();
}

#[test]
fn what_has_no_partner_yet_can_be_cancelled() {
    run(2, |mut host: Program| async move {
        if host.me() == 0 {
            mpi::MPI_Irecv(&mut host, AT, 1, INT, 1, 77, WORLD, REQUESTS)?;
            mpi::MPI_Issend(&mut host, AT, 1, INT, 1, 77, WORLD, REQUESTS + 4)?;
            for index in [0, 1] {
                mpi::MPI_Cancel(&mut host, REQUESTS + 4 * index)?;
                mpi::MPI_Wait(&mut host, REQUESTS + 4 * index, STATUSES).await?;
                mpi::MPI_Test_cancelled(&mut host, STATUSES, OUT)?;
                assert_eq!(host.int(OUT), 1);
            }
        }
        mpi::MPI_Barrier(&mut host, WORLD).await?;
        if host.me() == 1 {
            mpi::MPI_Iprobe(&mut host, 0, ANY_TAG, WORLD, OUT, 0).await?;
            assert_eq!(host.int(OUT), 0);
            host.put_ints(AT, &[5]);
            mpi::MPI_Send(&mut host, AT, 1, INT, 0, 78, WORLD).await?;
        } else {
            mpi::MPI_Irecv(&mut host, AT, 1, INT, 1, 78, WORLD, REQUESTS)?;
            mpi::MPI_Wait(&mut host, REQUESTS, 0).await?;
            assert_eq!(host.int(AT), 5);
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn probing_tells_what_a_receive_would_get() {
    run(2, |mut host: Program| async move {
        for len in [8, LARGE] {
            if host.me() == 0 {
                host.put_ints(place(0), &[len, 42]);
                mpi::MPI_Send(&mut host, place(0), len, BYTE, 1, 6, WORLD).await?;
                mpi::MPI_Send(&mut host, place(0), len, BYTE, 1, 7, WORLD).await?;
                mpi::MPI_Send(&mut host, place(0), len, BYTE, 1, 6, WORLD).await?;
                continue;
            }
            mpi::MPI_Probe(&mut host, ANY_SOURCE, 6, WORLD, STATUSES).await?;
            assert_eq!(host.ints(STATUSES, 2), [0, 6]);
            mpi::MPI_Get_count(&mut host, STATUSES, BYTE, OUT)?;
            assert_eq!(host.int(OUT), len);
            // Taken out: the other receive gets the next with this tag.
            mpi::MPI_Mprobe(&mut host, 0, 6, WORLD, REQUESTS, STATUSES).await?;
            if len == LARGE {
                mpi::MPI_Imrecv(&mut host, place(1), len, BYTE, REQUESTS, REQUESTS + 4)?;
                mpi::MPI_Wait(&mut host, REQUESTS + 4, STATUSES).await?;
            } else {
                mpi::MPI_Mrecv(&mut host, place(1), len, BYTE, REQUESTS, STATUSES).await?;
            }
            assert_eq!(host.int(REQUESTS), Handle::MESSAGE_NULL.0 as i32);
            assert_eq!(host.ints(place(1), 2), [len, 42]);
            mpi::MPI_Recv(&mut host, place(1), len, BYTE, 0, 7, WORLD, STATUSES).await?;
            until!(
                host,
                mpi::MPI_Improbe(&mut host, 0, ANY_TAG, WORLD, OUT, REQUESTS, STATUSES).await?
            );
            assert_eq!(host.ints(STATUSES, 2), [0, 6]);
            mpi::MPI_Mrecv(&mut host, place(1), len, BYTE, REQUESTS, STATUSES).await?;
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn a_freed_receive_still_gets_its_message() {
    run(2, |mut host: Program| async move {
        if host.me() == 0 {
            mpi::MPI_Irecv(&mut host, place(1), LARGE, BYTE, 1, 1, WORLD, REQUESTS)?;
            mpi::MPI_Irecv(&mut host, place(2), 4, BYTE, 1, 1, WORLD, REQUESTS + 4)?;
            mpi::MPI_Request_free(&mut host, REQUESTS)?;
            mpi::MPI_Request_free(&mut host, REQUESTS + 4)?;
            mpi::MPI_Barrier(&mut host, WORLD).await?;
            mpi::MPI_Recv(&mut host, place(3), 4, BYTE, 1, 2, WORLD, 0).await?;
            until!(host, mpi::MPI_Test(&mut host, REQUESTS, OUT, 0).await?);
            assert_eq!((host.int(place(1)), host.int(place(2))), (11, 12));
        } else {
            mpi::MPI_Barrier(&mut host, WORLD).await?;
            for (value, len) in [(11, LARGE), (12, 4)] {
                host.put_ints(AT, &[value]);
                mpi::MPI_Send(&mut host, AT, len, BYTE, 0, 1, WORLD).await?;
            }
            mpi::MPI_Send(&mut host, AT, 4, BYTE, 0, 2, WORLD).await?;
        }
        Ok::<_, Stop>(((), host))
    })
    .ok();
}
