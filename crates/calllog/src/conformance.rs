//! What every [`CallLog`] must do, as checks that each implementation runs on itself.
//!
//! [`conformance_tests!`](crate::conformance_tests) makes one test of each. A check gets
//! a log that is empty and its own.

use std::sync::Arc;

use faasm_model::{
    CallId, CallStatus, ExecGraph, FailureKind, FinishedCall, FunctionName, GraphNode, Invocation,
    Name, Outcome, Part, Timings,
};

use crate::{Accepted, CallLog, Error, Idempotency, IdempotencyKey, LoggedCall, NewCall};

/// How a check ends; what it finds wrong it panics about.
pub type Checked = Result<(), Box<dyn std::error::Error>>;

/// Makes a module of tests, one for each check. `$fresh` is an expression that gives an
/// empty log and something to keep alive as long: `(impl CallLog, _)`.
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:expr) => {
        $crate::conformance_tests!($fresh;
            ids_are_handed_out_once,
            an_accepted_call_is_pending_until_it_is_finished,
            an_id_is_accepted_once,
            attempts_are_counted_from_one,
            the_first_result_wins,
            what_was_never_accepted_is_unknown,
            a_repeated_key_finds_the_first_call,
            one_of_many_concurrent_repetitions_is_new,
            pending_calls_come_in_pages_and_in_order,
            lists_show_the_newest_first,
            expired_results_are_gone_with_their_keys,
            large_values_come_back_whole,
            a_closed_log_says_so,
        );
    };
    ($fresh:expr; $($check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() -> $crate::conformance::Checked {
                let (log, _kept) = $fresh;
                $crate::conformance::$check(&log).await
            }
        )*
    };
}

/// A call of `user`'s function `f` with the id `id`.
pub fn new_call(id: u64, user: &str) -> Result<NewCall, Box<dyn std::error::Error>> {
    let mut invocation = Invocation::new(FunctionName::new(user, "f")?, format!("input of {id}"));
    invocation.args = vec!["-v".into(), "ä b".into()];
    Ok(NewCall {
        id: CallId::new(id)?,
        invocation: Arc::new(invocation),
        accepted_at_ms: 1_000 + id,
        idempotency: None,
    })
}

/// The call `call` with `output` as its result.
pub fn finished(call: &NewCall, finished_at_ms: u64, output: &str) -> FinishedCall {
    FinishedCall {
        id: call.id,
        function: call.invocation.function.clone(),
        accepted_at_ms: call.accepted_at_ms,
        finished_at_ms,
        outcome: Outcome {
            output: output.to_owned().into(),
            ..Outcome::default()
        },
        graph: ExecGraph::default(),
    }
}

fn keyed(mut call: NewCall, key: &str, body: u8) -> Result<NewCall, Box<dyn std::error::Error>> {
    call.idempotency = Some(Idempotency {
        key: IdempotencyKey::new(key)?,
        body_hash: [body; 32],
    });
    Ok(call)
}

fn ids<'a>(calls: impl IntoIterator<Item = &'a faasm_model::CallSummary>) -> Vec<u64> {
    calls.into_iter().map(|call| call.id.get()).collect()
}

/// Ranges of ids never overlap and begin at 1.
pub async fn ids_are_handed_out_once(log: &dyn CallLog) -> Checked {
    assert_eq!(log.reserve_ids(10).await?, 1..11);
    let (a, b) = futures::try_join!(log.reserve_ids(5), log.reserve_ids(7))?;
    assert_eq!((a.end - a.start, b.end - b.start), (5, 7));
    assert!(a.end == b.start || b.end == a.start, "{a:?} {b:?}");
    assert_eq!(a.start.min(b.start), 11);
    assert!(log.reserve_ids(0).await?.is_empty());
    let too_many = log.reserve_ids(CallId::END - 22).await;
    assert_eq!(too_many, Err(Error::IdsExhausted));
    assert_eq!(log.reserve_ids(CallId::END - 23).await?, 23..CallId::END);
    assert_eq!(log.reserve_ids(1).await, Err(Error::IdsExhausted));
    assert_eq!(log.reserve_ids(u64::MAX).await, Err(Error::IdsExhausted));
    Ok(())
}

