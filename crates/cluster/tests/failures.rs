//! What may be wrong with a Redis: each is told apart, nothing hangs, nothing is half done.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::{Duration, Instant};

use faasm_cluster::{Error, Problem, RedisOptions, RedisTier};
use faasm_state::tier::conformance::{get, noise, patches, set, state_key};
use faasm_state::tier::{self, Expect, GlobalTier};
use faasm_testkit::{Redis, Signal};

type Checked = Result<(), Box<dyn std::error::Error>>;

fn options(url: &str) -> RedisOptions {
    RedisOptions {
        timeout: Duration::from_secs(2),
        ..RedisOptions::new(url)
    }
}

async fn problem(url: &str) -> Problem {
    match RedisTier::connect(options(url)).await {
        Err(Error::Server { problem, server }) => {
            assert!(!server.contains("secret"), "{server}");
            problem
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it let us in"),
    }
}

fn with_user(redis: &Redis, user: &str) -> String {
    redis.url().replace("redis://", &format!("redis://{user}@"))
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_why() -> Checked {
    let gone = problem("redis://127.0.0.1:1").await;
    assert!(matches!(gone, Problem::Unreachable(_)), "{gone}");
    let redis = Redis::with(["--requirepass", "secret"]);
    for url in [
        redis.url(),
        with_user(&redis, ":wrong"),
        with_user(&redis, "nobody:secret"),
    ] {
        let refused = problem(&url).await;
        assert!(matches!(refused, Problem::Password(_)), "{refused}");
    }
    RedisTier::connect(options(&with_user(&redis, ":secret"))).await?;
    Ok(())
}

#[tokio::test]
async fn tls_at_a_port_without_it_is_told_apart() {
    let redis = Redis::start();
    let problem = problem(&redis.url().replace("redis://", "rediss://")).await;
    assert!(matches!(problem, Problem::NoTls(_)), "{problem}");
}

#[tokio::test]
async fn a_replica_is_refused_and_one_that_becomes_it_is_left() -> Checked {
    let (primary, redis) = (Redis::start(), Redis::start());
    let tier = RedisTier::connect(options(&redis.url())).await?;
    let key = state_key("demo", "key")?;
    set(&tier, &key, b"value").await?;
    assert_eq!(
        redis.cli(&["replicaof", "127.0.0.1", &primary.port().to_string()]),
        "OK"
    );
    let refused = set(&tier, &key, b"other").await.unwrap_err();
    assert!(refused.to_string().contains("replica"), "{refused}");
    let refused = problem(&redis.url()).await;
    assert!(
        matches!(refused, Problem::ReadOnly | Problem::Loading),
        "{refused}"
    );
    Ok(())
}

#[tokio::test]
async fn without_memory_nothing_is_written_and_everything_else_goes_on() -> Checked {
    let redis = Redis::with(["--maxmemory", "30mb"]);
    let options = RedisOptions {
        grace: Duration::from_millis(900),
        ..options(&redis.url())
    };
    let tier = RedisTier::connect(options).await?;
    let (small, large) = (state_key("demo", "small")?, state_key("demo", "large")?);
    let meta = set(&tier, &small, b"small").await?;
    tier.append(&small, "element".into()).await?;
    let fence = tier.lock(&small, Duration::from_secs(60)).await?.unwrap();
    let mut keys = Vec::new();
    let full = loop {
        let key = state_key("demo", &keys.len().to_string())?;
        match set(&tier, &key, &noise(4 << 20, 1)).await {
            Ok(_) => keys.push(key),
            Err(error) => break error,
        }
    };
    assert_eq!(full, tier::Error::NoSpace);
    // What is small might still fit.
    let limit = |size| assert_eq!(redis.cli(&["config", "set", "maxmemory", size]), "OK");
    limit("1mb");
    let usage = tier.usage(&small.user).await?;
    for refused in [
        set(&tier, &large, &noise(4 << 20, 1)).await.err(),
        tier.append(&small, "more".into()).await.err(),
        tier.patch(&small, meta.generation, 5, patches([(0, b"S")]), None)
            .await
            .err(),
        tier.stage(&small.user).await.err(),
    ] {
        assert_eq!(refused, Some(tier::Error::NoSpace));
    }
    assert_eq!(tier.usage(&small.user).await?, usage);
    assert_eq!(get(&tier, &small).await?, Some(b"small".to_vec()));
    assert!(tier.renew(&small, fence, Duration::from_secs(60)).await?);
    tier.unlock(&small, fence).await?;
    // What is removed makes room, after its grace.
    limit("30mb");
    tier.clear_appended(&small).await?;
    for key in &keys {
        assert!(tier.delete(key, Expect::Any).await?);
    }
    while let Err(error) = set(&tier, &large, &noise(4 << 20, 1)).await {
        assert_eq!(error, tier::Error::NoSpace);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(get(&tier, &large).await?.unwrap() == noise(4 << 20, 1));
    Ok(())
}

#[tokio::test]
async fn what_was_given_up_while_the_server_hung_is_not_done_later() -> Checked {
    let redis = Redis::start();
    let tier = RedisTier::connect(options(&redis.url())).await?;
    let key = state_key("demo", "key")?;
    set(&tier, &key, b"before").await?;
    redis.signal(Signal::STOP);
    let began = Instant::now();
    let given_up = (0..20).map(|n| {
        let (tier, key) = (&tier, &key);
        async move { set(tier, key, format!("late {n}").as_bytes()).await }
    });
    for error in futures::future::join_all(given_up).await {
        let error = error.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, tier::Error::Unavailable(_)), "{error:?}");
        assert!(text.contains("did not answer within 2s"), "{text}");
    }
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    redis.signal(Signal::CONT);
    let value = loop {
        if let Ok(value) = get(&tier, &key).await {
            break value;
        }
    };
    assert_eq!(value, Some(b"before".to_vec()));
    set(&tier, &key, b"after").await?;
    // Whatever was on its way has arrived.
    assert_eq!(redis.cli(&["ping"]), "PONG");
    assert_eq!(get(&tier, &key).await?, Some(b"after".to_vec()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_comes_back_with_what_it_acknowledged() -> Checked {
    let mut redis = Redis::start();
    let patient = RedisOptions {
        timeout: Duration::from_secs(30),
        ..options(&redis.url())
    };
    let tier = RedisTier::connect(patient).await?;
    let key = state_key("demo", "key")?;
    let mut last = 0_u32;
    for round in 0..5 {
        set(&tier, &key, format!("round {round}").as_bytes()).await?;
        last = round;
        redis.kill();
        let read = get(&tier, &key);
        let restarted = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            tokio::task::block_in_place(|| redis.restart());
        };
        let (read, ()) = futures::join!(read, restarted);
        assert_eq!(read?, Some(format!("round {round}").into_bytes()));
    }
    assert_eq!(last, 4);
    Ok(())
}

#[tokio::test]
async fn an_unreachable_server_fails_calls_in_time_and_says_so() -> Checked {
    let mut redis = Redis::start();
    let tier = RedisTier::connect(options(&redis.url())).await?;
    redis.kill();
    let key = state_key("demo", "key")?;
    let error = loop {
        // The first one may still find the connection.
        let error = set(&tier, &key, b"value").await.unwrap_err().to_string();
        if !error.contains("broken pipe") {
            break error;
        }
    };
    assert!(error.contains("cannot be reached"), "{error}");
    tier.close().await;
    assert_eq!(tier.open(&key).await.err(), Some(tier::Error::Closed));
    Ok(())
}

#[tokio::test]
async fn another_layout_and_another_cluster_are_refused() -> Checked {
    let redis = Redis::start();
    let tier = RedisTier::connect(options(&redis.url())).await?;
    let again = RedisTier::connect(options(&redis.url())).await?;
    assert_eq!(tier.cluster(), again.cluster());
    let key = state_key("demo", "key")?;
    set(&tier, &key, b"value").await?;
    assert_eq!(redis.cli(&["flushall"]), "OK");
    let newer = RedisTier::connect(options(&redis.url())).await?;
    assert_ne!(newer.cluster(), tier.cluster());
    let error = loop {
        if let Err(error) = set(&tier, &key, b"value").await {
            break error.to_string();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(error.contains("this server belongs to"), "{error}");

    let _ = redis.cli(&["hset", "{faasm:cluster}:layout", "version", "999"]);
    let refused = problem(&redis.url()).await;
    assert!(
        matches!(refused, Problem::Layout { known: 1, .. }),
        "{refused}"
    );
    let _ = redis.cli(&["del", "{faasm:cluster}:layout"]);
    let _ = redis.cli(&["set", "{faasm:cluster}:layout", "what?"]);
    let refused = problem(&redis.url()).await;
    assert!(matches!(refused, Problem::Damaged(_)), "{refused}");
    Ok(())
}
