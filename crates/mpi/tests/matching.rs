//! Which message a receive gets, against a simple model.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{BYTE, Program, WORLD, run};
use faasm_mpi::abi::{ANY_SOURCE, ANY_TAG};
use faasm_mpi::functions as mpi;
use proptest::prelude::*;

const AT: i32 = 1 << 16;
const REQUESTS: i32 = 4096;
const STATUSES: i32 = 8192;
const ROOM: i32 = 9000;

/// A message of rank 1 to rank 0: its tag and how many bytes.
type Message = (i32, i32);

/// The message that each receive gets: the first that is left and has its tag.
fn model(messages: &[Message], receives: &[i32]) -> Vec<usize> {
    let mut left: Vec<usize> = (0..messages.len()).collect();
    let mut got = Vec::new();
    for tag in receives {
        let fits = |index: &usize| *tag == ANY_TAG || messages[*index].0 == *tag;
        let place = left.iter().position(fits).unwrap();
        got.push(left.remove(place));
    }
    got
}

/// Receives that can all be served, from as many messages.
fn receives(messages: &[Message]) -> impl Strategy<Value = Vec<i32>> + use<> {
    let tags: Vec<i32> = messages.iter().map(|(tag, _)| *tag).collect();
    let count = tags.len();
    let wild = prop::collection::vec(prop::bool::weighted(0.3), count);
    // With named tags before wild ones every order can be served.
    (Just(tags).prop_shuffle(), wild).prop_map(|(tags, wild)| {
        let mut receives: Vec<i32> = Vec::new();
        let (mut named, mut wilds) = (vec![], vec![]);
        for (tag, is_wild) in tags.into_iter().zip(wild) {
            if is_wild {
                wilds.push(ANY_TAG)
            } else {
                named.push(tag)
            }
        }
        receives.append(&mut named);
        receives.append(&mut wilds);
        receives
    })
}

fn plans() -> impl Strategy<Value = (Vec<Message>, Vec<i32>, Vec<bool>)> {
    let size = prop_oneof![Just(8), Just(4096), Just(8000)];
    let messages = prop::collection::vec((0..4, size), 1..20);
    messages.prop_flat_map(|messages| {
        let receives = receives(&messages);
        let count = messages.len();
        (
            Just(messages),
            receives,
            prop::collection::vec(any::<bool>(), count),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// Whether receives are posted before or after, waited for at once or later, and whatever
    /// sizes messages have: each gets what the model says.
    #[test]
    fn receives_get_messages_in_order((messages, receives, at_once) in plans(), early in any::<bool>()) {
        let expected = model(&messages, &receives);
        let plan = Arc::new((messages, receives, at_once));
        let results = run(2, move |mut host: Program| {
            let plan = Arc::clone(&plan);
            async move {
                let (messages, receives, at_once) = &*plan;
                let mut got = vec![];
                if host.me() == 1 {
                    if early {
                        mpi::MPI_Barrier(&mut host, WORLD).await?;
                    }
                    for (index, (tag, len)) in messages.iter().enumerate() {
                        let at = AT + ROOM * index as i32;
                        host.put_ints(at, &[index as i32]);
                        let request = REQUESTS + 4 * index as i32;
                        mpi::MPI_Isend(&mut host, at, *len, BYTE, 0, *tag, WORLD, request)?;
                    }
                    if !early {
                        mpi::MPI_Barrier(&mut host, WORLD).await?;
                    }
                    mpi::MPI_Waitall(&mut host, messages.len() as i32, REQUESTS, 0).await?;
                } else {
                    if !early {
                        mpi::MPI_Barrier(&mut host, WORLD).await?;
                    }
                    for (index, tag) in receives.iter().enumerate() {
                        let (at, request) = (AT + ROOM * index as i32, REQUESTS + 4 * index as i32);
                        let source = if index % 2 == 0 { 1 } else { ANY_SOURCE };
                        mpi::MPI_Irecv(&mut host, at, ROOM, BYTE, source, *tag, WORLD, request)?;
                        if !early && at_once[index] {
                            mpi::MPI_Wait(&mut host, request, 0).await?;
                        }
                    }
                    if early {
                        mpi::MPI_Barrier(&mut host, WORLD).await?;
                    }
                    mpi::MPI_Waitall(&mut host, receives.len() as i32, REQUESTS, STATUSES).await?;
                    for index in 0..receives.len() as i32 {
                        got.push(host.int(AT + ROOM * index) as usize);
                    }
                }
                Ok((got, host))
            }
        });
        prop_assert_eq!(&results.ok()[0], &expected);
    }
}
