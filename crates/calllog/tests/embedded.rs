//! The embedded log against the contract, and what only it promises.

use std::sync::Arc;

use faasm_calllog::conformance::{Checked, finished, new_call};
use faasm_calllog::{Accepted, CallLog, EmbeddedLog, Error, LoggedCall};
use tempfile::TempDir;

mod contract {
    use super::fresh;

    faasm_calllog::conformance_tests!(fresh());
}

fn fresh() -> (EmbeddedLog, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = EmbeddedLog::open(dir.path()).expect("a new log");
    (log, dir)
}

#[tokio::test]
async fn a_reopened_log_knows_everything() -> Checked {
    let (log, dir) = fresh();
    let (done, begun) = (new_call(1, "demo")?, new_call(2, "demo")?);
    log.reserve_ids(100).await?;
    log.accept(done.clone()).await?;
    log.accept(begun.clone()).await?;
    log.begin(begun.id).await?;
    let result = finished(&done, 9, "answer");
    log.finish(result.clone()).await?;
    drop(log);

    let log = EmbeddedLog::open(dir.path())?;
    assert_eq!(log.reserve_ids(1).await?, 101..102);
    assert_eq!(log.get(done.id).await?, Some(LoggedCall::Finished(result)));
    let pending = log.pending(None, 10).await?;
    assert_eq!((pending.len(), pending[0].attempts), (1, 1));
    assert_eq!(pending[0].invocation.as_ref(), Ok(&*begun.invocation));
    assert_eq!(log.begin(begun.id).await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_log_is_reopened_after_it_was_closed() -> Checked {
    let (log, dir) = fresh();
    log.accept(new_call(1, "demo")?).await?;
    log.close().await;
    // The first one still exists, but holds nothing.
    let again = EmbeddedLog::open(dir.path())?;
    assert_eq!(again.list(None, None, 10).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_second_log_on_the_same_directory_is_refused() {
    let (_log, dir) = fresh();
    let second = EmbeddedLog::open(dir.path()).err();
    assert_eq!(second, Some(Error::InUse(dir.path().join("calls.redb"))));
}

#[tokio::test]
async fn many_writes_share_a_commit_and_reads_make_none() -> Checked {
    let (log, _dir) = fresh();
    assert_eq!(log.commits(), 0);
    let calls: Result<Vec<_>, _> = (1..=200).map(|id| new_call(id, "demo")).collect();
    let accepted = calls?.into_iter().map(|call| log.accept(call));
    for accepted in futures::future::try_join_all(accepted).await? {
        assert_eq!(accepted, Accepted::New);
    }
    let commits = log.commits();
    assert!((1..100).contains(&commits), "{commits}");
    log.list(None, None, 100).await?;
    log.pending(None, 100).await?;
    assert_eq!(log.commits(), commits);
    Ok(())
}

#[tokio::test]
async fn a_refused_write_does_not_touch_its_neighbours() -> Checked {
    let (log, _dir) = fresh();
    let call = new_call(1, "demo")?;
    let unknown = new_call(2, "demo")?;
    let (first, refused, twice, begun) = futures::join!(
        log.accept(call.clone()),
        log.begin(unknown.id),
        log.accept(call.clone()),
        log.begin(call.id),
    );
    assert_eq!(first, Ok(Accepted::New));
    assert_eq!(refused, Err(Error::UnknownCall(unknown.id)));
    assert_eq!(twice, Err(Error::IdInUse(call.id)));
    assert_eq!(begun, Ok(1));
    Ok(())
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_made_or_not_but_hangs_nothing() -> Checked {
    let (log, _dir) = fresh();
    for id in 1..=50 {
        let accept = log.accept(new_call(id, "demo")?);
        // Polled once, then dropped.
        let _ = futures::poll!(accept);
    }
    assert_eq!(log.accept(new_call(99, "demo")?).await?, Accepted::New);
    for call in log.pending(None, 100).await? {
        assert!(call.invocation.is_ok());
    }
    Ok(())
}

#[tokio::test]
async fn it_works_as_a_shared_trait_object() -> Checked {
    let (log, _dir) = fresh();
    let log: Arc<dyn CallLog> = Arc::new(log);
    let same = Arc::clone(&log);
    let task = tokio::spawn(async move { same.reserve_ids(3).await });
    assert_eq!(task.await??, 1..4);
    Ok(())
}
