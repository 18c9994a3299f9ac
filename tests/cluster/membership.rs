//! Who may be in a cluster.

use faasm_testkit::{Cluster, Redis, Server};

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
