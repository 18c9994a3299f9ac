//! Programs that want the world to keep ever more for them: all of it is on their rank's account, which
//! has a bound, comes out of the budget, and goes back when the rank is gone.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{BYTE, INT, MEMORY, Program, WORLD, run_with, runtime};
use faasm_budget::MemoryBudget;
use faasm_mpi::abi::{ANY_TAG, Handle};
use faasm_mpi::functions as mpi;
use faasm_mpi::{Class, Options, Stop, World};

const AT: i32 = 1 << 16;
const NEW: i32 = 4096;
const KEY: i32 = 8192;
const LARGE: i32 = 64 << 10;
const SELF: i32 = Handle::COMM_SELF.0 as i32;

/// Most bytes for a rank of these tests.
const MOST: u64 = 1 << 20;

/// What an account may take of the budget beside what it holds.
const STEPS: u64 = 64 << 10;

fn options() -> Options {
    Options {
        held_bytes: MOST,
        handles: 1 << 16,
        ..Options::default()
    }
}

/// Does the same again and again, until that is refused: as an error that says so, with nothing
/// beyond the bound.
#[track_caller]
fn flood<F: AsyncFnMut(&mut Program, i32) -> Result<i32, Stop>>(what: &str, mut more: F) {
    let budget = MemoryBudget::new(16 * MOST);
    let rank = World::ranks(1, options(), &budget).remove(0);
    let mut host = Program::new(rank, MEMORY);
    mpi::MPI_Init(&mut host, 0, 0).unwrap();
    let mut host = host.returning();
    host.function(|_, _| 0);
    let code = runtime().block_on(async {
        for turn in 0..1 << 17 {
            match more(&mut host, turn).await.unwrap() {
                0 => assert!(budget.used() <= MOST + STEPS, "{what}"),
                code => return code,
            }
        }
        panic!("{what}: it was never refused")
    });
    assert_eq!(Class::from_code(code), Some(Class::NoMem), "{what}");
    assert!(budget.used() > MOST / 2, "{what}: {}", budget.used());
    drop(host);
    assert_eq!(budget.used(), 0, "{what}");
}

#[test]
fn infos_are_bounded() {
    flood("keys", async |host, turn| {
        if turn == 0 {
            mpi::MPI_Info_create(host, NEW)?;
            host.put_string(AT, &"v".repeat(1000));
        }
        let info = host.int(NEW);
        host.put_string(KEY, &turn.to_string());
        mpi::MPI_Info_set(host, info, KEY, AT)
    });
    flood("infos", async |host, _| mpi::MPI_Info_create(host, NEW));
    flood("copies of infos", async |host, turn| {
        if turn == 0 {
            mpi::MPI_Info_create(host, KEY)?;
            host.put_string(AT, "k");
            let info = host.int(KEY);
            mpi::MPI_Info_set(host, info, AT, AT)?;
        }
        let info = host.int(KEY);
        mpi::MPI_Info_dup(host, info, NEW)
    });
}

#[test]
fn communicators_and_groups_are_bounded() {
    flood("duplicates", async |host, _| {
        mpi::MPI_Comm_dup(host, WORLD, NEW).await
    });
    flood("grids", async |host, _| {
        host.put_ints(AT, &[1, 0]);
        mpi::MPI_Cart_create(host, WORLD, 1, AT, AT + 4, 0, NEW).await
    });
    flood("groups", async |host, _| {
        mpi::MPI_Comm_group(host, WORLD, NEW)
    });
    flood("attributes", async |host, _| {
        match mpi::MPI_Comm_create_keyval(host, 0, 0, NEW, 0)? {
            0 => {}
            code => return Ok(code),
        }
        let keyval = host.int(NEW);
        mpi::MPI_Comm_set_attr(host, WORLD, keyval, 7).await
    });
    flood("keys of attributes", async |host, _| {
        mpi::MPI_Comm_create_keyval(host, 0, 0, NEW, 0)
    });
    flood("operations", async |host, _| {
        mpi::MPI_Op_create(host, 1, 0, NEW)
    });
}

