//! State of several servers in one Redis, and what happens when that fails.

use std::process::Command;
use std::time::{Duration, Instant};

use faasm_testkit::{Builder, Redis, Server, Signal, binary};
use futures::future::join_all;
use reqwest::Method;

use crate::state::guest::{fail, run, set, start, stored};
use crate::tls::authority::Authority;

fn on(redis: &Redis) -> Builder {
    at(&redis.url())
}

fn at(url: &str) -> Builder {
    // Not as an option: it may hold a password.
    Server::builder().env("FAASM_REDIS", url)
}

async fn pair(redis: &Redis) -> (Server, Server) {
    let one = start(on(redis)).await;
    let other = start(on(redis).args(["--storage", &one.upload])).await;
    (one, other)
}

#[tokio::test]
async fn what_one_server_writes_another_reads() {
    let redis = Redis::start();
    let (one, other) = pair(&redis).await;
    run(&one, "write greeting hello; append list 1").await;
    assert_eq!(run(&other, "read greeting 5").await, "5 hello\n");
    run(&other, "writeat greeting 5 0 J; append list 2").await;
    assert_eq!(
        run(&one, "pull greeting 5; read greeting 5").await,
        "5 Jello\n"
    );
    assert_eq!(run(&one, "list list 2 9").await, "12\n");
    let large = vec![b'l'; 5_000_000];
    set(&one, "demo/large", large.clone()).await;
    assert_eq!(stored(&other, "demo/large").await.unwrap(), large);
    assert_eq!(run(&other, "size large").await, "5000000\n");
    let deleted = other.stored(Method::DELETE, "/s/demo/large", "").await;
    assert!(deleted.status.is_success());
    assert!(stored(&one, "demo/large").await.is_none());
}

#[tokio::test]
async fn a_global_lock_holds_between_servers() {
    let redis = Redis::start();
    let (one, other) = pair(&redis).await;
    set(&one, "demo/n", vec![0; 4]).await;
    let counters = (0..40).map(|n| {
        let server = if n % 2 == 0 { &one } else { &other };
        run(server, "glock n; pull n 4; count n; push n; gunlock n")
    });
    join_all(counters).await;
    assert_eq!(
        stored(&one, "demo/n").await.unwrap(),
        40_u32.to_le_bytes()[..]
    );
}

#[tokio::test]
async fn a_redis_that_is_killed_loses_nothing_that_was_acknowledged() {
    let mut redis = Redis::start();
    let (one, other) = pair(&redis).await;
    let mut acknowledged = 0;
    for round in 1..=3 {
        for number in 0..10 {
            let server = if number % 2 == 0 { &one } else { &other };
            run(server, &format!("append log {number}")).await;
        }
        redis.kill();
        let waiting = one.call_json("demo/f", "append log w");
        let restarted = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            tokio::task::spawn_blocking(move || {
                redis.restart();
                redis
            })
            .await
            .unwrap()
        };
        // A call that comes while it is away waits for it. One whose request is on its way in that
        // very moment fails: nobody knows whether it was made, and it is not made again.
        let (call, back) = futures::join!(waiting, restarted);
        redis = back;
        acknowledged += usize::from(call["status"] == "SUCCESS");
        let list = run(&other, "list log 1000 1000").await;
        let (waited, others): (Vec<char>, Vec<char>) = list
            .trim_end_matches(['.', '\n'])
            .chars()
            .partition(|letter| *letter == 'w');
        assert!((acknowledged..=round).contains(&waited.len()), "{list}");
        let others: String = others.into_iter().collect();
        assert_eq!(others, "0123456789".repeat(round));
    }
}

#[tokio::test]
async fn calls_fail_in_time_while_redis_hangs_and_go_on_afterwards() {
    let redis = Redis::start();
    let server = start(on(&redis)).await;
    run(&server, "write key before").await;
    server.put("demo/noop", faasm_testkit::wat_noop()).await;
    redis.signal(Signal::STOP);
    let began = Instant::now();
    let calls = (0..20).map(|n| fail(&server, ["append list late", "write other late"][n % 2]));
    // Who needs no state notices nothing.
    let noop = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let _ = server.call("demo/noop", "").await.expect(200);
        began.elapsed()
    };
    let (failed, noop) = futures::join!(join_all(calls), noop);
    for (code, message) in failed {
        assert_eq!(code, "state_failed", "{message}");
        assert!(message.contains("Redis at redis://"), "{message}");
        assert!(message.contains("did not answer within 5s"), "{message}");
    }
    let waited = began.elapsed();
    assert!(
        waited < Duration::from_secs(40) && noop < waited,
        "{waited:?} {noop:?}"
    );
    redis.signal(Signal::CONT);
    while server.call("demo/f", "append list on").await.status != 200 {}
    assert_eq!(
        run(&server, "list list 2 9; read key 6").await,
        "on\n6 before\n"
    );
}

