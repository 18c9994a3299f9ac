//! Several workers on one server, and what they leave behind.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use faasm_cluster::{Durability, RedisOptions, RedisTier, inspect};
use faasm_state::tier::conformance::{get, noise, patches, read_all, set, state_key};
use faasm_state::tier::{CHUNK_BYTES, Error, Expect, GlobalTier};
use faasm_testkit::Redis;

type Checked = Result<(), Box<dyn std::error::Error>>;

fn options(url: &str) -> RedisOptions {
    RedisOptions {
        grace: Duration::from_millis(1_500),
        ..RedisOptions::new(url)
    }
}

async fn pair(redis: &Redis) -> Result<(RedisTier, RedisTier), faasm_cluster::Error> {
    // One of them by the socket, which is the same server.
    let one = RedisTier::connect(options(&redis.url())).await?;
    Ok((one, RedisTier::connect(options(&redis.unix_url())).await?))
}

/// The names of the keys in the server that are like `pattern`.
fn names(redis: &Redis, pattern: &str) -> Vec<String> {
    let found = redis.cli(&["--scan", "--pattern", pattern]);
    found.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_pin_keeps_what_another_worker_replaces_and_nothing_stays_for_ever() -> Checked {
    let redis = Redis::start();
    let (one, other) = pair(&redis).await?;
    let key = state_key("demo", "key")?;
    let value = noise(40 * CHUNK_BYTES, 1);
    set(&one, &key, &value).await?;
    let (meta, pin) = other.open(&key).await?.unwrap();
    for _ in 0..5 {
        set(&one, &key, b"newer").await?;
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(read_all(&other, meta.generation, meta.size).await? == value);
    }
    drop(pin);
    let gone = loop {
        match read_all(&other, meta.generation, meta.size).await {
            Ok(bytes) => assert!(bytes == value),
            Err(error) => break error,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(gone, Error::Superseded);
    let (generation, staged) = one.stage(&key.user).await?;
    one.write_staged(generation, patches([(0, &value)])).await?;
    drop(staged);
    assert!(one.delete(&key, Expect::Any).await?);
    // The counters of the shard, and the record of the cluster.
    while redis.cli(&["dbsize"]) != "2" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_lock_excludes_other_workers_and_its_old_holder_writes_nothing() -> Checked {
    let redis = Redis::start();
    let (one, other) = pair(&redis).await?;
    let key = state_key("demo", "key")?;
    let lease = Duration::from_millis(100);
    let old = one.lock(&key, lease).await?.unwrap();
    let newer = loop {
        match other.lock(&key, Duration::from_secs(60)).await? {
            Some(fence) => break fence,
            None => tokio::time::sleep(lease / 5).await,
        }
    };
    assert!(newer > old);
    let late = one.put(&key, 4, patches([(0, b"late")]), Expect::Any, Some(old));
    assert_eq!(late.await, Err(Error::Fenced { latest: newer }));
    let mine = patches([(0, b"mine".as_slice())]);
    let put = other.put(&key, 4, mine, Expect::Any, Some(newer));
    put.await?;
    assert_eq!(get(&one, &key).await?, Some(b"mine".to_vec()));
    assert_eq!(other.lock(&key, lease).await?, None);
    other.unlock(&key, newer).await?;
    // A lock of which nothing is known any more proves nothing.
    for name in names(&redis, "*:f:demo/key") {
        assert_eq!(redis.cli(&["del", &name]), "1");
    }
    let late = other.put(&key, 0, Vec::new(), Expect::Any, Some(newer));
    assert_eq!(late.await, Err(Error::Fenced { latest: newer }));
    let next = one.lock(&key, lease).await?.unwrap();
    assert!(next > newer);
    Ok(())
}

#[tokio::test]
async fn prefixes_and_databases_are_apart() -> Checked {
    let redis = Redis::start();
    let key = state_key("demo", "key")?;
    let mut tiers = Vec::new();
    for (url, prefix) in [
        (redis.url(), "faasm"),
        (redis.url(), "faasm.2"),
        (format!("{}/3", redis.url()), "faasm"),
        (format!("{}?db=4", redis.unix_url()), "faasm"),
    ] {
        let options = RedisOptions {
            prefix: prefix.to_owned(),
            ..options(&url)
        };
        let tier = RedisTier::connect(options).await?;
        let is_other = |other: &RedisTier| other.cluster() != tier.cluster();
        assert!(tiers.iter().all(is_other));
        set(&tier, &key, tier.cluster().as_bytes()).await?;
        tiers.push(tier);
    }
    for tier in &tiers {
        let own = tier.cluster().as_bytes().to_vec();
        assert_eq!(get(tier, &key).await?, Some(own));
        assert_eq!(tier.list(&key.user, "", None, 9).await?.len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn numbers_are_never_given_out_again_even_when_the_server_forgot_them() -> Checked {
    let redis = Redis::start();
    let tier = RedisTier::connect(options(&redis.url())).await?;
    let key = state_key("demo", "key")?;
    let meta = set(&tier, &key, b"value").await?;
    let fence = tier.lock(&key, Duration::from_secs(1)).await?.unwrap();
    for pattern in ["*counters", "*demo/key"] {
        for name in names(&redis, pattern) {
            assert_eq!(redis.cli(&["del", &name]), "1");
        }
    }
    let later = set(&tier, &key, b"value").await?;
    assert!(later.version > meta.version && later.generation > meta.generation);
    let next = tier.lock(&key, Duration::from_secs(1)).await?.unwrap();
    assert!(next > fence);
    Ok(())
}

#[tokio::test]
async fn a_damaged_record_of_a_value_is_an_error() -> Checked {
    let redis = Redis::start();
    let tier = RedisTier::connect(options(&redis.url())).await?;
    let key = state_key("demo", "key")?;
    let rubbish: [&[&str]; 6] = [
        &["set", "", "a string"],
        &["hset", "", "generation", "-1", "version", "1", "size", "1"],
        &["hset", "", "generation", "1", "version", "x", "size", "1"],
        &[
            "hset",
            "",
            "generation",
            "1",
            "version",
            "1",
            "size",
            "99999999999",
        ],
        &["hset", "", "version", "1"],
        &["hset", "", "generation", "1e3", "size", "nan"],
    ];
    for command in rubbish {
        set(&tier, &key, b"value").await?;
        let name = names(&redis, "*:v:demo/key").concat();
        redis.cli(&["del", &name]);
        let mut command = command.to_vec();
        command[1] = &name;
        redis.cli(&command);
        let opened = tier.open(&key).await.err();
        assert!(
            matches!(opened, Some(Error::Corrupted(_))),
            "{command:?}: {opened:?}"
        );
        // These may find something to do, but not panic.
        let _ = tier.list(&key.user, "", None, 9).await;
        let _ = tier.append(&key, "x".into()).await;
        let _ = tier.delete(&key, Expect::Any).await;
        redis.cli(&["del", &name]);
    }
    Ok(())
}

#[tokio::test]
async fn keys_of_another_kind_are_an_error() -> Checked {
    let redis = Redis::start();
    let tier = RedisTier::connect(options(&redis.url())).await?;
    let key = state_key("demo", "key")?;
    for pattern in [
        "*:c:*",
        "*:g:*",
        "*counters",
        "*:u:*",
        "*:k:*",
        "*users",
        "*old",
        "*:e:*",
    ] {
        set(&tier, &key, &noise(100, 1)).await?;
        tier.append(&key, "element".into()).await?;
        set(&tier, &key, &noise(100, 1)).await?;
        let (meta, _pin) = tier.open(&key).await?.unwrap();
        for name in names(&redis, pattern) {
            // Whatever it is, it becomes something else.
            let is_set = redis.cli(&["type", &name]) == "set";
            assert!(!is_set, "{name}");
            redis.cli(&["del", &name]);
            redis.cli(&["sadd", &name, "rubbish"]);
        }
        let answers = [
            tier.read(meta.generation, 0, 100).await.err(),
            tier.patch(&key, meta.generation, 1, patches([(0, b"x")]), None)
                .await
                .err(),
            set(&tier, &key, b"value").await.err(),
            tier.append(&key, "x".into()).await.err(),
            tier.appended(&key, 0, 9).await.err(),
            tier.list(&key.user, "", None, 9).await.err(),
            tier.users(None, 9).await.err(),
            tier.usage(&key.user).await.err(),
        ];
        let is_known = |error: &Error| matches!(error, Error::Corrupted(_) | Error::Superseded);
        let errors: Vec<Error> = answers.into_iter().flatten().collect();
        let good = !errors.is_empty() && errors.iter().all(is_known);
        assert!(good, "{pattern}: {errors:?}");
        redis.cli(&["flushall"]);
        let layout = "{faasm:cluster}:layout";
        redis.cli(&["hset", layout, "version", "1", "id", tier.cluster()]);
    }
    Ok(())
}

#[tokio::test]
async fn a_server_says_what_it_keeps() -> Checked {
    let redis = Redis::with(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let url = redis.url();
    let look = || inspect(&url, "faasm", Duration::from_secs(5));
    let before = look().await?;
    assert_eq!((before.layout, before.cluster), (None, None));
    assert_eq!(before.durability, Some(Durability::Kernel));
    assert_eq!(before.max_memory, Some(100 << 20));
    assert_eq!(before.eviction.as_deref(), Some("allkeys-lru"));
    assert!(before.is_new_enough && before.version.is_some());
    let is = (before.is_primary, before.is_cluster);
    assert_eq!(is, (Some(true), Some(false)));
    assert!(before.clock_skew < Duration::from_secs(1));
    let tier = RedisTier::connect(options(&url)).await?;
    for (setting, value, durability) in [
        ("appendfsync", "always", Durability::Everything),
        ("appendfsync", "everysec", Durability::LastSecond),
        ("appendonly", "no", Durability::SinceSnapshot),
    ] {
        assert_eq!(redis.cli(&["config", "set", setting, value]), "OK");
        assert_eq!(look().await?.durability, Some(durability));
    }
    let after = look().await?;
    assert_eq!(after.layout, Some(after.known_layout.to_string()));
    assert_eq!(after.cluster.as_deref(), Some(tier.cluster()));
    Ok(())
}
