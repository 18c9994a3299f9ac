//! Following what others change.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::change::{Change, News};
use super::{Report, Shared, scripts};
use crate::redis::error::{Error, Problem};
use crate::redis::request::{number, text};
use crate::redis::server::hear_within;

/// How long a lost word can delay a change.
const LOOKS: Duration = Duration::from_millis(500);

/// Pause after a failure.
const PAUSE: Duration = Duration::from_millis(200);

/// Changes that are read at a time.
const PAGE: usize = 500;

/// What a look at the stream shows.
struct Seen {
    /// The latest change of all.
    latest: u64,
    /// Up to where the news go; `None` if there are none.
    news: Option<(News, u64)>,
}

/// Follows for ever.
pub(super) async fn follow_on(shared: Arc<Shared>) {
    let mut ear = shared.redis.listen("changes");
    loop {
        match shared.catch_up().await {
            Ok(true) => {}
            Ok(false) => tokio::select! {
                () = hear_within(&mut ear, LOOKS) => {}
                () = shared.nudge.notified() => {}
            },
            Err(error) => {
                let link = shared.redis.link();
                link.complain(&error, "this server does not hear of changes");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Shared {
    /// Applies what there is to apply; `false` if there is no more for now.
    pub(super) async fn catch_up(&self) -> Result<bool, Error> {
        match self.standing.owed() {
            Some(lapses) => self.read_everything(lapses).await.map(|()| true),
            None => self.apply_changes().await,
        }
    }

    /// Reads what it owes. Nobody waits for this worker meanwhile.
    async fn read_everything(&self, lapses: u64) -> Result<(), Error> {
        if lapses > 1 {
            tracing::warn!(
                "this server did not renew its lease in the cluster in time: it reads everything again"
            );
        }
        self.report(None, lapses).await?;
        let latest = self.look(self.position()).await?.latest;
        self.worker.apply(News::Everything).await;
        self.move_to(latest);
        self.standing.has_read(lapses);
        Ok(())
    }

    /// Applies what was announced since. The report comes before the look: who announces later
    /// waits for this worker, and what was announced before is in the stream.
    async fn apply_changes(&self) -> Result<bool, Error> {
        let lapses = self.standing.read();
        self.report(Some(self.position()), lapses).await?;
        let seen = self.look(self.position()).await?;
        let Some((news, position)) = seen.news else {
            self.caught_up(lapses);
            return Ok(false);
        };
        let may_be_more = news != News::Everything;
        self.standing.applying();
        self.worker.apply(news).await;
        self.standing.applied();
        self.move_to(position);
        self.report(Some(position), lapses).await?;
        if position >= seen.latest {
            self.caught_up(lapses);
        }
        Ok(may_be_more)
    }

    fn caught_up(&self, lapses: u64) {
        if self.standing.caught_up(lapses) && lapses > 1 {
            tracing::info!("this server has read everything again");
        }
    }

    /// Tells those who wait up to where everything is applied; `None` while everything is read.
    async fn report(&self, position: Option<u64>, lapses: u64) -> Result<(), Error> {
        let report = Some((position, lapses));
        if *self.reported() == report {
            return Ok(());
        }
        let position = position.map(|position| position.to_string());
        let call = self.call(&scripts::APPLIED);
        let call = call.arg(position.unwrap_or_default()).arg(lapses);
        self.run(call).await?;
        *self.reported() = report;
        Ok(())
    }

    fn reported(&self) -> MutexGuard<'_, Option<Report>> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, position: u64) -> Result<Seen, Error> {
        let call = self.call(&scripts::CHANGES).arg(position).arg(PAGE);
        let fields = self.run(call).await?;
        let damaged = || {
            let what = Problem::Damaged("the stream of changes".into());
            self.redis.link().blame(what)
        };
        let (latest, entries) = fields.split_first().ok_or_else(damaged)?;
        let latest = number("the number of a change", latest);
        let latest = latest.map_err(|problem| self.redis.link().blame(problem))?;
        let news = match read(entries, position) {
            Some((changes, end)) if !changes.is_empty() => Some((News::Changes(changes), end)),
            Some(_) if latest == position => None,
            // Some are not there any more, or cannot be understood.
            _ => Some((News::Everything, latest)),
        };
        Ok(Seen { latest, news })
    }
}

/// The changes after `position` and the number of the last; `None` if that is not what
/// these are.
fn read(entries: &[Bytes], position: u64) -> Option<(Vec<Change>, u64)> {
    let mut changes = Vec::new();
    let mut end = position;
    for entry in entries.chunks(3) {
        let [at, before, what] = entry else {
            return None;
        };
        if number("a change", before).ok()? != end {
            return None;
        }
        end = number("a change", at).ok()?;
        match Change::read(std::str::from_utf8(what).ok()?) {
            Some(change) => changes.push(change),
            None => {
                tracing::warn!(change = %text(what), "a change of another version of faasm");
                return None;
            }
        }
    }
    Some((changes, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(fields: &[&'static str]) -> Vec<Bytes> {
        fields
            .iter()
            .map(|field| Bytes::from_static(field.as_bytes()))
            .collect()
    }

    #[test]
    fn changes_are_taken_only_if_none_is_missing_between() {
        let chain = entries(&["7", "5", "flush", "9", "7", "flush"]);
        assert_eq!(
            read(&chain, 5),
            Some((vec![Change::Flush, Change::Flush], 9))
        );
        assert_eq!(read(&chain, 4), None);
        assert_eq!(read(&chain[3..], 5), None);
        assert_eq!(read(&[], 5), Some((vec![], 5)));
    }

    #[test]
    fn what_is_no_change_is_none() {
        for hostile in [
            entries(&["7", "5"]),
            entries(&["x", "5", "flush"]),
            entries(&["7", "", "flush"]),
            entries(&["7", "5", "explode"]),
        ] {
            assert_eq!(read(&hostile, 5), None);
        }
    }
}
