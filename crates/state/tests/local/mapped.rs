//! Stores through mappings are found, whoever makes them.

use bytes::Bytes;
use faasm_state::tier::Expect;

use crate::common::{CHUNK, Mapped, key, state_key, succeed, worker};

#[tokio::test]
async fn a_store_through_a_mapping_is_pushed_without_being_flagged() {
    let worker = worker();
    let call = worker.call();
    let mut mapped = Mapped::new(&call, "k", 3 * CHUNK, 0..3 * CHUNK).await;
    mapped.store(CHUNK + 5, b"stored");
    succeed(call, [mapped]).await;
    let global = worker.global("k").await.unwrap();
    assert_eq!(global.len() as u64, 3 * CHUNK);
    assert_eq!(&global[CHUNK as usize + 5..][..6], b"stored");
    assert_eq!(global.iter().filter(|&&b| b != 0).count(), 6);
}

#[tokio::test]
async fn stores_of_one_call_are_seen_by_another_that_has_the_value_mapped() {
    let worker = worker();
    let (one, two) = (worker.call(), worker.call());
    let mut first = Mapped::new(&one, "k", 100, 0..100).await;
    let mut second = Mapped::new(&two, "k", 100, 0..100).await;
    first.store(0, b"ping");
    assert_eq!(second.load(0, 4), b"ping");
    second.store(50, b"pong");
    assert_eq!(first.load(50, 4), b"pong");
    assert_eq!(two.read(&key("k"), 0, 4).await.unwrap(), b"ping");
}

#[tokio::test]
async fn a_mapping_keeps_the_old_value_when_it_is_set_from_outside() {
    let worker = worker();
    let call = worker.call();
    let mut old = Mapped::new(&call, "k", 100, 0..100).await;
    old.store(0, b"old");
    let set = Bytes::from_static(b"n");
    let put = worker.state.set(state_key("k"), set, Expect::Any);
    put.await.unwrap();
    assert_eq!(old.load(0, 3), b"old");
    old.store(99, b"!");
    assert_eq!(call.size(&key("k")).await, Ok(1));
    succeed(call, [old]).await;
    assert_eq!(worker.global("k").await.unwrap(), b"n");
}

#[tokio::test]
async fn a_store_between_a_push_and_the_end_is_pushed_at_the_end() {
    let worker = worker();
    let call = worker.call();
    let mut mapped = Mapped::new(&call, "k", CHUNK, 0..CHUNK).await;
    mapped.store(0, b"a");
    call.push(&key("k")).await.unwrap();
    // The page is open already: this store faults no more.
    mapped.store(1, b"b");
    succeed(call, [mapped]).await;
    assert_eq!(&worker.global("k").await.unwrap()[..2], b"ab");
}

#[tokio::test]
async fn a_store_after_another_calls_push_is_pushed_by_its_own_call() {
    let worker = worker();
    let (one, two) = (worker.call(), worker.call());
    let mut first = Mapped::new(&one, "k", CHUNK, 0..CHUNK).await;
    let mut second = Mapped::new(&two, "k", CHUNK, 0..CHUNK).await;
    first.store(0, b"1");
    second.store(8, b"2");
    succeed(one, [first]).await;
    second.store(16, b"3");
    succeed(two, [second]).await;
    let global = worker.global("k").await.unwrap();
    assert_eq!([global[0], global[8], global[16]], *b"123");
}

#[tokio::test]
async fn touching_one_page_of_a_large_value_fetches_one_chunk() {
    let worker = worker();
    let size = 100 * CHUNK;
    let put = worker.state.set(
        state_key("k"),
        Bytes::from(vec![3; size as usize]),
        Expect::Any,
    );
    put.await.unwrap();
    let call = worker.call();
    let mut mapped = Mapped::new(&call, "k", size, 0..size).await;
    let records = worker.budget.used();
    assert!(records < CHUNK);
    assert_eq!(mapped.load(50 * CHUNK, 10), [3; 10]);
    assert_eq!(worker.budget.used(), records + CHUNK);
    // Its twin, once it is written.
    mapped.store(50 * CHUNK, b"x");
    assert_eq!(worker.budget.used(), records + 2 * CHUNK);
    succeed(call, [mapped]).await;
    assert_eq!(worker.budget.used(), records + CHUNK);
}

