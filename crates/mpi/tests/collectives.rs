//! Collectives, against results that are computed from what each rank is known to have.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{BYTE, INT, Program, WORLD, each, run};
use faasm_mpi::Class;
use faasm_mpi::functions as mpi;

const AT: i32 = 1 << 16;
const INTO: i32 = 4 << 20;
const COUNTS: i32 = 1024;
const PLACES: i32 = 2048;
const NEW: i32 = 4096;
const IN_PLACE: i32 = 1;

/// The item that a rank has for another.
fn item(from: i32, to: i32, index: i32) -> i32 {
    from * 1_000_003 + to * 7919 + index
}

fn items(from: i32, to: i32, count: i32) -> Vec<i32> {
    (0..count).map(|index| item(from, to, index)).collect()
}

#[test]
fn bcast_brings_the_roots_data_to_all() {
    each(|mut host, size, count| async move {
        for root in 0..size {
            let me = host.me();
            host.put_ints(AT, &items(me, root, count));
            mpi::MPI_Bcast(&mut host, AT, count, INT, root, WORLD).await?;
            assert_eq!(host.ints(AT, count as usize), items(root, root, count));
        }
        Ok(host)
    });
}

#[test]
fn gather_and_scatter_are_each_others_inverse() {
    each(|mut host, size, count| async move {
        let (me, root) = (host.me(), size / 2);
        for in_place in [false, true] {
            host.put_ints(AT, &items(me, 0, count));
            host.put_ints(INTO, &vec![-1; (size * count) as usize]);
            let own = INTO + 4 * count * me;
            let mut from = AT;
            if in_place && me == root {
                host.put_ints(own, &items(me, 0, count));
                from = IN_PLACE;
            }
            mpi::MPI_Gather(&mut host, from, count, INT, INTO, count, INT, root, WORLD).await?;
            if me == root {
                for rank in 0..size {
                    let got = host.ints(INTO + 4 * count * rank, count as usize);
                    assert_eq!(got, items(rank, 0, count));
                }
            }
            host.put_ints(AT, &vec![-1; count as usize]);
            let into = if in_place && me == root { IN_PLACE } else { AT };
            mpi::MPI_Scatter(&mut host, INTO, count, INT, into, count, INT, root, WORLD).await?;
            if into == AT {
                assert_eq!(host.ints(AT, count as usize), items(me, 0, count));
            }
        }
        Ok(host)
    });
}

/// Different counts for each rank, and places in another order with gaps.
fn uneven(size: i32, count: i32) -> (Vec<i32>, Vec<i32>) {
    let counts: Vec<i32> = (0..size).map(|rank| count / 2 + (rank * 3) % 4).collect();
    let mut at = 1;
    let mut places = vec![0; size as usize];
    for rank in (0..size as usize).rev() {
        places[rank] = at;
        at += counts[rank] + 2;
    }
    (counts, places)
}

#[test]
fn gatherv_and_scatterv_follow_counts_and_places() {
    each(|mut host, size, count| async move {
        let (me, root) = (host.me(), 0);
        let (counts, places) = uneven(size, count);
        let own = counts[me as usize];
        host.put_ints(COUNTS, &counts);
        host.put_ints(PLACES, &places);
        host.put_ints(AT, &items(me, 5, own));
        host.put_ints(INTO, &vec![-1; (size * (count + 10)) as usize]);
        mpi::MPI_Gatherv(
            &mut host, AT, own, INT, INTO, COUNTS, PLACES, INT, root, WORLD,
        )
        .await?;
        if me == root {
            assert_eq!(host.int(INTO), -1);
            for rank in 0..size as usize {
                let at = INTO + 4 * places[rank];
                let got = host.ints(at, counts[rank] as usize + 1);
                let (got, after) = got.split_at(counts[rank] as usize);
                assert_eq!(
                    (got, after),
                    (&items(rank as i32, 5, counts[rank])[..], &[-1][..])
                );
            }
        }
        host.put_ints(AT, &vec![-1; own as usize]);
        mpi::MPI_Scatterv(
            &mut host, INTO, COUNTS, PLACES, INT, AT, own, INT, root, WORLD,
        )
        .await?;
        assert_eq!(host.ints(AT, own as usize), items(me, 5, own));
        Ok(host)
    });
}

