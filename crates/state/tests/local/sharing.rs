//! Who sees what, when.

use bytes::Bytes;
use faasm_state::tier::{Expect, GlobalTier};

use crate::common::{CHUNK, key, state_key, succeed, worker};

#[tokio::test]
async fn a_missing_key_has_size_0_and_reads_as_nothing() {
    let worker = worker();
    let call = worker.call();
    assert_eq!(call.size(&key("k")).await, Ok(0));
    assert_eq!(call.read(&key("k"), 0, 10).await, Ok(vec![]));
    succeed(call, []).await;
    assert_eq!(worker.global("k").await, None);
    assert_eq!(worker.tier.commits(), 0);
}

#[tokio::test]
async fn a_write_is_seen_by_other_calls_at_once_and_globally_after_the_success() {
    let worker = worker();
    let (writer, reader) = (worker.call(), worker.call());
    writer.write(&key("k"), b"hello").await.unwrap();
    assert_eq!(reader.read(&key("k"), 0, 99).await.unwrap(), b"hello");
    assert_eq!(worker.global("k").await, None);
    succeed(writer, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"hello");
}

#[tokio::test]
async fn what_a_failed_call_wrote_stays_here_until_somebody_pushes_it() {
    let worker = worker();
    let failing = worker.call();
    failing.write(&key("k"), b"draft").await.unwrap();
    drop(failing);
    assert_eq!(worker.global("k").await, None);
    let call = worker.call();
    assert_eq!(call.read(&key("k"), 0, 5).await.unwrap(), b"draft");
    call.push(&key("k")).await.unwrap();
    assert_eq!(worker.global("k").await.unwrap(), b"draft");
}

#[tokio::test]
async fn a_flush_pushes_what_failed_calls_left() {
    let worker = worker();
    worker.call().write(&key("k"), b"left").await.unwrap();
    worker.state.flush().await.unwrap();
    assert_eq!(worker.global("k").await.unwrap(), b"left");
    assert_eq!(worker.budget.used(), 0);
}

#[tokio::test]
async fn a_value_of_another_size_is_a_new_one_and_of_the_same_size_the_same() {
    let worker = worker();
    let call = worker.call();
    call.write(&key("k"), b"first").await.unwrap();
    call.write(&key("k"), b"again").await.unwrap();
    call.write(&key("k"), b"longer than before").await.unwrap();
    assert_eq!(call.size(&key("k")).await, Ok(18));
    call.write(&key("k"), b"short").await.unwrap();
    succeed(call, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"short");
}

#[tokio::test]
async fn a_set_from_outside_wins_over_what_was_not_pushed_before_it() {
    let worker = worker();
    let call = worker.call();
    call.write(&key("k"), b"from the call").await.unwrap();
    let set = Bytes::from_static(b"from outside");
    let put = worker.state.set(state_key("k"), set, Expect::Any);
    put.await.unwrap();
    assert_eq!(call.read(&key("k"), 0, 99).await.unwrap(), b"from outside");
    succeed(call, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"from outside");
}

#[tokio::test]
async fn a_write_after_a_set_from_outside_wins() {
    let worker = worker();
    let call = worker.call();
    call.write(&key("k"), b"one").await.unwrap();
    let set = Bytes::from_static(b"two");
    let put = worker.state.set(state_key("k"), set, Expect::Any);
    put.await.unwrap();
    call.write(&key("k"), b"three").await.unwrap();
    succeed(call, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"three");
}

#[tokio::test]
async fn the_later_of_two_sets_stays_whatever_the_order_of_their_ends() {
    let worker = worker();
    let (older, newer) = (worker.call(), worker.call());
    older.write(&key("k"), b"older").await.unwrap();
    newer.write(&key("k"), b"the newer").await.unwrap();
    succeed(newer, []).await;
    succeed(older, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"the newer");
}

#[tokio::test]
async fn a_set_is_durable_even_if_a_call_that_failed_set_the_value_again() {
    let worker = worker();
    let (good, failing) = (worker.call(), worker.call());
    good.write(&key("k"), b"good").await.unwrap();
    failing
        .write(&key("k"), b"of a failing call")
        .await
        .unwrap();
    succeed(good, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"good");
    drop(failing);
}

#[tokio::test]
async fn a_write_beyond_the_end_extends_with_zeros_and_a_smaller_total_does_not_shrink() {
    let worker = worker();
    let call = worker.call();
    call.write(&key("k"), b"abc").await.unwrap();
    call.write_part("k", 10, 8, b"xy").await;
    call.write_part("k", 2, 0, b"AB").await;
    assert_eq!(call.size(&key("k")).await, Ok(10));
    succeed(call, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"ABc\0\0\0\0\0xy");
}

#[tokio::test]
async fn a_read_moves_only_the_chunks_it_touches() {
    let worker = worker();
    let value = Bytes::from(vec![7; 20 * CHUNK as usize]);
    let put = worker.state.set(state_key("k"), value, Expect::Any);
    put.await.unwrap();
    let call = worker.call();
    let row = call.read(&key("k"), 5 * CHUNK + 10, 100).await.unwrap();
    assert_eq!(row, vec![7; 100]);
    let before = worker.budget.used();
    assert!((CHUNK..2 * CHUNK).contains(&before));
    call.write_part("k", 20 * CHUNK, 7 * CHUNK, &vec![1; CHUNK as usize])
        .await;
    // A chunk that is overwritten whole is not fetched, and needs no twin.
    assert_eq!(worker.budget.used(), before + CHUNK);
}

