//! Renewing the lease, and seeing who else is there.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::member::{FIELDS, Member};
use super::standing::{LEASE, Moment};
use super::{Shared, company, scripts};
use crate::redis::error::{Error, Problem};
use crate::redis::request::{Answer, number};
use crate::redis::server::hear_within;

/// How often a lease is renewed.
const BEAT: Duration = Duration::from_secs(2);

/// Pause between two beats, however much happens, and after one that failed.
const SHORTEST: Duration = Duration::from_millis(200);

/// Most workers of a cluster.
const MOST_MEMBERS: u64 = 1_024;

/// Renews the lease as long as the worker is a member.
pub(super) async fn beat_on(shared: Weak<Shared>) {
    let ear = shared
        .upgrade()
        .map(|shared| shared.redis.listen("members"));
    let Some(mut ear) = ear else { return };
    let mut pause = BEAT;
    loop {
        hear_within(&mut ear, pause).await;
        let shared = shared
            .upgrade()
            .filter(|shared| !shared.standing.has_left());
        let Some(shared) = shared else { return };
        if shared.standing.is_stuck() {
            tracing::error!("this server is stuck with a change; others go on without it");
        } else if let Err(error) = shared.beat().await {
            let link = shared.redis.link();
            link.complain(&error, "this server could not say that it lives");
            pause = SHORTEST;
        } else {
            pause = BEAT;
        }
        drop(shared);
        tokio::time::sleep(SHORTEST).await;
    }
}

impl Shared {
    /// Renews the lease once.
    pub(super) async fn beat(self: &Arc<Self>) -> Result<(), Error> {
        let (profile, load) = (&self.profile, self.worker.load());
        let call = self
            .call(&scripts::BEAT)
            .arg(LEASE.as_millis())
            .arg(MOST_MEMBERS);
        let call = call.arg(&profile.address).arg(profile.capacity);
        let call = call.arg(load.running).arg(load.waiting);
        let call = call.arg(&profile.version).arg(&profile.engine);
        // The server may have lost what it was told of that.
        let position = match self.standing.owed() {
            Some(_) => String::new(),
            None => self.position().to_string(),
        };
        let call = call.arg(position);
        let sent = Moment::now();
        let answer = self.redis.link().script(call).await?;
        let blame = |problem| self.redis.link().blame(problem);
        let fields = match answer {
            Answer::Done(fields) => fields,
            Answer::Refused(word, _) if word == "crowded" => {
                return Err(blame(Problem::Failed(format!(
                    "{MOST_MEMBERS} workers use it already"
                ))));
            }
            other => return Err(blame(Problem::Damaged(format!("{other:?}")))),
        };
        let [alive, now_ms, rows @ ..] = fields.as_slice() else {
            return Err(blame(Problem::Damaged("an answer about workers".into())));
        };
        if self.standing.renewed(sent, alive == "1") {
            self.nudge.notify_one();
        }
        let now_ms = number("the time", now_ms).map_err(blame)?;
        let members = rows.chunks(FIELDS).map(Member::read);
        let readable = members.filter_map(|member| {
            member
                .inspect_err(|problem| tracing::warn!(%problem, "a worker is overlooked"))
                .ok()
        });
        let members: Arc<[Member]> = readable.collect();
        let before = self.members.send_replace(Arc::clone(&members));
        company::log(&before, &members, self.redis.worker(), now_ms);
        Ok(())
    }
}
