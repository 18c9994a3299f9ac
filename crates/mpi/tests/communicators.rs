//! Communicators, groups, grids, attributes and hints.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use common::{INT, Program, SUM, WORLD, run};
use faasm_mpi::abi::{
    CART, CONGRUENT, Handle, IDENT, PROC_NULL, SIMILAR, TAG_UB, UNDEFINED, UNEQUAL, UNIVERSE_SIZE,
};
use faasm_mpi::functions as mpi;
use faasm_mpi::{Class, Stop};

const AT: i32 = 1 << 16;
const NEW: i32 = 4096;
const OUT: i32 = 8192;
const NULL: i32 = Handle::COMM_NULL.0 as i32;
const EMPTY: i32 = Handle::GROUP_EMPTY.0 as i32;
const SELF: i32 = Handle::COMM_SELF.0 as i32;

/// The ranks of `MPI_COMM_WORLD` that are in a communicator, in its order.
async fn members(host: &mut Program, comm: i32) -> Result<Vec<i32>, Stop> {
    mpi::MPI_Comm_size(host, comm, OUT)?;
    let size = host.int(OUT);
    host.put_ints(AT, &[host.me()]);
    mpi::MPI_Allgather(host, AT, 1, INT, AT + 64, 1, INT, comm).await?;
    Ok(host.ints(AT + 64, size as usize))
}

