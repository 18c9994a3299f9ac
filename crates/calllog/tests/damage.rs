//! Records that somebody else wrote into the database file.

use std::path::Path;

use faasm_calllog::conformance::{Checked, finished, new_call};
use faasm_calllog::{Accepted, CallLog, EmbeddedLog, Error, LoggedCall, RecordPart};
use faasm_model::{CallId, Name};
use redb::{Database, TableDefinition};

const ROWS: TableDefinition<u64, &[u8]> = TableDefinition::new("rows");
const INVOCATIONS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("invocations");
const RESULTS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("results");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Opens the file behind the log's back.
fn tamper(dir: &Path, change: impl FnOnce(&redb::WriteTransaction)) -> Checked {
    let database = Database::open(dir.join("calls.redb"))?;
    let txn = database.begin_write()?;
    change(&txn);
    Ok(txn.commit()?)
}

/// A log with the pending call 1, the finished call 2 and the pending call 3.
async fn three_calls(dir: &Path) -> Checked {
    let log = EmbeddedLog::open(dir)?;
    for id in 1..=3 {
        log.accept(new_call(id, "demo")?).await?;
    }
    log.finish(finished(&new_call(2, "demo")?, 5, "x")).await?;
    Ok(())
}

fn corrupted<T>(id: CallId, part: RecordPart) -> Result<T, Error> {
    Err(Error::Corrupted { id, part })
}

#[tokio::test]
async fn a_damaged_result_is_an_error_of_its_own_call_only() -> Checked {
    let dir = tempfile::tempdir()?;
    three_calls(dir.path()).await?;
    tamper(dir.path(), |txn| {
        let mut results = txn.open_table(RESULTS).unwrap();
        results
            .insert((2, 0), [1, 255, 255, 255].as_slice())
            .unwrap();
    })?;
    let log = EmbeddedLog::open(dir.path())?;
    let two = new_call(2, "demo")?.id;
    assert_eq!(log.get(two).await, corrupted(two, RecordPart::Result));
    assert_eq!(log.list(None, None, 10).await?.len(), 3);
    assert!(log.get(new_call(1, "demo")?.id).await?.is_some());
    assert_eq!(log.expire(u64::MAX).await?, 1);
    assert_eq!(log.get(two).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_missing_chunk_is_seen() -> Checked {
    let dir = tempfile::tempdir()?;
    three_calls(dir.path()).await?;
    tamper(dir.path(), |txn| {
        let mut results = txn.open_table(RESULTS).unwrap();
        let first = results.remove((2, 0)).unwrap().unwrap().value().to_vec();
        results.insert((2, 1), first.as_slice()).unwrap();
    })?;
    let log = EmbeddedLog::open(dir.path())?;
    let two = new_call(2, "demo")?.id;
    assert_eq!(log.get(two).await, corrupted(two, RecordPart::Result));
    Ok(())
}

#[tokio::test]
async fn a_call_whose_input_is_damaged_can_still_be_finished() -> Checked {
    let dir = tempfile::tempdir()?;
    three_calls(dir.path()).await?;
    tamper(dir.path(), |txn| {
        let mut inputs = txn.open_table(INVOCATIONS).unwrap();
        inputs.insert((1, 0), b"\x01\x00".as_slice()).unwrap();
    })?;
    let log = EmbeddedLog::open(dir.path())?;
    let pending = log.pending(None, 10).await?;
    assert_eq!(pending.len(), 2);
    assert_eq!(
        pending[0].invocation,
        corrupted(pending[0].summary.id, RecordPart::Invocation)
    );
    assert!(pending[1].invocation.is_ok());
    let end = finished(&new_call(1, "demo")?, 9, "input was lost");
    assert!(log.finish(end.clone()).await?);
    assert_eq!(log.get(end.id).await?, Some(LoggedCall::Finished(end)));
    Ok(())
}

#[tokio::test]
async fn a_damaged_summary_hides_no_other_call() -> Checked {
    let dir = tempfile::tempdir()?;
    three_calls(dir.path()).await?;
    tamper(dir.path(), |txn| {
        let mut rows = txn.open_table(ROWS).unwrap();
        rows.insert(1, b"".as_slice()).unwrap();
    })?;
    let log = EmbeddedLog::open(dir.path())?;
    let one = new_call(1, "demo")?;
    assert_eq!(
        log.get(one.id).await,
        corrupted(one.id, RecordPart::Summary)
    );
    assert_eq!(log.pending(None, 1).await?[0].summary.id.get(), 3);
    assert_eq!(log.list(None, None, 10).await?.len(), 2);
    assert_eq!(
        log.list(Some(&Name::new("demo")?), None, 10).await?.len(),
        2
    );
    assert!(log.finish(finished(&one, 9, "repaired")).await?);
    assert_eq!(log.list(None, None, 10).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_watermark_out_of_range_gives_out_no_bad_ids() -> Checked {
    for (next, expected) in [(0, Ok(1..2)), (u64::MAX, Err(Error::IdsExhausted))] {
        let dir = tempfile::tempdir()?;
        three_calls(dir.path()).await?;
        tamper(dir.path(), |txn| {
            let mut meta = txn.open_table(META).unwrap();
            meta.insert("next_id", next).unwrap();
        })?;
        let log = EmbeddedLog::open(dir.path())?;
        assert_eq!(log.reserve_ids(1).await, expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() -> Checked {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("calls.redb"), vec![7; 100_000])?;
    let Err(Error::Storage(what)) = EmbeddedLog::open(dir.path()) else {
        panic!("opened");
    };
    assert!(what.contains("calls.redb"), "{what}");
    assert_eq!(
        std::fs::read(dir.path().join("calls.redb"))?,
        vec![7; 100_000]
    );
    Ok(())
}

#[tokio::test]
async fn a_database_without_our_tables_gets_them() -> Checked {
    let dir = tempfile::tempdir()?;
    Database::create(dir.path().join("calls.redb"))?;
    let log = EmbeddedLog::open(dir.path())?;
    assert_eq!(log.list(None, None, 10).await?, []);
    assert_eq!(log.accept(new_call(1, "demo")?).await?, Accepted::New);
    Ok(())
}