/// The way of a call through the log.
pub async fn an_accepted_call_is_pending_until_it_is_finished(log: &dyn CallLog) -> Checked {
    let call = new_call(7, "demo")?;
    assert_eq!(log.get(call.id).await?, None);
    assert_eq!(log.accept(call.clone()).await?, Accepted::New);
    let Some(LoggedCall::Pending {
        summary,
        attempts: 0,
    }) = log.get(call.id).await?
    else {
        panic!("the call is not pending");
    };
    assert_eq!(summary.status, CallStatus::Running);
    assert_eq!((summary.id, summary.accepted_at_ms), (call.id, 1_007));
    let listed = log.list(None, None, 10).await?;
    assert_eq!(listed.as_slice(), std::slice::from_ref(&summary));

    let pending = log.pending(None, 10).await?;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].summary, summary);
    assert_eq!(pending[0].invocation.as_ref(), Ok(&*call.invocation));

    let mut result = finished(&call, 2_000, "done");
    result.outcome = Outcome::failed(FailureKind::Trap, "unreachable");
    result.outcome.stdout = "said".into();
    result.graph.calls.push(GraphNode {
        id: CallId::new(8)?,
        parent: Some(call.id),
        function: FunctionName::new("demo", "child")?,
        part: Some(Part::Pointer(3)),
        status: CallStatus::Failed,
        return_value: Some(-1),
        reason: Some("why".into()),
        timings: Timings::default(),
    });
    assert!(log.finish(result.clone()).await?);
    assert_eq!(log.list(None, None, 10).await?, [result.summary()]);
    assert_eq!(log.get(call.id).await?, Some(LoggedCall::Finished(result)));
    assert_eq!(log.pending(None, 10).await?, []);
    Ok(())
}

/// A second call under a used id is refused and changes nothing.
pub async fn an_id_is_accepted_once(log: &dyn CallLog) -> Checked {
    let call = new_call(1, "demo")?;
    log.accept(call.clone()).await?;
    let other = new_call(1, "other")?;
    assert_eq!(
        log.accept(other.clone()).await,
        Err(Error::IdInUse(call.id))
    );
    log.finish(finished(&call, 5, "x")).await?;
    assert_eq!(log.accept(other).await, Err(Error::IdInUse(call.id)));
    assert_eq!(log.list(Some(&Name::new("other")?), None, 10).await?, []);
    Ok(())
}

/// Attempts are numbered, each call on its own.
pub async fn attempts_are_counted_from_one(log: &dyn CallLog) -> Checked {
    let (a, b) = (new_call(1, "demo")?, new_call(2, "demo")?);
    log.accept(a.clone()).await?;
    log.accept(b.clone()).await?;
    for expected in 1..=3 {
        assert_eq!(log.begin(a.id).await?, expected);
    }
    assert_eq!(log.begin(b.id).await?, 1);
    assert_eq!(log.give_back(b.id).await?, 0);
    assert_eq!(log.begin(b.id).await?, 1);
    let pending = log.pending(None, 10).await?;
    let attempts: Vec<u32> = pending.iter().map(|call| call.attempts).collect();
    assert_eq!(attempts, [3, 1]);
    log.finish(finished(&a, 5, "x")).await?;
    assert_eq!(log.begin(a.id).await, Err(Error::AlreadyFinished(a.id)));
    assert_eq!(log.give_back(a.id).await, Err(Error::AlreadyFinished(a.id)));
    Ok(())
}

/// Exactly one result of a call is ever visible.
pub async fn the_first_result_wins(log: &dyn CallLog) -> Checked {
    let call = new_call(1, "demo")?;
    log.accept(call.clone()).await?;
    let results: Vec<_> = (0..8)
        .map(|n| finished(&call, 10 + n, &format!("{n}")))
        .collect();
    let ends = results.iter().map(|result| log.finish(result.clone()));
    let won = futures::future::try_join_all(ends).await?;
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    let first = won.iter().position(|won| *won).unwrap_or_default();
    let kept = Some(LoggedCall::Finished(results[first].clone()));
    assert_eq!(log.get(call.id).await?, kept);
    assert!(!log.finish(finished(&call, 99, "late")).await?);
    assert_eq!(log.get(call.id).await?, kept);
    assert_eq!(log.expire(u64::MAX).await?, 1);
    Ok(())
}