#[test]
fn split_sorts_by_color_then_key_then_rank() {
    run(7, |mut host: Program| async move {
        let color = |rank: i32| if rank == 4 { UNDEFINED } else { rank % 2 };
        let key = |rank: i32| -(rank / 3);
        let me = host.me();
        mpi::MPI_Comm_split(&mut host, WORLD, color(me), key(me), NEW).await?;
        let comm = host.int(NEW);
        if me == 4 {
            assert_eq!(comm, NULL);
        } else {
            let mut expected: Vec<i32> = (0..7).filter(|r| color(*r) == color(me)).collect();
            expected.sort_by_key(|rank| (key(*rank), *rank));
            assert_eq!(members(&mut host, comm).await?, expected);
            mpi::MPI_Comm_rank(&mut host, comm, OUT)?;
            assert_eq!(expected[host.int(OUT) as usize], me);
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn messages_of_a_duplicate_are_its_own() {
    run(2, |mut host: Program| async move {
        mpi::MPI_Comm_dup(&mut host, WORLD, NEW).await?;
        let copy = host.int(NEW);
        let (me, other) = (host.me(), 1 - host.me());
        for (comm, value) in [(WORLD, 1), (copy, 2)] {
            host.put_ints(AT, &[value]);
            mpi::MPI_Send(&mut host, AT, 1, INT, other, 0, comm).await?;
        }
        for (comm, value) in [(copy, 2), (WORLD, 1)] {
            mpi::MPI_Recv(&mut host, AT, 1, INT, other, 0, comm, 0).await?;
            assert_eq!(host.int(AT), value, "rank {me}");
        }
        for (first, second, result) in [
            (WORLD, WORLD, IDENT),
            (WORLD, copy, CONGRUENT),
            (WORLD, SELF, UNEQUAL),
        ] {
            mpi::MPI_Comm_compare(&mut host, first, second, OUT)?;
            assert_eq!(host.int(OUT), result);
        }
        mpi::MPI_Comm_split(&mut host, WORLD, 0, -me, NEW).await?;
        let reversed = host.int(NEW);
        mpi::MPI_Comm_compare(&mut host, WORLD, reversed, OUT)?;
        assert_eq!(host.int(OUT), SIMILAR);
        mpi::MPI_Comm_free(&mut host, NEW).await?;
        assert_eq!(host.int(NEW), NULL);
        Ok(((), host))
    })
    .ok();
}

#[test]
fn communicators_are_made_of_groups_by_all_or_by_their_members() {
    run(5, |mut host: Program| async move {
        let me = host.me();
        mpi::MPI_Comm_group(&mut host, WORLD, NEW)?;
        let all = host.int(NEW);
        // Two at a time, without each other's knowledge.
        let list = if me < 2 { vec![1, 0] } else { vec![4, 2] };
        host.put_ints(AT, &list);
        mpi::MPI_Group_incl(&mut host, all, 2, AT, NEW)?;
        let group = host.int(NEW);
        if me != 3 {
            for _ in 0..3 {
                mpi::MPI_Comm_create_group(&mut host, WORLD, group, 5, NEW).await?;
                let comm = host.int(NEW);
                assert_eq!(members(&mut host, comm).await?, list);
            }
        }
        mpi::MPI_Comm_create(&mut host, WORLD, if me == 3 { EMPTY } else { group }, NEW).await?;
        let comm = host.int(NEW);
        if me == 3 {
            assert_eq!(comm, NULL);
        } else {
            assert_eq!(members(&mut host, comm).await?, list);
        }
        Ok(((), host))
    })
    .ok();
}

/// The ranks of a group, from what they translate to.
fn ranks(host: &mut Program, group: i32, all: i32) -> Vec<i32> {
    mpi::MPI_Group_size(host, group, OUT).unwrap();
    let size = host.int(OUT);
    host.put_ints(AT, &(0..size).collect::<Vec<_>>());
    mpi::MPI_Group_translate_ranks(host, group, size, AT, all, AT + 1024).unwrap();
    host.ints(AT + 1024, size as usize)
}

#[test]
fn groups_are_ordered_sets() {
    run(8, |mut host: Program| async move {
        mpi::MPI_Comm_group(&mut host, WORLD, NEW)?;
        let all = host.int(NEW);
        let make = |host: &mut Program, list: &[i32]| {
            host.put_ints(AT, list);
            mpi::MPI_Group_incl(host, all, list.len() as i32, AT, NEW).unwrap();
            host.int(NEW)
        };
        let (a, b) = (make(&mut host, &[5, 1, 3]), make(&mut host, &[3, 7, 1]));
        mpi::MPI_Group_union(&mut host, a, b, NEW)?;
        let union = host.int(NEW);
        assert_eq!(ranks(&mut host, union, all), [5, 1, 3, 7]);
        mpi::MPI_Group_intersection(&mut host, a, b, NEW)?;
        let both = host.int(NEW);
        assert_eq!(ranks(&mut host, both, all), [1, 3]);
        mpi::MPI_Group_difference(&mut host, a, b, NEW)?;
        let rest = host.int(NEW);
        assert_eq!(ranks(&mut host, rest, all), [5]);
        host.put_ints(AT, &[0, 2]);
        mpi::MPI_Group_excl(&mut host, a, 2, AT, NEW)?;
        let left = host.int(NEW);
        assert_eq!(ranks(&mut host, left, all), [1]);
        host.put_ints(AT, &[6, 2, -2, 0, 1, 1]);
        mpi::MPI_Group_range_incl(&mut host, all, 2, AT, NEW)?;
        let ranged = host.int(NEW);
        assert_eq!(ranks(&mut host, ranged, all), [6, 4, 2, 0, 1]);
        host.put_ints(AT, &[1, 7, 2]);
        mpi::MPI_Group_range_excl(&mut host, all, 1, AT, NEW)?;
        let even = host.int(NEW);
        assert_eq!(ranks(&mut host, even, all), [0, 2, 4, 6]);
        mpi::MPI_Group_difference(&mut host, a, a, NEW)?;
        assert_eq!(host.int(NEW), EMPTY);
        mpi::MPI_Group_compare(&mut host, a, b, OUT)?;
        assert_eq!(host.int(OUT), UNEQUAL);
        mpi::MPI_Group_rank(&mut host, a, OUT)?;
        let place = [5, 1, 3].iter().position(|rank| *rank == host.me());
        assert_eq!(host.int(OUT), place.map_or(UNDEFINED, |place| place as i32));
        host.put_ints(AT, &[PROC_NULL, 0]);
        mpi::MPI_Group_translate_ranks(&mut host, a, 2, AT, b, OUT)?;
        assert_eq!(host.ints(OUT, 2), [PROC_NULL, UNDEFINED]);
        Ok(((), host))
    })
    .ok();
}

#[test]
fn grids_know_places_and_neighbours() {
    run(7, |mut host: Program| async move {
        host.put_ints(AT, &[3, 2, 0, 1]);
        mpi::MPI_Cart_create(&mut host, WORLD, 2, AT, AT + 8, 0, NEW).await?;
        let grid = host.int(NEW);
        let me = host.me();
        if me == 6 {
            assert_eq!(grid, NULL);
            return Ok(((), host));
        }
        mpi::MPI_Topo_test(&mut host, grid, OUT)?;
        assert_eq!(host.int(OUT), CART);
        mpi::MPI_Cart_coords(&mut host, grid, me, 2, OUT)?;
        assert_eq!(host.ints(OUT, 2), [me / 2, me % 2]);
        mpi::MPI_Cart_shift(&mut host, grid, 0, 1, OUT, OUT + 4)?;
        let row = |row: i32| {
            if (0..3).contains(&row) {
                row * 2 + me % 2
            } else {
                PROC_NULL
            }
        };
        assert_eq!(host.ints(OUT, 2), [row(me / 2 - 1), row(me / 2 + 1)]);
        mpi::MPI_Cart_shift(&mut host, grid, 1, 1, OUT, OUT + 4)?;
        assert_eq!(host.ints(OUT, 2), [me ^ 1, me ^ 1]);
        host.put_ints(AT, &[1, 0]);
        mpi::MPI_Cart_sub(&mut host, grid, AT, NEW).await?;
        let column = host.int(NEW);
        let expected: Vec<i32> = (0..3).map(|row| row * 2 + me % 2).collect();
        assert_eq!(members(&mut host, column).await?, expected);
        mpi::MPI_Cartdim_get(&mut host, column, OUT)?;
        assert_eq!(host.int(OUT), 1);
        Ok(((), host))
    })
    .ok();
}

#[test]
fn attributes_are_copied_and_deleted_as_their_keys_say() {
    run(1, |mut host: Program| async move {
        let deleted = Arc::new(AtomicI32::new(0));
        let count = Arc::clone(&deleted);
        let copy = host.function(|host, arguments| {
            let [_, _, extra, value, out, flag] = *arguments else {
                panic!()
            };
            host.put_ints(out as i32, &[(value + extra) as i32]);
            host.put_ints(flag as i32, &[1]);
            0
        });
        let delete = host.function(move |_, arguments| {
            count.fetch_add(arguments[2] as i32, Ordering::SeqCst);
            0
        });
        mpi::MPI_Comm_create_keyval(&mut host, copy, delete, NEW, 100)?;
        let key = host.int(NEW);
        mpi::MPI_Comm_create_keyval(&mut host, 0, 0, NEW, 0)?;
        let uncopied = host.int(NEW);
        mpi::MPI_Comm_create_keyval(&mut host, -1, 0, NEW, 0)?;
        let same = host.int(NEW);
        for (key, value) in [(key, 7), (uncopied, 8), (same, 9)] {
            mpi::MPI_Comm_set_attr(&mut host, WORLD, key, value).await?;
        }
        mpi::MPI_Comm_dup(&mut host, WORLD, NEW).await?;
        let copied = host.int(NEW);
        for (key, value) in [(key, Some(107)), (uncopied, None), (same, Some(9))] {
            mpi::MPI_Comm_get_attr(&mut host, copied, key, OUT, OUT + 4).await?;
            let found = (host.int(OUT + 4) != 0).then(|| host.int(OUT));
            assert_eq!(found, value);
        }
        mpi::MPI_Comm_set_attr(&mut host, WORLD, key, 1).await?;
        assert_eq!(deleted.load(Ordering::SeqCst), 7);
        mpi::MPI_Comm_free(&mut host, NEW).await?;
        assert_eq!(deleted.load(Ordering::SeqCst), 114);
        for (key, value) in [(UNIVERSE_SIZE, 1), (TAG_UB, i32::MAX)] {
            mpi::MPI_Comm_get_attr(&mut host, WORLD, key, OUT, OUT + 4).await?;
            let at = host.int(OUT);
            assert_eq!((host.int(OUT + 4), host.int(at)), (1, value));
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn hints_are_kept_in_order() {
    run(1, |host: Program| async move {
        let mut host = host.returning();
        mpi::MPI_Info_create(&mut host, NEW)?;
        let info = host.int(NEW);
        for (key, value) in [("one", "1"), ("two", "2"), ("one", "eins")] {
            host.put_string(AT, key);
            host.put_string(AT + 64, value);
            mpi::MPI_Info_set(&mut host, info, AT, AT + 64)?;
        }
        mpi::MPI_Info_get_nkeys(&mut host, info, OUT)?;
        assert_eq!(host.int(OUT), 2);
        mpi::MPI_Info_get_nthkey(&mut host, info, 1, OUT)?;
        assert_eq!(host.string(OUT), "two");
        host.put_string(AT, "one");
        mpi::MPI_Info_get(&mut host, info, AT, 2, OUT, OUT + 64)?;
        assert_eq!((host.string(OUT), host.int(OUT + 64)), ("ei".into(), 1));
        host.put_ints(OUT + 64, &[3]);
        mpi::MPI_Info_get_string(&mut host, info, AT, OUT + 64, OUT, OUT + 68)?;
        assert_eq!((host.string(OUT), host.int(OUT + 64)), ("ei".into(), 5));
        mpi::MPI_Info_delete(&mut host, info, AT)?;
        let again = mpi::MPI_Info_delete(&mut host, info, AT)?;
        assert_eq!(again, Class::InfoNoKey as i32);
        Ok(((), host))
    })
    .ok();
}

#[test]
fn misuse_gives_the_class_of_the_error_and_the_world_goes_on() {
    run(2, |host: Program| async move {
        let mut program = host.returning();
        let host = &mut program;
        let fine = AT;
        macro_rules! gives {
            ($class:ident, $call:expr) => {
                assert_eq!($call?, Class::$class as i32, stringify!($call));
            };
        }
        mpi::MPI_Type_contiguous(host, 2, INT, NEW)?;
        let uncommitted = host.int(NEW);
        gives!(Rank, mpi::MPI_Send(host, fine, 1, INT, 2, 0, WORLD).await);
        gives!(
            Rank,
            mpi::MPI_Recv(host, fine, 1, INT, -7, 0, WORLD, 0).await
        );
        gives!(Tag, mpi::MPI_Send(host, fine, 1, INT, 0, -1, WORLD).await);
        gives!(Count, mpi::MPI_Send(host, fine, -1, INT, 0, 0, WORLD).await);
        gives!(Type, mpi::MPI_Send(host, fine, 1, 0, 0, 0, WORLD).await);
        gives!(
            Type,
            mpi::MPI_Send(host, fine, 1, uncommitted, 0, 0, WORLD).await
        );
        gives!(Comm, mpi::MPI_Send(host, fine, 1, INT, 0, 0, NULL).await);
        gives!(Comm, mpi::MPI_Barrier(host, 0).await);
        gives!(Root, mpi::MPI_Bcast(host, fine, 1, INT, 2, WORLD).await);
        gives!(
            Op,
            mpi::MPI_Allreduce(host, fine, OUT, 1, INT, 0x38, WORLD).await
        );
        gives!(
            Op,
            mpi::MPI_Allreduce(host, fine, OUT, 1, INT, 5, WORLD).await
        );
        gives!(Buffer, mpi::MPI_Send(host, 1, 1, INT, 0, 0, WORLD).await);
        host.put_ints(NEW, &[12345]);
        gives!(Request, mpi::MPI_Wait(host, NEW, 0).await);
        gives!(Request, mpi::MPI_Mrecv(host, fine, 1, INT, NEW, 0).await);
        gives!(Type, mpi::MPI_Type_free(host, NEW));
        gives!(Group, mpi::MPI_Group_free(host, NEW));
        gives!(Op, mpi::MPI_Op_free(host, NEW));
        gives!(Comm, mpi::MPI_Comm_free(host, NEW).await);
        gives!(Info, mpi::MPI_Info_free(host, NEW));
        gives!(Errhandler, mpi::MPI_Comm_set_errhandler(host, WORLD, 12345));
        gives!(Topology, mpi::MPI_Cart_coords(host, WORLD, 0, 1, OUT));
        gives!(Keyval, mpi::MPI_Comm_set_attr(host, WORLD, 3, 1).await);
        // Freed once, it is nothing any more.
        mpi::MPI_Type_dup(host, INT, NEW)?;
        let kind = host.int(NEW);
        mpi::MPI_Type_free(host, NEW)?;
        gives!(Type, mpi::MPI_Type_size(host, kind, OUT));
        mpi::MPI_Error_string(host, Class::Truncate as i32, OUT, NEW)?;
        assert!(host.string(OUT).starts_with("MPI_ERR_TRUNCATE"));
        host.put_ints(AT, &[1]);
        assert_eq!(
            mpi::MPI_Allreduce(host, AT, OUT, 1, INT, SUM, WORLD).await?,
            0
        );
        assert_eq!(host.int(OUT), 2);
        Ok(((), program))
    })
    .ok();
}
