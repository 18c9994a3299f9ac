//! Machines reach this one and each other, unless their link is cut; nothing of them stays.
#![allow(clippy::unwrap_used, reason = "a failing test is what a panic is for")]

use std::process::Command;

use faasm_testkit::{Fault, Host, Network, Redis};

/// A network, unless there can be none here.
fn network() -> Option<Network> {
    let network = Network::apart();
    network
        .inspect_err(|why| eprintln!("skipped: no network namespaces: {why}"))
        .ok()
}

/// Whether a Redis of this machine answers a machine within some seconds.
fn reaches(host: &Host, network: &Network, redis: &Redis) -> bool {
    let (gateway, port) = (network.gateway().to_string(), redis.port().to_string());
    let mut ask = host.command("timeout");
    ask.args(["3", "redis-cli", "-h", &gateway, "-p", &port, "ping"]);
    ask.output().unwrap().stdout.starts_with(b"PONG")
}

fn redis(network: &Network) -> Redis {
    let gateway = network.gateway().to_string();
    Redis::with(["--bind", "127.0.0.1", &gateway, "--protected-mode", "no"])
}

#[tokio::test]
async fn a_machine_whose_link_is_cut_is_alone_until_it_recovers() {
    let Some(mut network) = network() else { return };
    let redis = redis(&network);
    let (one, other) = (network.host().await, network.host().await);
    assert!(reaches(&one, &network, &redis));
    one.suffer(Fault::Cut).unwrap();
    assert!(!reaches(&one, &network, &redis));
    assert!(reaches(&other, &network, &redis));
    one.recover();
    assert!(reaches(&one, &network, &redis));
}

#[tokio::test]
async fn a_fault_that_the_kernel_does_not_know_is_named_and_others_pass() {
    let Some(mut network) = network() else { return };
    let redis = redis(&network);
    let host = network.host().await;
    for fault in [Fault::Loss(1), Fault::Rate(1_000)] {
        if let Err(why) = host.suffer(fault) {
            assert!(why.starts_with("tc "), "{why}");
        }
        assert!(reaches(&host, &network, &redis));
        host.recover();
    }
}

#[tokio::test]
async fn networks_do_not_see_each_other_and_leave_nothing() {
    let (Some(mut one), Some(mut other)) = (network(), network()) else {
        return;
    };
    let host = one.host().await;
    let stranger = other.host().await;
    let redis = redis(&one);
    assert!(reaches(&host, &one, &redis));
    assert!(!reaches(&stranger, &one, &redis));
    let names = [&host, &stranger].map(|host| host.namespace().unwrap().to_owned());
    drop((one, other));
    let left = Command::new("ip").args(["netns", "list"]).output().unwrap();
    let left = String::from_utf8(left.stdout).unwrap();
    for line in left.lines() {
        let name = line.split(' ').next().unwrap();
        assert!(!names.iter().any(|gone| gone == name), "{left}");
    }
}
