//! Who comes and who goes, for people.

use super::member::Member;

/// What has become of a worker.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Joined,
    /// It said so.
    Left,
    /// It did not renew its lease.
    Lost,
}

/// Tells the log what has changed since `before`, for the worker `own`. It is `now_ms` by the
/// server's clock.
pub(super) fn log(before: &[Member], now: &[Member], own: &str, now_ms: u64) {
    let Some(me) = now.iter().find(|member| member.id == own) else {
        return;
    };
    if before.is_empty() {
        let (address, others) = (&me.profile.address, now.len() - 1);
        tracing::info!(%address, id = %own, others, "this server joined the cluster");
        return;
    }
    for (event, member) in events(before, now, now_ms) {
        let (address, id) = (&member.profile.address, &member.id);
        match event {
            Event::Joined => tracing::info!(%address, %id, "a server joined the cluster"),
            Event::Left => tracing::info!(%address, %id, "a server left the cluster"),
            Event::Lost => {
                tracing::warn!(%address, %id, "a server of the cluster was lost: it did not renew its lease");
            }
        }
    }
}

fn events<'a>(before: &'a [Member], now: &'a [Member], now_ms: u64) -> Vec<(Event, &'a Member)> {
    let is_in = |all: &[Member], member: &Member| all.iter().any(|one| one.id == member.id);
    let gone = before.iter().filter(|member| !is_in(now, member));
    let gone = gone.map(|member| match member.until_ms > now_ms {
        true => (Event::Left, member),
        false => (Event::Lost, member),
    });
    let new = now.iter().filter(|member| !is_in(before, member));
    gone.chain(new.map(|member| (Event::Joined, member)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::members::{Load, Profile};

    fn member(id: &str, until_ms: u64) -> Member {
        Member {
            id: id.into(),
            profile: Profile {
                address: format!("{id}:1"),
                capacity: 1,
                version: String::new(),
                engine: String::new(),
            },
            load: Load::default(),
            since_ms: 0,
            until_ms,
        }
    }

    #[test]
    fn who_goes_before_its_lease_runs_out_has_left() {
        let before = [member("stays", 9), member("left", 12), member("dead", 10)];
        let now = [member("stays", 20), member("new", 20)];
        let seen: Vec<_> = events(&before, &now, 10)
            .into_iter()
            .map(|(event, member)| (event, member.id.as_str()))
            .collect();
        let expected = [
            (Event::Left, "left"),
            (Event::Lost, "dead"),
            (Event::Joined, "new"),
        ];
        assert_eq!(seen, expected);
    }
}
