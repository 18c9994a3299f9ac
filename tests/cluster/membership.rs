//! Who may be in a cluster.

use std::time::Duration;

use faasm_testkit::{Builder, Cluster, Redis, Server, Signal};

#[tokio::test]
async fn servers_that_keep_functions_in_different_places_are_no_cluster() {
    let cluster = Cluster::start(1).await;
    let why = Cluster::builder(&cluster.redis).refusal().await;
    assert!(why.contains("--storage"), "{why}");
}

#[tokio::test]
async fn two_clusters_on_one_redis_see_nothing_of_each_other() {
    let redis = Redis::start();
    let on = |prefix: &str| Cluster::builder(&redis).args(["--redis-prefix", prefix]);
    let (one, other) = futures::join!(on("one").start(), on("other").start());
    one.put("demo/f", super::guest::code()).await;
    let id = one.submit("demo/f", "nap 1; append a x").await;
    assert_eq!(one.wait(id).await, "SUCCESS: ");
    let _ = other.get(&format!("/calls/{id}")).await.expect(404);
    let _ = other.call("demo/f", "").await.expect(404);
    let list = other.get("/calls").await.expect(200).json();
    assert_eq!(list["calls"], serde_json::json!([]));
}

#[tokio::test]
async fn options_of_a_cluster_are_checked() {
    let alone = Server::builder;
    let redis = Redis::start();
    let clustered = || Cluster::builder(&redis);
    for (builder, word) in [
        (alone().args(["--link-addr", "127.0.0.1:0"]), "--redis"),
        (alone().args(["--advertise", "here:1"]), "--redis"),
        (alone().args(["--cluster-tls"]), "--redis"),
        (
            clustered().args(["--link-addr", "0.0.0.0:0"]),
            "--advertise",
        ),
        (clustered().env("FAASM_CLUSTER_KEY", "short"), "32"),
        (alone().args(["--storage", "ftp://x"]), "--storage"),
    ] {
        let why = builder.refusal().await;
        assert!(why.contains(word), "{word}: {why}");
    }
}

#[tokio::test]
async fn servers_of_which_some_encrypt_do_not_talk() {
    let cluster = Cluster::with(1, |builder| builder.args(["--cluster-tls"])).await;
    let why = cluster.another().refusal().await;
    assert!(why.contains("--cluster-tls"), "{why}");

    let cluster = Cluster::start(1).await;
    let why = cluster.another().args(["--cluster-tls"]).refusal().await;
    assert!(why.contains("--cluster-tls"), "{why}");
}

#[tokio::test]
async fn servers_with_different_keys_do_not_talk() {
    let key = |letter: &str| letter.repeat(40);
    let cluster = Cluster::with(1, |builder| builder.env("FAASM_CLUSTER_KEY", &key("a"))).await;
    let stranger = cluster.another().env("FAASM_CLUSTER_KEY", &key("b"));
    let why = stranger.refusal().await;
    assert!(why.contains("key"), "{why}");
}

#[tokio::test]
async fn servers_that_let_different_clients_in_are_no_cluster() {
    let key = |builder: Builder| builder.env("FAASM_CLUSTER_KEY", &"k".repeat(32));
    let mut cluster = Cluster::with(1, key).await;
    let with_tokens = key(cluster.another()).args(["--auth", "tokens"]);
    let why = with_tokens.refusal().await;
    assert!(why.contains("--auth off"), "{why}");
    // Once nobody is there, the first one says.
    cluster.servers[0].signal(Signal::TERM);
    let ended = cluster.servers[0].exit_code(Duration::from_secs(30)).await;
    assert_eq!(ended, Some(0));
    let with_tokens = Cluster::builder(&cluster.redis).args(["--auth", "tokens"]);
    let data_dir = cluster.servers[0].data_dir();
    let with_tokens = key(with_tokens).data_dir(data_dir).start().await;
    let logs = with_tokens.logs();
    assert!(logs.contains("joined the cluster"), "{logs}");
}

#[tokio::test]
async fn each_server_lists_all_of_the_cluster() {
    let cluster = Cluster::with(2, |builder| builder.args(["--max-running", "3"])).await;
    for server in &cluster.servers {
        let mut workers = Vec::new();
        super::until("both are listed", async || {
            let list = server.get("/workers").await.expect(200).json();
            workers = list["workers"].as_array().unwrap().clone();
            workers.len() == 2
        })
        .await;
        for worker in &workers {
            assert_eq!(
                (&worker["capacity"], &worker["running"]),
                (&3.into(), &0.into())
            );
            assert!(worker["since_ms"].as_u64().unwrap() > 0, "{worker}");
        }
    }
}

#[tokio::test]
async fn the_log_names_servers_that_come_and_go_and_says_once_that_the_redis_is_away() {
    let mut cluster = Cluster::start(2).await;
    let other = cluster.servers.remove(1);
    let one = &cluster.servers[0];
    super::until("the other is named", async || {
        one.logs().contains("a server joined the cluster")
    })
    .await;
    other.signal(Signal::TERM);
    super::until("it is said that it left", async || {
        one.logs().contains("a server left the cluster")
    })
    .await;
    let before = one.logs().len();
    let mut redis = cluster.redis;
    redis.kill();
    let lease_and_more = Duration::from_secs(12);
    tokio::time::sleep(lease_and_more).await;
    let redis = tokio::task::spawn_blocking(move || {
        redis.restart();
        redis
    });
    let _redis = redis.await.unwrap();
    super::until("it serves again", async || {
        one.get("/readyz").await.status == 200
    })
    .await;
    let logs = one.logs().split_off(before);
    let lines = |word: &str| logs.lines().filter(|line| line.contains(word)).count();
    assert_eq!(lines("the connection to Redis is lost"), 1, "{logs}");
    assert_eq!(lines("connected to Redis again"), 1, "{logs}");
    // The other one is that it has no lease.
    assert_eq!((lines("WARN"), lines("ERROR")), (2, 0), "{logs}");
}