#[test]
fn datatypes_are_bounded_for_as_long_as_anybody_has_them() {
    flood("datatypes", async |host, _| {
        mpi::MPI_Type_contiguous(host, 3, INT, NEW)
    });
    flood("pieces", async |host, _| {
        host.put_ints(AT, &(0..1000).map(|i| 2 * i).collect::<Vec<_>>());
        mpi::MPI_Type_create_indexed_block(host, 1000, 1, AT, INT, NEW)
    });
    flood("freed datatypes of requests", async |host, _| {
        host.put_ints(AT, &(0..1000).map(|i| 2 * i).collect::<Vec<_>>());
        match mpi::MPI_Type_create_indexed_block(host, 1000, 1, AT, INT, NEW)? {
            0 => {}
            code => return Ok(code),
        }
        mpi::MPI_Type_commit(host, NEW)?;
        let kind = host.int(NEW);
        let code = mpi::MPI_Recv_init(host, AT, 1, kind, 0, 0, WORLD, KEY)?;
        mpi::MPI_Type_free(host, NEW)?;
        Ok(code)
    });
}

#[test]
fn requests_are_bounded_also_when_they_are_freed() {
    flood("receives", async |host, _| {
        mpi::MPI_Irecv(host, AT, 1, INT, 0, 0, WORLD, NEW)
    });
    flood("persistent ones", async |host, _| {
        mpi::MPI_Send_init(host, AT, 1, INT, 0, 0, WORLD, NEW)
    });
    flood("sends", async |host, _| {
        mpi::MPI_Isend(host, AT, LARGE, BYTE, 0, 0, WORLD, NEW)
    });
    flood("freed receives", async |host, _| {
        mpi::MPI_Irecv(host, AT, 1, INT, 0, 0, WORLD, NEW)?;
        mpi::MPI_Request_free(host, NEW)
    });
    flood("freed sends", async |host, _| {
        match mpi::MPI_Issend(host, AT, 1, INT, 0, 0, WORLD, NEW)? {
            0 => mpi::MPI_Request_free(host, NEW),
            code => Ok(code),
        }
    });
    flood("messages in a buffer", async |host, turn| {
        if turn == 0 {
            mpi::MPI_Buffer_attach(host, 1 << 20, MEMORY as i32 - (1 << 20))?;
        }
        // So many that nothing can be put down.
        match turn < 8000 {
            true => mpi::MPI_Bsend(host, AT, 100, BYTE, 0, 0, WORLD).await,
            false => mpi::MPI_Issend(host, AT, 100, BYTE, 0, 0, WORLD, NEW),
        }
    });
}

/// Small messages are not refused, but stay with their sender when there is no room for them.
#[test]
fn messages_that_are_put_down_are_bounded_also_when_they_are_wanted() {
    const MANY: i32 = 1500;
    const SIZE: i32 = 1 << 10;
    let options = Options {
        buffered_bytes: 64 << 10,
        ..options()
    };
    let ended = run_with(2, options, |mut host: Program| async move {
        let requests = 6 << 20;
        if host.me() == 1 {
            for index in 0..MANY {
                let into = AT + SIZE * index;
                mpi::MPI_Irecv(
                    &mut host,
                    into,
                    SIZE,
                    BYTE,
                    0,
                    0,
                    WORLD,
                    requests + 4 * index,
                )?;
            }
        }
        mpi::MPI_Barrier(&mut host, WORLD).await?;
        if host.me() == 0 {
            for index in 0..MANY {
                host.put_ints(AT, &[index]);
                mpi::MPI_Send(&mut host, AT, SIZE, BYTE, 1, 0, WORLD).await?;
            }
        } else {
            mpi::MPI_Waitall(&mut host, MANY, requests, 0).await?;
            for index in 0..MANY {
                assert_eq!(host.int(AT + SIZE * index), index);
            }
        }
        Ok(((), host))
    });
    ended.ok();
}

