//! `cluster`: processor time a call takes in clusters of 1, 2 and 4 workers on this machine,
//! beside an embedded server.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use faasm_testkit::{Cluster, Redis, Server, c};
use futures::future::{join_all, try_join_all};

use crate::effort::Effort;
use crate::http::{NOOP, note_errors};
use crate::load::{Load, wrk};
use crate::report::{Figure, Report};

const WORKERS: [usize; 3] = [1, 2, 4];

/// What a synchronous call in a cluster may cost, of what it costs an embedded server.
const GOAL: f64 = 1.5;

/// Asynchronous calls that may wait: more than a run accepts.
const QUEUE: [&str; 2] = ["--max-queued", "10000000"];

/// How long the calls that a run has left may take to end.
const REST: Duration = Duration::from_secs(300);

/// Servers that share the work.
struct Workers {
    servers: Vec<Server>,
    /// What runs beside them.
    redis: Option<Redis>,
}

/// What a call cost, in microseconds of a processor.
struct Cost {
    servers: f64,
    redis: f64,
    /// Calls a second.
    rate: f64,
}

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let alone = Workers::alone().await;
    let (sync, wait) = (
        alone.sync(report, effort).await?,
        alone.wait(report, effort).await?,
    );
    drop(alone);
    report.add(Figure::lower("synchronous, embedded", sync.servers, "µs"));
    report.add(Figure::lower("asynchronous, embedded", wait.servers, "µs"));
    for count in WORKERS {
        let workers = Workers::cluster(count).await;
        let cost = workers.sync(report, effort).await?;
        let of = |kind: &str| format!("{kind}, cluster of {count}");
        let figure = Figure::lower(of("synchronous"), cost.servers, "µs");
        report.add(figure.beside("embedded", sync.servers).ratio_goal(GOAL));
        let cost = workers.wait(report, effort).await?;
        let figure = Figure::lower(of("asynchronous"), cost.servers, "µs");
        report.add(figure.beside("embedded", wait.servers));
        let figure = Figure::lower(of("asynchronous, in Redis"), cost.redis, "µs");
        report.add(figure.beside("in the servers", cost.servers));
        let figure = Figure::higher(of("asynchronous calls run"), cost.rate, "/s");
        report.add(figure.beside("embedded", wait.rate));
    }
    report.note("processor time of the server processes, a call; the load is made by wrk on the same processors");
    report.note("asynchronous: until the last one has ended; Redis writes its file without fsync");
    Ok(())
}

impl Workers {
    async fn alone() -> Self {
        let server = Server::builder().args(QUEUE).start().await;
        Self::with(vec![server], None).await
    }

    async fn cluster(count: usize) -> Self {
        let cluster = Cluster::with(count, |builder| builder.args(QUEUE)).await;
        Self::with(cluster.servers, Some(cluster.redis)).await
    }

    async fn with(servers: Vec<Server>, redis: Option<Redis>) -> Self {
        if let Some(first) = servers.first() {
            first.put("demo/noop", c(NOOP)).await;
        }
        for server in &servers {
            // Compiled, and loaded.
            let _ = server.call("demo/noop", "").await;
        }
        Self { servers, redis }
    }

    /// The cost of synchronous calls.
    async fn sync(&self, report: &mut Report, effort: Effort) -> anyhow::Result<Cost> {
        let before = self.spent()?;
        let loads = self.load("", effort).await?;
        self.cost(report, before, &loads, effort.seconds)
    }

    /// The cost of asynchronous calls, until the last has ended.
    async fn wait(&self, report: &mut Report, effort: Effort) -> anyhow::Result<Cost> {
        let (before, begun) = (self.spent()?, Instant::now());
        let loads = self.load("?async=true", effort).await?;
        let deadline = Instant::now() + REST;
        while self.live().await? > 0 {
            anyhow::ensure!(Instant::now() < deadline, "the calls do not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut cost = self.cost(report, before, &loads, effort.seconds)?;
        cost.rate *= effort.seconds / begun.elapsed().as_secs_f64();
        Ok(cost)
    }

    async fn load(&self, query: &str, effort: Effort) -> anyhow::Result<Vec<Load>> {
        let loads = self.servers.iter().map(|server| {
            let url = format!("{}/invoke/demo/noop{query}", server.invoke);
            let seconds = effort.seconds;
            async move {
                let load = move || wrk(&url, "0123456789abcdef", seconds);
                tokio::task::spawn_blocking(load).await?
            }
        });
        try_join_all(loads).await
    }

    /// Asynchronous calls that have not ended: those that servers have, and those in Redis.
    async fn live(&self) -> anyhow::Result<u64> {
        let live = self.servers.iter();
        let live = join_all(live.map(|server| server.metric("faasm_calls_live", ""))).await;
        let waiting = match &self.redis {
            None => 0,
            Some(redis) => {
                let open = redis.cli(&["zcard", "{faasm:calls}:open"]);
                open.trim()
                    .parse()
                    .context("Redis does not tell how many calls wait")?
            }
        };
        Ok(live.iter().sum::<f64>() as u64 + waiting)
    }

    fn cost(
        &self,
        report: &mut Report,
        before: (f64, f64),
        loads: &[Load],
        seconds: f64,
    ) -> anyhow::Result<Cost> {
        for load in loads {
            note_errors(report, "faasm", load);
        }
        let after = self.spent()?;
        let rate: f64 = loads.iter().map(|load| load.rate).sum();
        let calls = rate * seconds.ceil();
        Ok(Cost {
            servers: (after.0 - before.0) / calls,
            redis: (after.1 - before.1) / calls,
            rate,
        })
    }

    /// Processor time of the servers and of Redis so far, in microseconds.
    fn spent(&self) -> anyhow::Result<(f64, f64)> {
        let servers = self.servers.iter().map(|server| processor_us(server.pid()));
        let servers = servers.sum::<anyhow::Result<f64>>()?;
        let redis = self.redis.as_ref().map(|redis| processor_us(redis.pid()));
        Ok((servers, redis.transpose()?.unwrap_or(0.0)))
    }
}

/// Processor time that a process has taken, in microseconds.
fn processor_us(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may contain anything.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    let ticks = ticks.sum::<Result<f64, _>>()?;
    Ok(ticks * 1e6 / rustix::param::clock_ticks_per_second() as f64)
}