#[tokio::test]
async fn an_older_copy_never_lands_last() {
    let worker = worker();
    for round in 0..20_u8 {
        let calls: Vec<_> = (0..8).map(|_| worker.call()).collect();
        for (i, call) in calls.iter().enumerate() {
            call.write(&key("k"), &[round, i as u8]).await.unwrap();
        }
        let ends = calls.into_iter().rev().map(|call| succeed(call, []));
        futures::future::join_all(ends).await;
        assert_eq!(worker.global("k").await.unwrap(), [round, 7]);
    }
}

#[tokio::test]
async fn a_pull_forgets_what_was_not_pushed() {
    let worker = worker();
    let call = worker.call();
    call.write(&key("k"), b"pushed").await.unwrap();
    call.push(&key("k")).await.unwrap();
    call.write(&key("k"), b"drafts").await.unwrap();
    call.pull(&key("k")).await.unwrap();
    assert_eq!(call.read(&key("k"), 0, 6).await.unwrap(), b"pushed");
}

#[tokio::test]
async fn a_pull_leaves_what_a_running_call_has_set_and_not_pushed() {
    let worker = worker();
    let set = Bytes::from_static(b"old");
    let put = worker.state.set(state_key("k"), set, Expect::Any);
    put.await.unwrap();
    let writer = worker.call();
    writer.write(&key("k"), b"the new one").await.unwrap();
    let other = worker.call();
    other.pull(&key("k")).await.unwrap();
    succeed(writer, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"the new one");
    assert_eq!(other.read(&key("k"), 0, 99).await.unwrap(), b"the new one");
}

#[tokio::test]
async fn a_call_that_pulls_forgets_its_own_new_value_and_keeps_what_it_writes_after() {
    let worker = worker();
    let set = Bytes::from_static(b"four");
    let put = worker.state.set(state_key("k"), set, Expect::Any);
    put.await.unwrap();
    let call = worker.call();
    call.write(&key("k"), b"forgotten!").await.unwrap();
    call.pull(&key("k")).await.unwrap();
    assert_eq!(call.read(&key("k"), 0, 99).await.unwrap(), b"four");
    call.write(&key("k"), b"FOUR").await.unwrap();
    succeed(call, []).await;
    assert_eq!(worker.global("k").await.unwrap(), b"FOUR");
}

#[tokio::test]
async fn whoever_pushes_a_new_value_pushes_all_of_it() {
    let worker = worker();
    let set = Bytes::from_static(b"good");
    let put = worker.state.set(state_key("k"), set, Expect::Any);
    put.await.unwrap();
    let failing = worker.call();
    let value = vec![5; 3 * CHUNK as usize];
    failing.write(&key("k"), &value).await.unwrap();
    let call = worker.call();
    call.write_part("k", 3 * CHUNK, 10, &[6]).await;
    succeed(call, []).await;
    let global = worker.global("k").await.unwrap();
    assert_eq!(
        global.iter().filter(|&&byte| byte == 5).count(),
        value.len() - 1
    );
    drop(failing);
}

#[tokio::test]
async fn a_value_that_was_never_pushed_can_be_deleted() {
    let worker = worker();
    worker.call().write(&key("k"), b"left").await.unwrap();
    let name = state_key("k");
    assert_eq!(worker.state.delete(&name, Expect::Any).await, Ok(true));
    assert_eq!(worker.call().size(&key("k")).await, Ok(0));
    assert_eq!(worker.state.delete(&name, Expect::Any).await, Ok(false));
    assert_eq!(worker.budget.used(), 0);
}

#[tokio::test]
async fn a_mask_says_which_changes_are_pushed() {
    let worker = worker();
    let call = worker.call();
    call.write(&key("k"), &[0; 16]).await.unwrap();
    call.push(&key("k")).await.unwrap();
    call.write_part("k", 16, 0, &[9; 16]).await;
    call.write(&key("m"), &[0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    call.push_with_mask(&key("k"), &key("m")).await.unwrap();
    let masked = [0, 9, 0, 0, 0, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 0];
    assert_eq!(worker.global("k").await.unwrap(), masked);
    succeed(call, []).await;
    assert_eq!(worker.global("k").await.unwrap(), [9; 16]);
}

#[tokio::test]
async fn a_call_that_changes_nothing_commits_nothing() {
    let worker = worker();
    let call = worker.call();
    call.write(&key("k"), b"value").await.unwrap();
    succeed(call, []).await;
    let commits = worker.tier.commits();
    let call = worker.call();
    call.read(&key("k"), 0, 5).await.unwrap();
    // The same bytes once more are no change either.
    call.write(&key("k"), b"value").await.unwrap();
    succeed(call, []).await;
    assert_eq!(worker.tier.commits(), commits);
}

/// Writing a part, as the import does it.
trait WritePart {
    async fn write_part(&self, name: &str, total: u64, offset: u64, bytes: &[u8]);
}

impl WritePart for faasm_state::Session {
    async fn write_part(&self, name: &str, total: u64, offset: u64, bytes: &[u8]) {
        let length = bytes.len() as u64;
        let part = self.part(&key(name), total, offset, length).await.unwrap();
        self.fill(&part, 0, bytes).await.unwrap();
    }
}
