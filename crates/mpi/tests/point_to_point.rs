//! Messages between ranks, against what they must bring.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{BYTE, INT, Program, WORLD, run};
use faasm_mpi::abi::{ANY_SOURCE, ANY_TAG, Handle, PROC_NULL};
use faasm_mpi::functions as mpi;
use faasm_mpi::{Class, Stop};

const AT: i32 = 4096;
const INTO: i32 = 2 << 20;
const STATUS: i32 = 1024;
const NEW: i32 = 2048;

fn pattern(seed: i32, len: usize) -> Vec<u8> {
    let byte = |index: usize| {
        (index as u32)
            .wrapping_mul(2_654_435_761)
            .rotate_left(seed as u32) as u8
    };
    (0..len).map(byte).collect()
}

#[test]
fn messages_of_all_sizes_and_modes_arrive_whole() {
    run(2, |mut host: Program| async move {
        for len in [0, 1, 63, 64, 65, 4096, 4097, 300_000, 1_000_001] {
            for mode in 0..4 {
                let bytes = pattern(mode, len as usize);
                if host.me() == 0 {
                    host.put(AT, &bytes);
                    let host = &mut host;
                    match mode {
                        0 => mpi::MPI_Send(host, AT, len, BYTE, 1, 5, WORLD).await?,
                        1 => mpi::MPI_Ssend(host, AT, len, BYTE, 1, 5, WORLD).await?,
                        2 => mpi::MPI_Rsend(host, AT, len, BYTE, 1, 5, WORLD).await?,
                        _ => {
                            mpi::MPI_Buffer_attach(host, 4 << 20, 2 << 20)?;
                            mpi::MPI_Bsend(host, AT, len, BYTE, 1, 5, WORLD).await?;
                            host.put(AT, &vec![0xee; len as usize]);
                            mpi::MPI_Buffer_detach(host, 0, 4).await?
                        }
                    };
                } else {
                    mpi::MPI_Recv(&mut host, INTO, len + 1, BYTE, 0, 5, WORLD, STATUS).await?;
                    assert_eq!(host.bytes(INTO, len as usize), bytes, "{len} {mode}");
                    assert_eq!(host.ints(STATUS, 2), [0, 5]);
                    mpi::MPI_Get_count(&mut host, STATUS, BYTE, NEW)?;
                    assert_eq!(host.int(NEW), len);
                }
            }
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn a_rank_sends_to_itself() {
    run(1, |mut host: Program| async move {
        for len in [10, 700_000] {
            let bytes = pattern(3, len as usize);
            host.put(AT, &bytes);
            mpi::MPI_Sendrecv(
                &mut host, AT, len, BYTE, 0, 1, INTO, len, BYTE, 0, 1, WORLD, STATUS,
            )
            .await?;
            assert_eq!(host.bytes(INTO, len as usize), bytes);
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn large_messages_go_round_a_ring_both_ways() {
    for len in [100, 5_000, 600_000] {
        run(5, move |mut host: Program| async move {
            let (me, right, left) = (host.me(), (host.me() + 1) % 5, (host.me() + 4) % 5);
            host.put(AT, &pattern(me, len as usize));
            mpi::MPI_Sendrecv(
                &mut host, AT, len, BYTE, right, 0, INTO, len, BYTE, left, 0, WORLD, 0,
            )
            .await?;
            assert_eq!(host.bytes(INTO, len as usize), pattern(left, len as usize));
            mpi::MPI_Sendrecv_replace(&mut host, AT, len, BYTE, left, 1, right, 1, WORLD, STATUS)
                .await?;
            assert_eq!(host.bytes(AT, len as usize), pattern(right, len as usize));
            assert_eq!(host.int(STATUS), right);
            Ok(((), host))
        })
        .ok();
    }
}

#[test]
fn messages_do_not_overtake_each_other_even_if_sizes_differ() {
    run(2, |mut host: Program| async move {
        let sizes = [5000, 4, 100_000, 8, 12, 5000];
        for (index, size) in sizes.into_iter().enumerate() {
            if host.me() == 0 {
                host.put_ints(AT, &[index as i32]);
                mpi::MPI_Isend(
                    &mut host,
                    AT + 200_000 * index as i32,
                    size,
                    BYTE,
                    1,
                    9,
                    WORLD,
                    NEW,
                )?;
                mpi::MPI_Request_free(&mut host, NEW)?;
            }
        }
        if host.me() == 1 {
            for size in sizes {
                mpi::MPI_Recv(
                    &mut host, INTO, 200_000, BYTE, ANY_SOURCE, ANY_TAG, WORLD, STATUS,
                )
                .await?;
                mpi::MPI_Get_count(&mut host, STATUS, BYTE, NEW)?;
                assert_eq!(host.int(NEW), size);
            }
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn tags_and_sources_choose_among_messages() {
    run(3, |mut host: Program| async move {
        if host.me() > 0 {
            for tag in [1, 2, 3] {
                let value = 10 * host.me() + tag;
                host.put_ints(AT, &[value]);
                mpi::MPI_Send(&mut host, AT, 1, INT, 0, tag, WORLD).await?;
            }
        } else {
            for (source, tag) in [
                (2, 3),
                (1, 2),
                (1, ANY_TAG),
                (2, ANY_TAG),
                (ANY_SOURCE, 2),
                (1, 3),
            ] {
                mpi::MPI_Recv(&mut host, INTO, 1, INT, source, tag, WORLD, STATUS).await?;
                let (from, with) = (host.ints(STATUS, 2)[0], host.ints(STATUS, 2)[1]);
                assert_eq!(host.int(INTO), 10 * from + with);
                assert!(source == ANY_SOURCE || source == from);
                assert!(tag == ANY_TAG || tag == with);
            }
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn nobody_is_sent_to_and_received_from_at_once() {
    run(1, |mut host: Program| async move {
        mpi::MPI_Send(&mut host, AT, 1, INT, PROC_NULL, 0, WORLD).await?;
        mpi::MPI_Recv(&mut host, AT, 1, INT, PROC_NULL, 0, WORLD, STATUS).await?;
        assert_eq!(host.ints(STATUS, 2), [PROC_NULL, ANY_TAG]);
        mpi::MPI_Probe(&mut host, PROC_NULL, 0, WORLD, STATUS).await?;
        mpi::MPI_Mprobe(&mut host, PROC_NULL, 0, WORLD, NEW, STATUS).await?;
        mpi::MPI_Mrecv(&mut host, AT, 1, INT, NEW, STATUS).await?;
        assert_eq!(host.int(NEW), Handle::MESSAGE_NULL.0 as i32);
        Ok(((), host))
    })
    .ok();
}

#[test]
fn a_message_that_is_too_long_is_cut_with_an_error() {
    for len in [100, 10_000] {
        run(2, move |host: Program| async move {
            let mut host = host.returning();
            if host.me() == 0 {
                host.put(AT, &pattern(1, len as usize));
                mpi::MPI_Send(&mut host, AT, len, BYTE, 1, 0, WORLD).await?;
            } else {
                let room = len / 2;
                let code = mpi::MPI_Recv(&mut host, INTO, room, BYTE, 0, 0, WORLD, STATUS).await?;
                assert_eq!(code, Class::Truncate as i32);
                assert_eq!(
                    host.bytes(INTO, room as usize),
                    pattern(1, len as usize)[..room as usize]
                );
                assert_eq!(host.bytes(INTO + room, 8), [0; 8]);
            }
            Ok(((), host))
        })
        .ok();
    }
}

#[test]
fn a_sender_beyond_the_receivers_room_waits_but_loses_nothing() {
    run(2, |mut host: Program| async move {
        let count = 3000;
        for index in 0..count {
            if host.me() == 0 {
                host.put_ints(AT, &[index]);
                mpi::MPI_Send(&mut host, AT, 4096, BYTE, 1, 0, WORLD).await?;
            }
        }
        if host.me() == 1 {
            for index in 0..count {
                mpi::MPI_Recv(&mut host, INTO, 4096, BYTE, 0, 0, WORLD, 0).await?;
                assert_eq!(host.int(INTO), index);
            }
        }
        Ok(((), host))
    })
    .ok();
}

#[test]
fn buffered_sends_need_an_attached_buffer_with_room() {
    run(2, |host: Program| async move {
        let mut host = host.returning();
        if host.me() == 0 {
            let buffer = Class::Buffer as i32;
            let host = &mut host;
            assert_eq!(
                mpi::MPI_Bsend(host, AT, 70_000, BYTE, 1, 0, WORLD).await?,
                buffer
            );
            assert_eq!(mpi::MPI_Buffer_attach(host, 4 << 20, 80_000)?, 0);
            assert_eq!(mpi::MPI_Buffer_attach(host, 4 << 20, 80_000)?, buffer);
            assert_eq!(
                mpi::MPI_Bsend(host, AT, 70_000, BYTE, 1, 0, WORLD).await?,
                0
            );
            assert_eq!(
                mpi::MPI_Bsend(host, AT, 70_000, BYTE, 1, 0, WORLD).await?,
                buffer
            );
            assert_eq!(mpi::MPI_Barrier(host, WORLD).await?, 0);
            assert_eq!(mpi::MPI_Buffer_detach(host, 0, 4).await?, 0);
            assert_eq!(host.ints(0, 2), [4 << 20, 80_000]);
            assert_eq!(mpi::MPI_Buffer_detach(host, 0, 4).await?, buffer);
        } else {
            mpi::MPI_Barrier(&mut host, WORLD).await?;
            mpi::MPI_Recv(&mut host, INTO, 70_000, BYTE, 0, 0, WORLD, 0).await?;
        }
        Ok::<_, Stop>(((), host))
    })
    .ok();
}

#[test]
fn large_messages_of_items_with_gaps_arrive_in_their_places() {
    const SHORT: i32 = Handle::SHORT.0 as i32;
    for size in [1, 2] {
        run(size, move |mut host: Program| async move {
            let (me, count) = (host.me(), 20_000);
            // Four blocks of four, with one left out between them: 16 items in the room of 19.
            mpi::MPI_Type_vector(&mut host, 4, 4, 5, SHORT, NEW)?;
            mpi::MPI_Type_commit(&mut host, NEW)?;
            let blocks = host.int(NEW);
            let len = 32 * count as usize;
            let other = size as i32 - 1 - me;
            host.put(AT, &pattern(me, len));
            mpi::MPI_Irecv(&mut host, INTO, count + 4, blocks, other, 3, WORLD, NEW)?;
            mpi::MPI_Isend(&mut host, AT, 16 * count, SHORT, other, 3, WORLD, NEW + 4)?;
            mpi::MPI_Waitall(&mut host, 2, NEW, 0).await?;
            let sent = pattern(other, len);
            for item in 0..count as usize {
                for block in 0..4 {
                    let at = INTO + (38 * item + 10 * block) as i32;
                    let from = 32 * item + 8 * block;
                    assert_eq!(host.bytes(at, 8), sent[from..from + 8], "{item} {block}");
                    if block < 3 {
                        assert_eq!(host.bytes(at + 8, 2), [0, 0], "{item} {block}");
                    }
                }
            }
            Ok(((), host))
        })
        .ok();
    }
}
