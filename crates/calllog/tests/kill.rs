//! What was acknowledged survives `kill -9`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use faasm_calllog::conformance::{Checked, finished, new_call};
use faasm_calllog::{CallLog, EmbeddedLog, LoggedCall};
use faasm_database::testing::{kill_child, kill_rounds, killed_child, say};
use faasm_model::CallId;

/// Not a test by itself: what the killed process does until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_and_says_so() -> Checked {
    let Some(dir) = killed_child() else {
        return Ok(());
    };
    let log = Arc::new(EmbeddedLog::open(&dir)?);
    let writers = (0..8).map(|_| tokio::spawn(write_calls(Arc::clone(&log))));
    for writer in futures::future::join_all(writers).await {
        writer?.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn write_calls(
    log: Arc<EmbeddedLog>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    loop {
        let id = log.reserve_ids(1).await?.start;
        say(format_args!("reserved {id}"))?;
        let call = new_call(id, "demo").map_err(|error| error.to_string())?;
        log.accept(call.clone()).await?;
        say(format_args!("accepted {id}"))?;
        log.begin(call.id).await?;
        say(format_args!("begun {id}"))?;
        if id % 2 == 0 {
            let output = id.to_string().repeat(20_000);
            log.finish(finished(&call, id, &output)).await?;
            say(format_args!("finished {id}"))?;
        }
    }
}

/// Runs a process that writes, kills it, and returns the ids it had named by then, by what
/// had become durable of them.
fn killed(dir: &Path) -> Result<BTreeMap<String, BTreeSet<u64>>, Box<dyn std::error::Error>> {
    let mut said = BTreeMap::<_, BTreeSet<_>>::new();
    for line in kill_child("child_writes_and_says_so", dir)? {
        let (what, id) = line.split_once(' ').ok_or("not a line of ours")?;
        said.entry(what.to_owned()).or_default().insert(id.parse()?);
    }
    Ok(said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() -> Checked {
    let dir = tempfile::tempdir()?;
    let mut reserved = BTreeSet::new();
    let mut finished_before = 0;
    for round in 0..kill_rounds() {
        let mut said = killed(dir.path())?;
        let mut take = |what: &str| said.remove(what).unwrap_or_default();
        let new_ids = take("reserved");
        assert!(
            reserved.is_disjoint(&new_ids),
            "round {round}: an id came twice"
        );
        reserved.extend(new_ids);

        let log = EmbeddedLog::open(dir.path())?;
        for id in take("accepted") {
            assert!(
                log.get(CallId::new(id)?).await?.is_some(),
                "round {round}: lost {id}"
            );
        }
        let ended = take("finished");
        for &id in &ended {
            let found = log.get(CallId::new(id)?).await?;
            let output = id.to_string().repeat(20_000);
            let expected = finished(&new_call(id, "demo")?, id, &output);
            assert!(
                found == Some(LoggedCall::Finished(expected)),
                "round {round}: result {id}"
            );
        }
        finished_before += ended.len();
        let pending = log.pending(None, usize::MAX).await?;
        let begun = take("begun");
        for call in &pending {
            let counted = !begun.contains(&call.summary.id.get()) || call.attempts == 1;
            assert!(counted, "round {round}: attempt of {}", call.summary.id);
            let expected = new_call(call.summary.id.get(), "demo")?;
            assert_eq!(call.invocation.as_ref(), Ok(&*expected.invocation));
        }
    }
    assert!(finished_before > 0, "the child never got anywhere");
    Ok(())
}
