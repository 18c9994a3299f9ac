//! Asynchronous calls of a cluster.

use std::time::{Duration, Instant};

use faasm_testkit::{Cluster, Server, Signal};
use futures::future::join_all;
use reqwest::Method;

use super::{ends, guest, ran, start, until};

/// Submits so many calls that do what `script` says, the number of each for `@`.
async fn submit(server: &Server, count: usize, script: &str) -> Vec<u64> {
    let scripts: Vec<String> = (0..count)
        .map(|number| script.replace('@', &number.to_string()))
        .collect();
    join_all(scripts.iter().map(|script| server.submit("demo/f", script))).await
}

/// Waits until each server runs some calls.
async fn all_run(cluster: &Cluster) {
    until("all run some", async || {
        let loads = cluster.servers.iter();
        let loads = join_all(loads.map(|server| server.metric("faasm_calls_running", "")));
        loads.await.into_iter().all(|running| running > 0.0)
    })
    .await;
}

async fn cancel(server: &Server, id: u64) -> String {
    let url = format!("{}/calls/{id}", server.invoke);
    let answer = server.request(Method::DELETE, &url, "").await;
    answer.expect(200).text()
}

#[tokio::test]
async fn calls_given_to_one_server_run_on_all_and_each_tells_how_they_ended() {
    let cluster = start(3, &["--max-running", "4"]).await;
    let ids = submit(&cluster.servers[0], 60, "nap 50; append done x").await;
    for server in &cluster.servers {
        for end in ends(server, &ids).await {
            assert_eq!(end, "SUCCESS: ");
        }
        assert!(ran(server).await > 0.0, "{}", server.logs());
    }
    let list = guest::run(&cluster.servers[1], "list done 61 61").await;
    assert_eq!(list, format!("{}.\n", "x".repeat(60)), "each ran once");
}

#[tokio::test]
async fn who_waits_on_another_server_is_told_when_the_call_ends() {
    let cluster = start(2, &[]).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    guest::set(one, "demo/gate", "0").await;
    let id = one.submit("demo/f", "gate gate; pull gate 1").await;
    let waits = [one, other].map(|server| async move {
        let text = server.wait(id).await;
        (text, Instant::now())
    });
    let open = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(other.get(&format!("/calls/{id}")).await.text(), "RUNNING");
        guest::set(other, "demo/gate", "1").await;
    };
    let (ends, ()) = futures::join!(join_all(waits), open);
    assert!(ends.iter().all(|(text, _)| text == "SUCCESS: "));
}

#[tokio::test]
async fn a_call_is_cancelled_from_any_server_wherever_it_is() {
    let cluster = start(2, &["--max-running", "2"]).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    // More than can run: some are cancelled before anybody has them.
    let ids = submit(one, 30, "nap 60000").await;
    all_run(&cluster).await;
    for id in &ids {
        assert_eq!(cancel(other, *id).await, "cancelled\n");
    }
    for (server, text) in [
        (one, ends(one, &ids).await),
        (other, ends(other, &ids).await),
    ] {
        for end in text {
            assert!(end.contains("cancelled"), "{end}");
        }
        assert_eq!(cancel(server, ids[0]).await, "already finished\n");
    }
}

#[tokio::test]
async fn a_key_makes_one_call_of_requests_to_all_servers() {
    let cluster = start(3, &[]).await;
    let requests = (0..12).map(|number| {
        let server = &cluster.servers[number % 3];
        async move {
            let url = format!("{}/invoke/demo/f?async=true", server.invoke);
            let key = ["idempotency-key: once"];
            let answer = server
                .request_with(Method::POST, &url, &key, "append runs x")
                .await;
            answer.expect(202).text()
        }
    });
    let ids = join_all(requests).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let _ = cluster.servers[2].wait(ids[0].parse().unwrap()).await;
    assert_eq!(
        guest::run(&cluster.servers[0], "list runs 2 2").await,
        "x.\n"
    );
}