/// Calls that nobody accepted can be neither begun nor finished.
pub async fn what_was_never_accepted_is_unknown(log: &dyn CallLog) -> Checked {
    let call = new_call(4, "demo")?;
    assert_eq!(log.begin(call.id).await, Err(Error::UnknownCall(call.id)));
    let result = log.finish(finished(&call, 5, "x")).await;
    assert_eq!(result, Err(Error::UnknownCall(call.id)));
    assert_eq!(log.get(call.id).await?, None);
    assert_eq!(log.list(None, None, 10).await?, []);
    Ok(())
}

/// Keys belong to a user and to what was asked for.
pub async fn a_repeated_key_finds_the_first_call(log: &dyn CallLog) -> Checked {
    let first = keyed(new_call(1, "demo")?, "key", 1)?;
    let same = keyed(new_call(2, "demo")?, "key", 1)?;
    let other_body = keyed(new_call(3, "demo")?, "key", 2)?;
    let other_key = keyed(new_call(4, "demo")?, "other", 1)?;
    let other_user = keyed(new_call(5, "demo2")?, "key", 1)?;
    assert_eq!(log.accept(first.clone()).await?, Accepted::New);
    for _ in ["running", "finished"] {
        assert_eq!(
            log.accept(same.clone()).await?,
            Accepted::Existing(first.id)
        );
        assert_eq!(
            log.accept(other_body.clone()).await?,
            Accepted::Conflict(first.id)
        );
        log.finish(finished(&first, 5, "x")).await?;
    }
    assert_eq!(log.accept(other_key).await?, Accepted::New);
    assert_eq!(log.accept(other_user).await?, Accepted::New);
    assert_eq!(ids(&log.list(None, None, 10).await?), [5, 4, 1]);
    Ok(())
}

/// Repetitions that come at the same time make one call.
pub async fn one_of_many_concurrent_repetitions_is_new(log: &dyn CallLog) -> Checked {
    let calls: Result<Vec<_>, _> = (1..=32)
        .map(|id| keyed(new_call(id, "demo")?, "k", 0))
        .collect();
    let answers = calls?.into_iter().map(|call| log.accept(call));
    let answers = futures::future::try_join_all(answers).await?;
    let listed = log.list(None, None, 100).await?;
    assert_eq!(listed.len(), 1);
    for (id, answer) in (1..).zip(answers) {
        match answer {
            Accepted::New => assert_eq!(id, listed[0].id.get()),
            other => assert_eq!(other, Accepted::Existing(listed[0].id)),
        }
    }
    Ok(())
}

/// Recovery goes through all calls that have not ended, a page at a time.
pub async fn pending_calls_come_in_pages_and_in_order(log: &dyn CallLog) -> Checked {
    for id in [9, 2, 300, 4, 70_000, 1] {
        log.accept(new_call(id, "demo")?).await?;
    }
    log.finish(finished(&new_call(4, "demo")?, 5, "x")).await?;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = log.pending(after, 2).await?;
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.summary.id);
        seen.extend(ids(page.iter().map(|call| &call.summary)));
    }
    assert_eq!(seen, [1, 2, 9, 300, 70_000]);
    Ok(())
}

/// Lists go backwards, by user or over all, and are bounded.
pub async fn lists_show_the_newest_first(log: &dyn CallLog) -> Checked {
    for id in 1..=9 {
        // One name is the beginning of the other.
        let user = if id % 3 == 0 { "b" } else { "b-2" };
        log.accept(new_call(id, user)?).await?;
    }
    let b = Name::new("b")?;
    assert_eq!(ids(&log.list(None, None, 4).await?), [9, 8, 7, 6]);
    assert_eq!(
        ids(&log.list(None, Some(CallId::new(6)?), 4).await?),
        [5, 4, 3, 2]
    );
    assert_eq!(ids(&log.list(Some(&b), None, 10).await?), [9, 6, 3]);
    assert_eq!(
        ids(&log.list(Some(&b), Some(CallId::new(9)?), 1).await?),
        [6]
    );
    assert_eq!(log.list(Some(&Name::new("nobody")?), None, 10).await?, []);
    assert_eq!(log.list(None, None, 0).await?, []);
    Ok(())
}

