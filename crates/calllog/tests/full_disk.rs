//! A disk without room, and with room again.

use std::sync::Arc;

use faasm_calllog::conformance::{Checked, finished, new_call};
use faasm_calllog::{Accepted, CallLog, EmbeddedLog, Error, LoggedCall};
use faasm_database::testing::SmallDisk;
use faasm_model::Invocation;

#[tokio::test]
async fn no_room_refuses_new_calls_and_loses_none() -> Checked {
    let Some(disk) = SmallDisk::mount(16) else {
        return Ok(());
    };
    let log = EmbeddedLog::open(disk.path())?;
    let mut accepted = Vec::new();
    loop {
        let mut call = new_call(accepted.len() as u64 + 1, "demo")?;
        let function = call.invocation.function.clone();
        call.invocation = Arc::new(Invocation::new(function, vec![7; 200_000]));
        match log.accept(call.clone()).await {
            Ok(answer) => assert_eq!(answer, Accepted::New),
            Err(error) => break assert_eq!(error, Error::NoSpace),
        }
        accepted.push(call);
    }
    assert!(accepted.len() > 5, "{}", accepted.len());
    // What was accepted can still be run and finished, which makes room.
    for call in &accepted {
        assert_eq!(log.begin(call.id).await?, 1);
        assert!(log.finish(finished(call, 5, "small")).await?);
    }
    assert_eq!(log.expire(u64::MAX).await?, accepted.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_failed_is_not_acknowledged_and_the_log_goes_on() -> Checked {
    let Some(disk) = SmallDisk::mount(24) else {
        return Ok(());
    };
    let log = EmbeddedLog::open(disk.path())?;
    let calls: Result<Vec<_>, _> = (1..=40).map(|id| new_call(id, "demo")).collect();
    let calls = calls?;
    for call in &calls {
        log.accept(call.clone()).await?;
    }
    let filler = disk.fill(100_000)?;
    let output = "o".repeat(300_000);
    let mut done = Vec::new();
    let mut failed = Vec::new();
    for call in &calls {
        let result = finished(call, 5, &output);
        // Reading goes on all the time.
        let (end, listed, found) = futures::join!(
            log.finish(result.clone()),
            log.list(None, None, 100),
            log.get(calls[0].id),
        );
        assert_eq!(listed?.len(), calls.len());
        assert!(found?.is_some());
        match end {
            Ok(won) => {
                assert!(won);
                done.push(result);
            }
            Err(error) => {
                assert_eq!(error, Error::NoSpace);
                failed.push(result);
            }
        }
    }
    assert!(failed.len() > 1, "{}", failed.len());
    assert_eq!(log.accept(new_call(99, "demo")?).await, Err(Error::NoSpace));

    std::fs::remove_file(filler)?;
    for result in failed {
        assert!(log.finish(result.clone()).await?);
        done.push(result);
    }
    assert_eq!(log.accept(new_call(99, "demo")?).await?, Accepted::New);
    drop(log);
    let log = EmbeddedLog::open(disk.path())?;
    for result in done {
        assert!(log.get(result.id).await? == Some(LoggedCall::Finished(result)));
    }
    assert_eq!(log.pending(None, 100).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_full_disk_at_the_start_is_named() -> Checked {
    let Some(disk) = SmallDisk::mount(2) else {
        return Ok(());
    };
    disk.fill(0)?;
    assert_eq!(EmbeddedLog::open(disk.path()).err(), Some(Error::NoSpace));
    Ok(())
}
