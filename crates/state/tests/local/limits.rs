//! Bounds, and what gives way.

use bytes::Bytes;
use faasm_state::tier::{Expect, MAX_VALUE_BYTES};
use faasm_state::{Error, Options};

use crate::common::{CHUNK, Mapped, key, state_key, succeed, worker, worker_with};

#[tokio::test]
async fn clean_copies_give_way_and_dirty_ones_never() {
    let worker = worker_with(10 * CHUNK, Options::default());
    for name in ["a", "b", "c"] {
        let value = Bytes::from(vec![1; 3 * CHUNK as usize]);
        let put = worker.state.set(state_key(name), value, Expect::Any);
        put.await.unwrap();
    }
    let failed = worker.call();
    failed
        .write(&key("dirty"), &vec![2; 3 * CHUNK as usize])
        .await
        .unwrap();
    drop(failed);
    for name in ["a", "b", "c", "a", "b", "c"] {
        let call = worker.call();
        let value = call.read(&key(name), 0, 3 * CHUNK).await.unwrap();
        assert_eq!(value.len() as u64, 3 * CHUNK);
    }
    let call = worker.call();
    assert_eq!(call.read(&key("dirty"), 5, 1).await.unwrap(), [2]);
}

#[tokio::test]
async fn a_copy_that_a_call_has_open_does_not_give_way() {
    let worker = worker_with(4 * CHUNK, Options::default());
    let put = worker.state.set(
        state_key("a"),
        Bytes::from(vec![1; 3 * CHUNK as usize]),
        Expect::Any,
    );
    put.await.unwrap();
    let holder = worker.call();
    let mut mapped = Mapped::new(&holder, "a", 3 * CHUNK, 0..3 * CHUNK).await;
    mapped.load(0, 3 * CHUNK as usize);
    let other = worker.call();
    let refused = other.write(&key("b"), &vec![0; 2 * CHUNK as usize]).await;
    assert_eq!(refused, Err(Error::NoMemory));
    drop((mapped, holder));
    other
        .write(&key("b"), &vec![0; 2 * CHUNK as usize])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_user_takes_no_more_than_its_share_of_the_memory() {
    let options = Options {
        // And a little for the records of a value.
        max_local_bytes: 2 * CHUNK + 8_000,
        ..Options::default()
    };
    let worker = worker_with(1 << 30, options);
    let call = worker.call();
    call.write(&key("a"), &vec![1; 2 * CHUNK as usize])
        .await
        .unwrap();
    let refused = call.write(&key("b"), b"x").await;
    assert!(
        matches!(refused, Err(Error::LocalLimit { .. })),
        "{refused:?}"
    );
    let other = worker.call_of("other", 2);
    other.write(&key("a"), b"x").await.unwrap();
    succeed(call, []).await;
    // Now that it is clean it gives way.
    let call = worker.call();
    call.write(&key("b"), b"x").await.unwrap();
}

#[tokio::test]
async fn a_call_maps_no_more_than_its_limit() {
    let options = Options {
        max_mapped_bytes: 10 * 4096,
        ..Options::default()
    };
    let worker = worker_with(1 << 30, options);
    let call = worker.call();
    let part = call.part(&key("k"), 11 * 4096, 0, 11 * 4096).await.unwrap();
    let refused = call.map(&part).map(drop);
    assert!(
        matches!(refused, Err(Error::MappedLimit { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn parts_outside_and_values_too_large_are_refused() {
    let worker = worker();
    let call = worker.call();
    for (total, offset, length) in [(10, 5, 6), (10, u64::MAX, 1), (10, 11, 0)] {
        let refused = call.part(&key("k"), total, offset, length).await;
        assert!(matches!(refused, Err(Error::Outside { .. })));
    }
    let refused = call.part(&key("k"), MAX_VALUE_BYTES + 1, 0, 1).await;
    assert!(matches!(refused, Err(Error::ValueTooLarge(_))));
    let mut upload = worker.state.upload(state_key("k"), Expect::Any);
    let piece = Bytes::from(vec![0; 1 << 20]);
    upload.write(piece).await.unwrap();
    drop(upload);
    assert_eq!(worker.global("k").await, None);
}

#[tokio::test]
async fn unused_values_beyond_the_number_are_dropped() {
    let options = Options {
        max_local_values: 10,
        ..Options::default()
    };
    let worker = worker_with(1 << 30, options);
    for i in 0..100 {
        let call = worker.call();
        call.write(&key(&format!("k{i}")), b"x").await.unwrap();
        succeed(call, []).await;
    }
    assert!(worker.state.local_usage().values <= 13);
    let call = worker.call();
    assert_eq!(call.read(&key("k0"), 0, 1).await.unwrap(), b"x");
}