#[test]
fn arrays_of_requests_that_are_none_take_nothing_of_the_host() {
    let ended = run_with(1, options(), |mut host: Program| async move {
        let many = 1 << 20;
        let nulls = Handle::REQUEST_NULL.0.to_le_bytes().repeat(many);
        host.put(AT, &nulls);
        let many = many as i32;
        mpi::MPI_Waitall(&mut host, many, AT, 0).await?;
        mpi::MPI_Waitany(&mut host, many, AT, NEW, 0).await?;
        mpi::MPI_Waitsome(&mut host, many, AT, NEW, NEW, 0).await?;
        mpi::MPI_Testall(&mut host, many, AT, NEW, 0).await?;
        // Statuses for some of them, with one that is something in between.
        mpi::MPI_Irecv(&mut host, KEY, 1, INT, 0, 5, WORLD, AT + 8)?;
        mpi::MPI_Send(&mut host, KEY, 1, INT, 0, 5, WORLD).await?;
        let statuses = AT + (1 << 12);
        mpi::MPI_Waitall(&mut host, 4, AT, statuses).await?;
        let tags: Vec<_> = (0..4).map(|i| host.int(statuses + 32 * i + 4)).collect();
        assert_eq!(tags, [ANY_TAG, ANY_TAG, 5, ANY_TAG]);
        Ok(((), host))
    });
    ended.ok();
}

#[test]
fn a_request_that_is_given_more_often_than_there_are_any_is_an_error() {
    let options = Options {
        handles: 64,
        ..options()
    };
    let ended = run_with(1, options, |host: Program| async move {
        let mut host = host.returning();
        mpi::MPI_Irecv(&mut host, KEY, 1, INT, 0, 5, WORLD, AT)?;
        let same = host.bytes(AT, 4).repeat(100);
        host.put(AT, &same);
        let code = mpi::MPI_Testall(&mut host, 100, AT, NEW, 0).await?;
        assert_eq!(code, Class::Request as i32);
        mpi::MPI_Cancel(&mut host, AT)?;
        mpi::MPI_Wait(&mut host, AT, 0).await?;
        Ok(((), host))
    });
    ended.ok();
}

#[test]
fn a_world_leaves_nothing_in_the_budget() {
    let budget = MemoryBudget::new(1 << 30);
    let ranks = World::ranks(8, options(), &budget);
    let tasks = ranks.into_iter().map(|rank| async move {
        let mut host = Program::new(rank, MEMORY);
        mpi::MPI_Init(&mut host, 0, 0).unwrap();
        mpi::MPI_Comm_dup(&mut host, WORLD, NEW).await.unwrap();
        let next = (host.me() + 1) % 8;
        mpi::MPI_Send(&mut host, AT, 100, BYTE, next, 0, WORLD)
            .await
            .unwrap();
        mpi::MPI_Comm_dup(&mut host, SELF, NEW).await.unwrap();
        mpi::MPI_Barrier(&mut host, WORLD).await.unwrap();
        host
    });
    let hosts = runtime().block_on(futures::future::join_all(tasks));
    assert!(budget.used() > 0);
    drop(hosts);
    assert_eq!(budget.used(), 0);
}

/// A message that there is no room for a handle of is not lost.
#[test]
fn a_probe_that_is_refused_leaves_the_message_where_it_was() {
    let options = Options {
        handles: 1,
        ..options()
    };
    let ended = run_with(1, options, |host: Program| async move {
        let mut host = host.returning();
        for value in [1, 2] {
            host.put_ints(AT, &[value]);
            mpi::MPI_Send(&mut host, AT, 1, INT, 0, 5, WORLD).await?;
        }
        assert_eq!(mpi::MPI_Mprobe(&mut host, 0, 5, WORLD, NEW, 0).await?, 0);
        let full = Class::NoMem as i32;
        let refused = mpi::MPI_Improbe(&mut host, 0, 5, WORLD, KEY, KEY + 4, 0).await?;
        assert_eq!(refused, full);
        assert_eq!(mpi::MPI_Mprobe(&mut host, 0, 5, WORLD, KEY, 0).await?, full);
        mpi::MPI_Recv(&mut host, AT, 1, INT, 0, 5, WORLD, 0).await?;
        assert_eq!(host.int(AT), 2);
        mpi::MPI_Mrecv(&mut host, AT, 1, INT, NEW, 0).await?;
        assert_eq!(host.int(AT), 1);
        Ok(((), host))
    });
    ended.ok();
}