#[tokio::test]
async fn a_redis_without_memory_refuses_state_and_keeps_what_it_has() {
    let redis = Redis::with(["--maxmemory", "20mb"]);
    let server = start(on(&redis)).await;
    run(&server, "write small 1").await;
    set(&server, "demo/large", vec![b'l'; 8 << 20]).await;
    let full = loop {
        let url = "/s/demo/more";
        let put = server.stored(Method::PUT, url, vec![b'm'; 8 << 20]).await;
        if !put.status.is_success() {
            break put;
        }
    };
    let text = full.expect(507).text();
    assert!(text.contains("Redis"), "{text}");
    let (code, message) = fail(&server, "long new 3000000 b").await;
    assert_eq!(code, "state_failed");
    assert!(
        message.contains("memory that its Redis may take"),
        "{message}"
    );
    assert_eq!(run(&server, "read small 1").await, "1 1\n");
}

/// Runs a server that must not start; what it says.
#[tokio::test]
async fn a_server_says_why_it_cannot_use_a_redis() {
    let redis = Redis::with(["--requirepass", "secret"]);
    let with = |user: &str| redis.url().replace("//", &format!("//{user}@"));
    let primary = Redis::start();
    let replica = Redis::with(["--replicaof", &format!("127.0.0.1 {}", primary.port())]);
    for (builder, said) in [
        (at(&redis.url()), "refuses the user or the password"),
        (at(&with(":wrong")), "refuses the user or the password"),
        (at(&with("x:secret")), "refuses the user or the password"),
        (at("redis://127.0.0.1:1"), "cannot be reached"),
        (at("http://127.0.0.1:1"), "--redis must be an address"),
        (on(&replica), "replica"),
        (
            on(&primary).args(["--redis-prefix", "a}b"]),
            "--redis-prefix must be",
        ),
    ] {
        let text = builder.refusal().await;
        assert!(text.contains(said), "{text}");
        assert!(
            !text.contains("wrong@") && !text.contains("secret"),
            "{text}"
        );
    }
    let server = start(at(&with(":secret"))).await;
    assert_eq!(
        run(&server, "write key value; read key 5").await,
        "5 value\n"
    );
    assert!(!server.logs().contains("secret"));
}

#[tokio::test]
async fn a_data_directory_belongs_to_one_cluster_and_a_layout_to_one_version() {
    let (redis, other) = (Redis::start(), Redis::start());
    let dir = tempfile::tempdir().unwrap();
    let mut server = on(&redis).data_dir(dir.path()).start().await;
    set(&server, "demo/key", "value").await;
    server.signal(Signal::TERM);
    server.exit_code(Duration::from_secs(30)).await;
    let text = on(&other).data_dir(dir.path()).refusal().await;
    assert!(text.contains("this server belongs to"), "{text}");
    let server = on(&redis).data_dir(dir.path()).start().await;
    assert_eq!(stored(&server, "demo/key").await.unwrap(), "value");
    // Two clusters in one Redis do not see each other.
    let apart = on(&redis).args(["--redis-prefix", "apart"]).start().await;
    assert!(stored(&apart, "demo/key").await.is_none());
    let _ = redis.cli(&["hset", "{faasm:cluster}:layout", "version", "2"]);
    let text = on(&redis).refusal().await;
    assert!(text.contains("the same version of faasm"), "{text}");
}

#[test]
fn the_doctor_knows_what_a_redis_keeps() {
    let doctor = |url: &str| {
        let mut doctor = Command::new(binary());
        doctor.args(["doctor", "redis", "--redis", url]);
        let output = doctor.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let redis = Redis::with(["--appendfsync", "always", "--maxmemory", "1gb"]);
    let (code, text) = doctor(&redis.url());
    assert!(code == Some(0) && !text.contains("warn"), "{text}");
    for (setting, value, said) in [
        ("appendfsync", "everysec", "the last second or two"),
        ("appendonly", "no", "all since the last snapshot is lost"),
        ("maxmemory-policy", "allkeys-lru", "it drops state"),
    ] {
        assert_eq!(redis.cli(&["config", "set", setting, value]), "OK");
        let (_, text) = doctor(&redis.url());
        assert!(text.contains(said), "{text}");
    }
    assert_eq!(doctor(&redis.url()).0, Some(5));
    let (code, text) = doctor("redis://:secret@127.0.0.1:1");
    assert!(
        code == Some(5) && text.contains("cannot be reached"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn state_goes_encrypted_to_a_redis_that_is_vouched_for() {
    let dir = tempfile::tempdir().unwrap();
    let (known, stranger) = (Authority::new(), Authority::new());
    known.issue(dir.path(), 2099);
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("known.pem"), known.pem()).unwrap();
    std::fs::write(path("stranger.pem"), stranger.pem()).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let _redis = Redis::with([
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &path("cert.pem"),
        "--tls-key-file",
        &path("key.pem"),
        "--tls-ca-cert-file",
        &path("known.pem"),
        "--tls-auth-clients",
        "no",
    ]);
    let trusting = |pem: &str| {
        let url = format!("rediss://127.0.0.1:{port}");
        at(&url).env("SSL_CERT_FILE", &path(pem))
    };
    let text = trusting("stranger.pem").refusal().await;
    assert!(text.contains("certificate"), "{text}");
    let server = start(trusting("known.pem")).await;
    let script = "write key value; read key 5";
    assert_eq!(run(&server, script).await, "5 value\n");
}