#[test]
fn allgather_and_allgatherv_bring_all_to_all() {
    each(|mut host, size, count| async move {
        let me = host.me();
        for in_place in [false, true] {
            host.put_ints(AT, &items(me, 1, count));
            host.put_ints(INTO + 4 * count * me, &items(me, 1, count));
            let from = if in_place { IN_PLACE } else { AT };
            mpi::MPI_Allgather(&mut host, from, count, INT, INTO, count, INT, WORLD).await?;
            let expected: Vec<i32> = (0..size).flat_map(|rank| items(rank, 1, count)).collect();
            assert_eq!(host.ints(INTO, expected.len()), expected);

            let (counts, places) = uneven(size, count);
            let (own, at) = (counts[me as usize], places[me as usize]);
            host.put_ints(COUNTS, &counts);
            host.put_ints(PLACES, &places);
            host.put_ints(AT, &items(me, 2, own));
            host.put_ints(INTO + 4 * at, &items(me, 2, own));
            mpi::MPI_Allgatherv(&mut host, from, own, INT, INTO, COUNTS, PLACES, INT, WORLD)
                .await?;
            for rank in 0..size as usize {
                let got = host.ints(INTO + 4 * places[rank], counts[rank] as usize);
                assert_eq!(got, items(rank as i32, 2, counts[rank]));
            }
        }
        Ok(host)
    });
}

#[test]
fn alltoall_and_alltoallv_transpose() {
    each(|mut host, size, count| async move {
        let me = host.me();
        let sent: Vec<i32> = (0..size).flat_map(|to| items(me, to, count)).collect();
        let expected: Vec<i32> = (0..size).flat_map(|from| items(from, me, count)).collect();
        host.put_ints(AT, &sent);
        mpi::MPI_Alltoall(&mut host, AT, count, INT, INTO, count, INT, WORLD).await?;
        assert_eq!(host.ints(INTO, expected.len()), expected);
        host.put_ints(INTO, &sent);
        mpi::MPI_Alltoall(&mut host, IN_PLACE, 0, 0, INTO, count, INT, WORLD).await?;
        assert_eq!(host.ints(INTO, expected.len()), expected);

        // From rank i to rank j: as many as both know, at places of their own.
        let many = |from: i32, to: i32| count / 4 + (from * 2 + to * 3) % 5;
        let (mut sends, mut receives) = (vec![], vec![]);
        let (mut from, mut to) = (vec![], vec![]);
        let (mut at, mut into) = (3, 1);
        for rank in 0..size {
            sends.push(many(me, rank));
            receives.push(many(rank, me));
            from.push(at);
            to.push(into);
            host.put_ints(AT + 4 * at, &items(me, rank, many(me, rank)));
            at += many(me, rank) + 1;
            into += many(rank, me) + 2;
        }
        for (index, list) in [sends, from, receives, to.clone()].iter().enumerate() {
            host.put_ints(COUNTS + 256 * index as i32, list);
        }
        let [a, b, c, d] = [0, 1, 2, 3].map(|index| COUNTS + 256 * index);
        mpi::MPI_Alltoallv(&mut host, AT, a, b, INT, INTO, c, d, INT, WORLD).await?;
        for rank in 0..size {
            let many = many(rank, me);
            let got = host.ints(INTO + 4 * to[rank as usize], many as usize);
            assert_eq!(got, items(rank, me, many));
        }
        Ok(host)
    });
}

#[test]
fn derived_types_may_differ_on_both_sides() {
    run(3, |mut host: Program| async move {
        // Every other int, against ints in a row.
        for count in [10, 20_000] {
            mpi::MPI_Type_vector(&mut host, count, 1, 2, INT, NEW)?;
            mpi::MPI_Type_commit(&mut host, NEW)?;
            let every_other = host.int(NEW);
            let me = host.me();
            let spread: Vec<i32> = items(me, 0, count)
                .into_iter()
                .flat_map(|x| [x, -5])
                .collect();
            host.put_ints(AT, &spread);
            mpi::MPI_Allgather(&mut host, AT, 1, every_other, INTO, count, INT, WORLD).await?;
            let expected: Vec<i32> = (0..3).flat_map(|rank| items(rank, 0, count)).collect();
            assert_eq!(host.ints(INTO, expected.len()), expected);
            host.put_ints(AT, &items(me, 3, count));
            host.put_ints(INTO, &vec![-5; 2 * count as usize]);
            let (buffer, items_, kind) = if me == 0 {
                (AT, count, INT)
            } else {
                (INTO, 1, every_other)
            };
            mpi::MPI_Bcast(&mut host, buffer, items_, kind, 0, WORLD).await?;
            if me > 0 {
                let expected: Vec<i32> = items(0, 3, count)
                    .into_iter()
                    .flat_map(|x| [x, -5])
                    .collect();
                assert_eq!(host.ints(INTO, expected.len()), expected);
            }
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn a_receive_buffer_that_is_too_small_is_an_error_there_alone() {
    for (sent, room) in [(10, 5), (40_000, 20_000)] {
        run(3, move |host: Program| async move {
            let mut host = host.returning();
            let me = host.me();
            let room = if me == 1 { room } else { sent };
            let code =
                mpi::MPI_Scatter(&mut host, AT, sent, BYTE, INTO, room, BYTE, 0, WORLD).await?;
            let expected = if me == 1 { Class::Truncate as i32 } else { 0 };
            assert_eq!(code, expected);
            mpi::MPI_Barrier(&mut host, WORLD).await?;
            Ok(((), host))
        })
        .ok();
    }
}