#[tokio::test]
async fn the_calls_of_a_server_that_is_killed_run_elsewhere() {
    let mut cluster = start(2, &["--max-running", "8"]).await;
    guest::set(&cluster.servers[0], "demo/gate", "0").await;
    let ids = submit(&cluster.servers[0], 8, "gate gate; append ends @").await;
    all_run(&cluster).await;
    let killed = Instant::now();
    cluster.servers[1].kill();
    guest::set(&cluster.servers[0], "demo/gate", "1").await;
    for end in ends(&cluster.servers[0], &ids).await {
        assert_eq!(end, "SUCCESS: ");
    }
    eprintln!("all had ended {:?} after the kill", killed.elapsed());
    let one = &cluster.servers[0];
    for number in 0..8 {
        let list = guest::run(one, "list ends 8 8").await;
        assert!(list.contains(&number.to_string()), "{list}");
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_loses_its_calls_and_says_nothing_of_them_afterwards() {
    let cluster = start(2, &["--max-running", "8"]).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    guest::set(one, "demo/gate", "0").await;
    let ids = submit(one, 8, "gate gate; nap 100").await;
    all_run(&cluster).await;
    other.signal(Signal::STOP);
    guest::set(one, "demo/gate", "1").await;
    let first = ends(one, &ids).await;
    other.signal(Signal::CONT);
    assert!(first.iter().all(|end| end == "SUCCESS: "), "{first:?}");
    until("it has let go of them", async || {
        other.metric("faasm_calls_live", "").await == 0.0
    })
    .await;
    until("it answers again", async || {
        other.get("/readyz").await.status == 200
    })
    .await;
    assert_eq!(ends(other, &ids).await, first);
}

#[tokio::test]
async fn a_server_that_shuts_down_hands_its_calls_on_at_once() {
    let mut cluster = start(2, &["--max-running", "4", "--shutdown-grace", "100ms"]).await;
    guest::set(&cluster.servers[0], "demo/gate", "0").await;
    let ids = submit(&cluster.servers[0], 20, "gate gate").await;
    all_run(&cluster).await;
    cluster.servers[1].signal(Signal::TERM);
    assert_eq!(
        cluster.servers[1].exit_code(Duration::from_secs(30)).await,
        Some(0)
    );
    let one = &cluster.servers[0];
    guest::set(one, "demo/gate", "1").await;
    let url = format!("/calls/{}?wait_ms=7000", ids[19]);
    for end in ends(one, &ids).await {
        assert_eq!(end, "SUCCESS: ", "{}", one.logs());
    }
    assert_eq!(one.get(&url).await.text(), "SUCCESS: ");
}

#[tokio::test]
async fn a_user_may_have_so_many_calls_waiting_on_all_servers_together() {
    let cluster = start(2, &["--max-running", "1", "--max-queued", "5"]).await;
    let mut refused = 0;
    let mut ids: Vec<u64> = Vec::new();
    for number in 0..60 {
        let server = &cluster.servers[number % 2];
        let url = format!("{}/invoke/demo/f?async=true", server.invoke);
        let answer = server.request(Method::POST, &url, "nap 600").await;
        match answer.status.as_u16() {
            202 => ids.push(answer.text().parse().unwrap()),
            _ => {
                let text = answer.expect(429).text();
                assert!(text.contains("demo has 5 calls waiting"), "{text}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    for id in ids {
        let url = format!("{}/calls/{id}", cluster.servers[0].invoke);
        let _ = cluster.servers[0].request(Method::DELETE, &url, "").await;
    }
}

#[tokio::test]
async fn one_user_with_many_calls_does_not_keep_those_of_another_waiting() {
    let cluster = start(2, &["--max-running", "4"]).await;
    let one = &cluster.servers[0];
    one.put("other/f", guest::code()).await;
    guest::set(one, "demo/gate", "0").await;
    let many = submit(one, 200, "gate gate").await;
    until("they run", async || {
        one.metric("faasm_calls_running", "").await > 0.0
    })
    .await;
    let few = join_all((0..5).map(|_| one.submit("other/f", "append done x"))).await;
    assert!(ends(one, &few).await.iter().all(|end| end == "SUCCESS: "));
    guest::set(one, "demo/gate", "1").await;
    assert!(ends(one, &many).await.iter().all(|end| end == "SUCCESS: "));
}

#[tokio::test]
async fn a_redis_that_is_killed_loses_no_call_that_was_accepted() {
    let mut cluster = start(2, &[]).await;
    let mut ids = submit(&cluster.servers[0], 20, "nap 200; append done x").await;
    cluster.redis.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let redis = cluster.redis;
    let redis = tokio::task::spawn_blocking(move || {
        let mut redis = redis;
        redis.restart();
        redis
    });
    cluster.redis = redis.await.unwrap();
    let one = &cluster.servers[0];
    until("it takes calls again", async || {
        one.call("demo/f", "size x").await.status.is_success()
    })
    .await;
    ids.extend(submit(&cluster.servers[1], 5, "append done x").await);
    for end in ends(one, &ids).await {
        assert_eq!(end, "SUCCESS: ");
    }
}