/// Results go by the time of their end; what has not ended stays.
pub async fn expired_results_are_gone_with_their_keys(log: &dyn CallLog) -> Checked {
    let calls: Result<Vec<_>, _> = (1..=6)
        .map(|id| keyed(new_call(id, "demo")?, &format!("k{id}"), 0))
        .collect();
    let calls = calls?;
    for call in &calls {
        log.accept(call.clone()).await?;
    }
    for (call, finished_at_ms) in calls.iter().zip([50, 10, 99, 100, 101]) {
        log.finish(finished(call, finished_at_ms, "x")).await?;
    }
    assert_eq!(log.expire(10).await?, 0);
    assert_eq!(log.expire(100).await?, 3);
    assert_eq!(log.expire(100).await?, 0);
    assert_eq!(log.get(calls[0].id).await?, None);
    assert_eq!(ids(&log.list(None, None, 10).await?), [6, 5, 4]);
    assert_eq!(
        ids(&log.list(Some(&Name::new("demo")?), None, 10).await?),
        [6, 5, 4]
    );
    let late = log.finish(finished(&calls[0], 200, "late")).await;
    assert_eq!(late, Err(Error::UnknownCall(calls[0].id)));

    let again = keyed(new_call(7, "demo")?, "k1", 9)?;
    assert_eq!(log.accept(again).await?, Accepted::New);
    let kept = keyed(new_call(8, "demo")?, "k4", 0)?;
    assert_eq!(log.accept(kept).await?, Accepted::Existing(calls[3].id));
    assert_eq!(log.expire(u64::MAX).await?, 2);
    assert_eq!(ids(&log.list(None, None, 10).await?), [7, 6]);
    Ok(())
}

/// Inputs and outputs of many megabytes, of odd sizes and empty.
pub async fn large_values_come_back_whole(log: &dyn CallLog) -> Checked {
    for (id, size) in (1..).zip([0, 1, 65_280, 65_281, 1 << 20, (17 << 20) + 3]) {
        let bytes: Vec<u8> = (0..size).map(|n: usize| (n % 251) as u8).collect();
        let mut call = new_call(id, "demo")?;
        let function = call.invocation.function.clone();
        call.invocation = Arc::new(Invocation::new(function, bytes.clone()));
        log.accept(call.clone()).await?;
        let pending = log.pending(None, 10).await?;
        assert!(
            pending[0].invocation.as_ref() == Ok(&*call.invocation),
            "input of {size}"
        );
        let mut result = finished(&call, id, "");
        result.outcome.output = bytes.into();
        log.finish(result.clone()).await?;
        let found = log.get(call.id).await?;
        assert!(
            found == Some(LoggedCall::Finished(result)),
            "output of {size}"
        );
    }
    assert_eq!(log.expire(u64::MAX).await?, 6);
    Ok(())
}

/// After `close`, nothing hangs and nothing is accepted.
pub async fn a_closed_log_says_so(log: &dyn CallLog) -> Checked {
    let call = new_call(1, "demo")?;
    // Asked for before, finished before.
    let (accepted, ()) = futures::join!(log.accept(call.clone()), log.close());
    assert_eq!(accepted, Ok(Accepted::New));
    assert_eq!(log.reserve_ids(1).await, Err(Error::Closed));
    assert_eq!(log.accept(call.clone()).await, Err(Error::Closed));
    assert_eq!(log.begin(call.id).await, Err(Error::Closed));
    assert_eq!(log.get(call.id).await, Err(Error::Closed));
    assert_eq!(log.list(None, None, 1).await, Err(Error::Closed));
    log.close().await;
    Ok(())
}
