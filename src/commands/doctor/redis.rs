//! The Redis of a cluster: whether it does, and what it keeps when it fails.

use std::time::Duration;

use faasm_cluster::{Durability, Problem, Report, inspect};

use super::Check;
use crate::units::show_size;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Clocks that are further apart than this mislead who reads logs; leases and deadlines go by
/// the server's clock alone.
const LARGE_SKEW: Duration = Duration::from_secs(2);

const NAME: &str = "redis";

pub async fn checks(url: &str, prefix: &str) -> Vec<Check> {
    match inspect(url, prefix, PATIENCE).await {
        Ok(report) => judge(&report),
        Err(error) => {
            let todo = "check that it runs, and the address in --redis or FAASM_REDIS";
            vec![Check::fail(NAME, error.to_string(), todo)]
        }
    }
}

/// For who asked for this and named no server.
pub fn unnamed() -> Check {
    let todo = "name it with --redis redis://host:6379, or in FAASM_REDIS";
    Check::fail(NAME, "no server is named", todo)
}

fn judge(report: &Report) -> Vec<Check> {
    vec![
        server(report),
        cluster(report),
        durability(report.durability),
        memory(report),
        clock(report.clock_skew),
    ]
}

fn server(report: &Report) -> Check {
    let Report { server, .. } = report;
    let Some(version) = report.version.clone() else {
        return Check::warn(
            NAME,
            format!("{server} answers; its version cannot be asked"),
            "let its user run INFO",
        );
    };
    let found = format!("{server} has version {version}");
    if !report.is_new_enough {
        return Check::fail(NAME, found, "install Redis or Valkey 6.2 or newer");
    }
    if report.is_primary == Some(false) {
        let problem = format!("{server} {}", Problem::ReadOnly);
        return Check::fail(NAME, problem, "name the primary in --redis");
    }
    if report.is_cluster == Some(true) {
        let todo = "use a server without cluster-enabled; a Redis Cluster is not supported";
        return Check::fail(NAME, format!("{found} and is a node of a cluster"), todo);
    }
    Check::ok(NAME, found)
}

fn cluster(report: &Report) -> Check {
    const NAME: &str = "redis prefix";
    match (&report.layout, &report.cluster) {
        (None, _) => Check::ok(NAME, "no cluster yet; the first server makes it"),
        (Some(layout), Some(id)) if *layout == report.known_layout.to_string() => {
            Check::ok(NAME, format!("cluster {id}, layout {layout}"))
        }
        (Some(layout), _) => {
            let known = report.known_layout;
            let found = format!("another layout: {layout}, and this program knows {known}");
            let todo = "run the same version of faasm everywhere, or use another --redis-prefix";
            Check::fail(NAME, found, todo)
        }
    }
}

fn durability(durability: Option<Durability>) -> Check {
    const NAME: &str = "redis durability";
    let everysec = "for no more than a second's: appendonly yes, appendfsync everysec";
    match durability {
        Some(Durability::Everything) => {
            Check::ok(NAME, "appendfsync always: what was acknowledged survives")
        }
        Some(Durability::LastSecond) => Check::ok(
            NAME,
            "appendfsync everysec: if its machine fails, the last second or two are lost",
        ),
        Some(Durability::Kernel) => Check::warn(
            NAME,
            "appendfsync no: if its machine fails, half a minute may be lost",
            everysec,
        ),
        Some(Durability::Appended) => Check::warn(
            NAME,
            "appendonly yes; appendfsync cannot be asked",
            "let its user run CONFIG GET, or look it up",
        ),
        Some(Durability::SinceSnapshot) => Check::fail(
            NAME,
            "appendonly no: if it fails, all since the last snapshot is lost",
            everysec,
        ),
        None => Check::warn(NAME, "cannot be asked", "let its user run INFO"),
    }
}

fn memory(report: &Report) -> Check {
    const NAME: &str = "redis memory";
    let (Some(most), Some(eviction)) = (report.max_memory, &report.eviction) else {
        return Check::warn(NAME, "cannot be asked", "let its user run INFO");
    };
    match (most, eviction.as_str()) {
        (0, _) => Check::warn(
            NAME,
            "no maxmemory: when its machine has none left, the kernel kills it",
            "set maxmemory, and maxmemory-policy noeviction",
        ),
        (most, "noeviction") => {
            let most = show_size(most);
            Check::ok(NAME, format!("up to {most}; then writes are refused"))
        }
        (_, policy) => Check::fail(
            NAME,
            format!("maxmemory-policy {policy}: when memory runs short, it drops state"),
            "set maxmemory-policy noeviction",
        ),
    }
}

fn clock(skew: Duration) -> Check {
    const NAME: &str = "redis clock";
    let seconds = skew.as_secs_f64();
    match skew <= LARGE_SKEW {
        true => Check::ok(NAME, format!("{seconds:.1} s from this machine's")),
        false => Check::warn(
            NAME,
            format!("{seconds:.0} s from this machine's"),
            "have both follow the time (chrony, systemd-timesyncd)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn good() -> Report {
        Report {
            server: "redis://h".into(),
            version: Some("7.0.15".into()),
            is_new_enough: true,
            is_primary: Some(true),
            is_cluster: Some(false),
            durability: Some(Durability::Everything),
            max_memory: Some(1 << 30),
            eviction: Some("noeviction".into()),
            clock_skew: Duration::ZERO,
            layout: Some("1".into()),
            known_layout: 1,
            cluster: Some("c".into()),
        }
    }

    fn worst(report: &Report) -> (Verdict, String) {
        let checks = judge(report);
        let found = |verdict| checks.iter().find(|check| check.verdict == verdict);
        let worst = found(Verdict::Fail)
            .or(found(Verdict::Warn))
            .unwrap_or(&checks[0]);
        (worst.verdict, worst.found.clone())
    }

    /// What is wrong, and how that is judged.
    type Case = (fn(&mut Report), Verdict, &'static str);

    #[test]
    fn what_loses_state_fails_and_what_may_surprise_is_warned_of() {
        assert_eq!(worst(&good()).0, Verdict::Ok);
        let cases: [Case; 8] = [
            (|r| r.is_new_enough = false, Verdict::Fail, "7.0.15"),
            (|r| r.is_primary = Some(false), Verdict::Fail, "replica"),
            (|r| r.is_cluster = Some(true), Verdict::Fail, "cluster"),
            (|r| r.layout = Some("9".into()), Verdict::Fail, "layout"),
            (
                |r| r.durability = Some(Durability::SinceSnapshot),
                Verdict::Fail,
                "appendonly no",
            ),
            (
                |r| r.eviction = Some("allkeys-lru".into()),
                Verdict::Fail,
                "allkeys-lru",
            ),
            (|r| r.max_memory = Some(0), Verdict::Warn, "maxmemory"),
            (
                |r| r.clock_skew = Duration::from_secs(90),
                Verdict::Warn,
                "90 s",
            ),
        ];
        for (spoil, verdict, word) in cases {
            let mut report = good();
            spoil(&mut report);
            let (found, text) = worst(&report);
            assert!(found == verdict && text.contains(word), "{text}");
        }
    }
}
