//! Reductions, against results that are computed from what each rank is known to have.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{DOUBLE, INT, Program, SUM, WORLD, each, run};
use faasm_mpi::Class;
use faasm_mpi::abi::Handle;
use faasm_mpi::functions as mpi;

const AT: i32 = 1 << 16;
const INTO: i32 = 4 << 20;
const COUNTS: i32 = 1024;
const NEW: i32 = 4096;
const IN_PLACE: i32 = 1;

/// What all ranks have at an index, as small numbers.
fn small(rank: i32, index: i32) -> i32 {
    (rank * 31 + index * 17) % 23 - 7
}

#[test]
fn reductions_give_what_a_loop_gives() {
    each(|mut host, size, count| async move {
        let me = host.me();
        let own: Vec<i32> = (0..count).map(|index| small(me, index)).collect();
        let fold = |ranks: std::ops::Range<i32>, f: fn(i32, i32) -> i32| -> Vec<i32> {
            let at = |index| {
                ranks
                    .clone()
                    .map(|r| small(r, index))
                    .reduce(f)
                    .unwrap_or(-99)
            };
            (0..count).map(at).collect()
        };
        type Op = (Handle, fn(i32, i32) -> i32);
        let ops: [Op; 5] = [
            (Handle::SUM, |a, b| a + b),
            (Handle::MAX, i32::max),
            (Handle::BXOR, |a, b| a ^ b),
            (Handle::LAND, |a, b| i32::from(a != 0 && b != 0)),
            (Handle::PROD, i32::wrapping_mul),
        ];
        for (op, f) in ops {
            let op = op.0 as i32;
            for from in [AT, IN_PLACE] {
                let data = if from == AT { AT } else { INTO };
                host.put_ints(data, &own);
                mpi::MPI_Allreduce(&mut host, from, INTO, count, INT, op, WORLD).await?;
                if size > 1 {
                    assert_eq!(host.ints(INTO, count as usize), fold(0..size, f));
                }
                host.put_ints(data, &own);
                mpi::MPI_Scan(&mut host, from, INTO, count, INT, op, WORLD).await?;
                if me > 0 {
                    assert_eq!(host.ints(INTO, count as usize), fold(0..me + 1, f));
                }
                host.put_ints(data, &own);
                mpi::MPI_Exscan(&mut host, from, INTO, count, INT, op, WORLD).await?;
                if me > 0 && (me > 1 || op != Handle::LAND.0 as i32) {
                    assert_eq!(host.ints(INTO, count as usize), fold(0..me, f));
                }
                let root = size - 1;
                host.put_ints(AT, &own);
                host.put_ints(INTO, &own);
                let from = if me == root { from } else { AT };
                mpi::MPI_Reduce(&mut host, from, INTO, count, INT, op, root, WORLD).await?;
                if me == root && size > 1 {
                    assert_eq!(host.ints(INTO, count as usize), fold(0..size, f));
                }
            }
        }
        Ok(host)
    });
}

#[test]
fn reduce_scatter_gives_each_its_part() {
    each(|mut host, size, count| async move {
        let me = host.me();
        let counts: Vec<i32> = (0..size).map(|rank| count / size + rank % 3).collect();
        let (total, first) = (
            counts.iter().sum::<i32>(),
            counts[..me as usize].iter().sum::<i32>(),
        );
        let own: Vec<i32> = (0..total).map(|index| small(me, index)).collect();
        let sum = |index| (0..size).map(|rank| small(rank, index)).sum::<i32>();
        host.put_ints(COUNTS, &counts);
        for from in [AT, IN_PLACE] {
            host.put_ints(AT, &own);
            host.put_ints(INTO, &own);
            mpi::MPI_Reduce_scatter(&mut host, from, INTO, COUNTS, INT, SUM, WORLD).await?;
            let part = counts[me as usize];
            let expected: Vec<i32> = (first..first + part).map(sum).collect();
            assert_eq!(host.ints(INTO, part as usize), expected);
        }
        let each = count / size;
        host.put_ints(AT, &own);
        mpi::MPI_Reduce_scatter_block(&mut host, AT, INTO, each, INT, SUM, WORLD).await?;
        let expected: Vec<i32> = (each * me..each * (me + 1)).map(sum).collect();
        assert_eq!(host.ints(INTO, each as usize), expected);
        Ok(host)
    });
}

#[test]
fn floating_point_sums_are_the_same_in_every_run() {
    let sum = |count: i32| {
        let results = run(7, move |mut host: Program| async move {
            let value = |index: i32| 0.1 * f64::from(host.me() + 1) + 1e10 * f64::from(index % 3);
            host.put_doubles(AT, &(0..count).map(value).collect::<Vec<_>>());
            mpi::MPI_Allreduce(&mut host, AT, INTO, count, DOUBLE, SUM, WORLD).await?;
            Ok((host.bytes(INTO, 8 * count as usize), host))
        });
        results.ok()
    };
    for count in [3, 9000] {
        let first = sum(count);
        assert!(first.iter().all(|bytes| *bytes == first[0]));
        for _ in 0..5 {
            assert_eq!(sum(count), first);
        }
    }
}

