//! What was acknowledged survives `kill -9`.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use faasm_calllog::conformance::{Checked, finished, new_call};
use faasm_calllog::{CallLog, EmbeddedLog, LoggedCall};
use faasm_model::CallId;

/// Set for the process that is going to be killed: the directory of its log.
const CHILD: &str = "FAASM_CALLLOG_KILL_TEST";

/// How many processes are killed.
const ROUNDS: &str = "FAASM_CALLLOG_KILL_ROUNDS";

/// Not a test by itself: what the killed process does until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_and_says_so() -> Checked {
    let Some(dir) = std::env::var_os(CHILD) else {
        return Ok(());
    };
    let log = Arc::new(EmbeddedLog::open(Path::new(&dir))?);
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
        say("reserved", id)?;
        let call = new_call(id, "demo").map_err(|error| error.to_string())?;
        log.accept(call.clone()).await?;
        say("accepted", id)?;
        log.begin(call.id).await?;
        say("begun", id)?;
        if id % 2 == 0 {
            let output = id.to_string().repeat(20_000);
            log.finish(finished(&call, id, &output)).await?;
            say("finished", id)?;
        }
    }
}

/// One `write`, so that a line is printed whole or not at all.
fn say(what: &str, id: u64) -> std::io::Result<()> {
    std::io::stdout().write_all(format!("log {what} {id}\n").as_bytes())
}

/// What a process said: the ids it named, by what had become durable of them.
type Said = BTreeMap<String, BTreeSet<u64>>;

/// Runs a process that writes, kills it, and returns what it had said by then.
fn killed(dir: &Path) -> Result<Said, Box<dyn std::error::Error>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", "child_writes_and_says_so", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no stdout")?;
    let mut lines = BufReader::new(output).lines();
    let mut said = Said::new();
    while said.is_empty() {
        let line = lines.next().ok_or("the child ended by itself")??;
        note(&mut said, &line)?;
    }
    std::thread::sleep(Duration::from_millis(RandomState::new().hash_one(()) % 150));
    child.kill()?;
    child.wait()?;
    for line in lines {
        note(&mut said, &line?)?;
    }
    Ok(said)
}

fn note(said: &mut Said, line: &str) -> Result<(), std::num::ParseIntError> {
    let words = line
        .strip_prefix("log ")
        .and_then(|rest| rest.split_once(' '));
    if let Some((what, id)) = words {
        said.entry(what.to_owned()).or_default().insert(id.parse()?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() -> Checked {
    let rounds = std::env::var(ROUNDS).map_or(Ok(10), |rounds| rounds.parse())?;
    let dir = tempfile::tempdir()?;
    let mut reserved = BTreeSet::new();
    let mut finished_before = 0;
    for round in 0..rounds {
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
    assert!(
        finished_before > 0 || rounds == 0,
        "the child never got anywhere"
    );
    Ok(())
}