#[tokio::test]
async fn a_part_is_mapped_with_its_neighbours_in_the_page_and_no_more() {
    let worker = worker();
    let value: Vec<u8> = (0..3 * CHUNK).map(|i| (i % 251) as u8).collect();
    let put = worker
        .state
        .set(state_key("k"), Bytes::from(value.clone()), Expect::Any);
    put.await.unwrap();
    let call = worker.call();
    let (from, to) = (CHUNK - 100, CHUNK + 5000);
    let mut mapped = Mapped::new(&call, "k", 3 * CHUNK, from..to).await;
    assert!(mapped.view.length() <= 4 * 4096);
    assert_eq!(
        mapped.load(0, (to - from) as usize),
        value[from as usize..to as usize]
    );
    mapped.store(0, b"changed");
    succeed(call, [mapped]).await;
    assert_eq!(
        &worker.global("k").await.unwrap()[from as usize..][..7],
        b"changed"
    );
}

#[tokio::test]
async fn what_was_stored_behind_the_end_of_a_value_is_not_there_when_it_grows() {
    let worker = worker();
    let call = worker.call();
    let mut mapped = Mapped::new(&call, "k", 10, 0..10).await;
    mapped.store(0, b"0123456789-not a part of the value-");
    call.part(&key("k"), 20, 0, 0).await.unwrap();
    assert_eq!(
        call.read(&key("k"), 0, 20).await.unwrap(),
        b"0123456789\0\0\0\0\0\0\0\0\0\0"
    );
}

#[tokio::test]
async fn a_store_after_a_neighbours_look_is_pushed_though_the_mapping_closes_before_its_end() {
    let worker = worker();
    for _ in 0..50 {
        let (one, two) = (worker.call(), worker.call());
        let mut first = Mapped::new(&one, "k", CHUNK, 0..CHUNK).await;
        let mut second = Mapped::new(&two, "k", CHUNK, 0..CHUNK).await;
        first.store(0, b"1");
        second.store(8, b"2");
        one.close(&mut first.view);
        // The neighbour ends between the look and the end of this push.
        let (pushed, ()) = tokio::join!(one.finish(), async {
            tokio::task::yield_now().await;
            second.store(16, b"3");
            two.close(&mut second.view);
        });
        pushed.unwrap();
        two.finish().await.unwrap();
        let global = worker.global("k").await.unwrap();
        assert_eq!([global[0], global[8], global[16]], *b"123");
        let clear = Bytes::from(vec![0; CHUNK as usize]);
        let put = worker.state.set(state_key("k"), clear, Expect::Any);
        put.await.unwrap();
    }
}

#[tokio::test]
async fn a_value_of_whole_pages_can_grow() {
    let worker = worker();
    let call = worker.call();
    call.write(&key("k"), &[1; 4096]).await.unwrap();
    call.part(&key("k"), 2 * CHUNK, 0, 0).await.unwrap();
    assert_eq!(call.size(&key("k")).await, Ok(2 * CHUNK));
    succeed(call, []).await;
    let global = worker.global("k").await.unwrap();
    assert_eq!(global.iter().filter(|&&byte| byte == 1).count(), 4096);
}

#[tokio::test]
async fn a_large_new_value_that_changes_back_after_its_push_is_pushed_again() {
    const SIZE: u64 = 200 * CHUNK;
    let worker = worker();
    let call = worker.call();
    let mut mapped = Mapped::new(&call, "k", SIZE, 0..SIZE).await;
    mapped.store(0, &vec![1; SIZE as usize]);
    call.push(&key("k")).await.unwrap();
    mapped.store(0, &vec![0; SIZE as usize]);
    succeed(call, [mapped]).await;
    assert!(
        worker
            .global("k")
            .await
            .unwrap()
            .iter()
            .all(|&byte| byte == 0)
    );
}

#[tokio::test]
async fn what_a_mask_kept_back_of_a_large_new_value_is_pushed_at_the_end() {
    const SIZE: u64 = 200 * CHUNK;
    let worker = worker();
    let call = worker.call();
    let value = vec![1; SIZE as usize];
    call.write(&key("k"), &value).await.unwrap();
    let mut mask = vec![0; SIZE as usize];
    mask[7] = 1;
    call.write(&key("m"), &mask).await.unwrap();
    call.push_with_mask(&key("k"), &key("m")).await.unwrap();
    let masked = worker.global("k").await.unwrap();
    assert_eq!(masked.iter().filter(|&&byte| byte == 1).count(), 1);
    succeed(call, []).await;
    assert_eq!(worker.global("k").await.unwrap(), value);
}