#[test]
fn minloc_and_maxloc_find_the_lowest_place() {
    let pairs = [
        (Handle::DOUBLE_INT, 16, 8),
        (Handle::FLOAT_INT, 8, 4),
        (Handle::TWO_INT, 8, 4),
        (Handle::SHORT_INT, 8, 4),
        (Handle::LONG_INT, 8, 4),
    ];
    run(4, move |mut host: Program| async move {
        for (kind, extent, place) in pairs {
            for count in [2, 6000] {
                for index in 0..count {
                    let value = [3, 1, 5, 1][(host.me() as usize + index as usize) % 4];
                    let at = AT + extent * index;
                    match kind {
                        Handle::DOUBLE_INT => host.put_doubles(at, &[f64::from(value)]),
                        Handle::FLOAT_INT => host.put(at, &(value as f32).to_le_bytes()),
                        Handle::SHORT_INT => host.put(at, &(value as i16).to_le_bytes()),
                        _ => host.put_ints(at, &[value]),
                    }
                    let me = host.me();
                    host.put_ints(at + place, &[100 + me]);
                }
                for (op, wanted) in [(Handle::MINLOC, 1), (Handle::MAXLOC, 5)] {
                    let (kind, op) = (kind.0 as i32, op.0 as i32);
                    mpi::MPI_Allreduce(&mut host, AT, INTO, count, kind, op, WORLD).await?;
                    for index in 0..count {
                        let values = |rank: i32| [3, 1, 5, 1][(rank + index) as usize % 4];
                        let rank = (0..4).find(|rank| values(*rank) == wanted).unwrap();
                        assert_eq!(host.int(INTO + extent * index + place), 100 + rank);
                    }
                }
            }
        }
        Ok(((), host))
    })
    .ok();
}

/// 2x2 matrices multiplied: an operation that does not commute.
fn multiply(host: &mut Program, arguments: &[u32]) -> i32 {
    let [from, into, len, _] = *arguments else {
        panic!()
    };
    for index in 0..host.int(len as i32) {
        let (from, into) = (from as i32 + 16 * index, into as i32 + 16 * index);
        let (a, b) = (host.ints(from, 4), host.ints(into, 4));
        let product = [
            a[0] * b[0] + a[1] * b[2],
            a[0] * b[1] + a[1] * b[3],
            a[2] * b[0] + a[3] * b[2],
            a[2] * b[1] + a[3] * b[3],
        ];
        host.put_ints(into, &product.map(|x| x % 1009));
    }
    0
}

#[test]
fn functions_of_the_program_reduce_in_the_order_of_the_ranks() {
    for count in [1, 3000] {
        let worlds = run(5, move |mut host: Program| async move {
            let me = host.me();
            let function = host.function(multiply);
            mpi::MPI_Op_create(&mut host, function, 0, NEW)?;
            let op = host.int(NEW);
            mpi::MPI_Type_contiguous(&mut host, 4, INT, NEW)?;
            mpi::MPI_Type_commit(&mut host, NEW)?;
            let matrix = host.int(NEW);
            let of = |rank: i32| [rank + 1, 2, 3, rank];
            for index in 0..count {
                host.put_ints(AT + 16 * index, &of(me));
            }
            let expect = |ranks: std::ops::Range<i32>| {
                // In any association.
                ranks.map(of).reduce(|a, b| {
                    [
                        a[0] * b[0] + a[1] * b[2],
                        a[0] * b[1] + a[1] * b[3],
                        a[2] * b[0] + a[3] * b[2],
                        a[2] * b[1] + a[3] * b[3],
                    ]
                    .map(|x| x % 1009)
                })
            };
            let check = |host: &Program, ranks: std::ops::Range<i32>| {
                let got = host.ints(INTO, 4 * count as usize);
                assert!(
                    got.chunks(4)
                        .all(|got| got == expect(ranks.clone()).unwrap())
                );
            };
            mpi::MPI_Allreduce(&mut host, AT, INTO, count, matrix, op, WORLD).await?;
            check(&host, 0..5);
            mpi::MPI_Scan(&mut host, AT, INTO, count, matrix, op, WORLD).await?;
            check(&host, 0..me + 1);
            mpi::MPI_Exscan(&mut host, AT, INTO, count, matrix, op, WORLD).await?;
            if me > 0 {
                check(&host, 0..me);
            }
            mpi::MPI_Reduce(&mut host, AT, INTO, count, matrix, op, 3, WORLD).await?;
            if me == 3 {
                check(&host, 0..5);
            }
            host.put_ints(COUNTS, &[0, count, 0, 0, 0]);
            mpi::MPI_Reduce_scatter(&mut host, AT, INTO, COUNTS, matrix, op, WORLD).await?;
            if me == 1 {
                check(&host, 0..5);
            }
            Ok(((), host))
        });
        worlds.ok();
    }
}

#[test]
fn ranks_stay_in_step_when_a_function_fails_on_one_of_them() {
    let worlds = run(3, |host: Program| async move {
        let mut host = host.returning();
        let function = host.function(multiply);
        // Rank 0 puts it all together, and has no such function.
        let function = if host.me() == 0 { 99 } else { function };
        mpi::MPI_Op_create(&mut host, function, 0, NEW)?;
        let op = host.int(NEW);
        let failed = Class::Op as i32;
        let all = mpi::MPI_Allreduce(&mut host, AT, INTO, 1, INT, op, WORLD).await?;
        let block = mpi::MPI_Reduce_scatter_block(&mut host, AT, INTO, 1, INT, op, WORLD).await?;
        assert_eq!((all, block), (failed, failed));
        let one = mpi::MPI_Reduce(&mut host, AT, INTO, 1, INT, op, 0, WORLD).await?;
        assert_eq!(one, if host.me() == 0 { failed } else { 0 });
        host.put_ints(AT, &[1]);
        mpi::MPI_Allreduce(&mut host, AT, INTO, 1, INT, SUM, WORLD).await?;
        assert_eq!(host.int(INTO), 3);
        Ok(((), host))
    });
    worlds.ok();
}
