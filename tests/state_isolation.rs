//! No byte of one user's state is ever visible to another: mappings are undone however a
//! call ends, before another one gets its memory.

use std::time::Duration;

use faasm_testkit::{Builder, Server};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::json;

use crate::state::guest::{cancel, marked, run, run_as, set, start, stored};

/// Maps several values and parts, some of them untouched, stores to them, and takes memory
/// before, between and after.
const MAPS: &str = "claim 100000 A; map 0 v 1000000; store 0 0 1000000 A; grow 2
    mapat 1 parts 500000 70000 9000; store 1 0 9000 A; map 2 small 10; store 2 0 10 A
    map 3 untouched 200000; mapat 4 parts 500000 300000 5; load 4 0 5; mapat 5 v 1000000 5000 90000
    claim 300000 A; grow 3";

const VALUES: [(&str, usize); 4] = [
    ("v", 1_000_000),
    ("parts", 500_000),
    ("small", 10),
    ("untouched", 200_000),
];

/// Grows over where the mappings were, traps unless all is zeros, and scribbles over it. It
/// has another size than the guest that maps.
const OTHER_MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start") (local $at i32)
      (if (i32.ne (memory.grow (i32.const 399)) (i32.const 1)) (then unreachable))
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
        (br_if $next (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 0x1900000))))
      (memory.fill (i32.const 0) (i32.const 0x78) (i32.const 0x1900000))))"#;

async fn with_values(builder: Builder) -> Server {
    let server = start(builder).await;
    server.put("other/wat", OTHER_MODULE).await;
    for (key, size) in VALUES {
        set(&server, &format!("demo/{key}"), vec![b'A'; size]).await;
    }
    server
}

/// The other user looks at all memory that there is, and then the values are as they were.
async fn look(server: &Server, slots: usize, what: &str) {
    for round in 0..2 {
        let looks = (0..slots).map(|_| run_as(server, "other/f", "fresh 400 x; nap 20"));
        join_all(looks).await;
        let _ = server.call("other/wat", "").await.expect(200);
        if round == 0 {
            for (key, size) in VALUES {
                let value = stored(server, &format!("demo/{key}")).await.unwrap();
                assert_eq!(value.len(), size, "{what}");
                assert!(value.iter().all(|&byte| byte == b'A'), "{what}: {key}");
                run(server, &format!("map 0 {key} {size}; all 0 {size} A")).await;
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_ends_by_itself_leaves_no_mapping() {
    let args = ["--max-faaslets", "1", "--max-running", "1"];
    let server = with_values(Server::builder().args(args)).await;
    look(&server, 1, "nothing yet").await;
    for end in [
        "return 0",
        "return 3",
        "exit 0",
        "exit 3",
        "trap",
        "map 6 v -1",
        "list v -1 0",
    ] {
        let _ = server.call("demo/f", format!("{MAPS}; {end}")).await;
        look(&server, 1, end).await;
    }
}

#[tokio::test]
async fn a_call_that_is_ended_leaves_no_mapping() {
    let args = ["--max-faaslets", "1", "--max-running", "1"];
    let server = with_values(Server::builder().args(args)).await;
    for (number, busy) in ["spin", "nap 60000", "nap 1;".repeat(2000).as_str()]
        .into_iter()
        .enumerate()
    {
        let limits = json!({"time_ms": 500});
        let _ = server.set_limits("demo/f", limits).await.expect(200);
        let _ = server
            .call("demo/f", format!("{MAPS}; {busy}"))
            .await
            .expect(504);
        let _ = server.set_limits("demo/f", json!({})).await.expect(200);
        look(&server, 1, "timeout").await;

        let mark = format!("cancelled-{number}");
        let id = server
            .submit("demo/f", &format!("{MAPS}; mark {mark}; {busy}"))
            .await;
        marked(&server, &mark).await;
        cancel(&server, id).await;
        look(&server, 1, "cancel").await;

        let mark = format!("gone-{number}");
        let script = format!("{MAPS}; mark {mark}; {busy}");
        tokio::select! {
            _ = server.call("demo/f", script) => panic!("{busy} has ended"),
            () = marked(&server, &mark) => {}
        }
        look(&server, 1, "client disconnect").await;
    }
    // In the middle of mapping and fetching, too.
    for ms in 0..30 {
        let call = server.call("demo/f", MAPS);
        let _ = tokio::time::timeout(Duration::from_millis(ms), call).await;
        if ms % 5 == 0 {
            look(&server, 1, "early disconnect").await;
        }
    }
}

#[tokio::test]
async fn callees_and_their_callers_leave_no_mapping() {
    let args = ["--max-faaslets", "2", "--max-running", "2"];
    let server = with_values(Server::builder().args(args)).await;
    let maps = MAPS.replace([';', '\n'], "|");
    for end in ["exit 0", "exit 3", "trap", "return 0"] {
        let script = format!("{MAPS}; chain f {maps}|{end}; await; all 0 1000000 A; {end}");
        let call = server.call_json("demo/f", script).await;
        let printed = call["stdout"]
            .as_str()
            .unwrap()
            .lines()
            .last()
            .unwrap_or_default();
        let expected = match end {
            "trap" => "-1",
            "exit 3" => "3",
            _ => "0",
        };
        assert_eq!(printed, expected, "{call}");
        look(&server, 2, end).await;
    }
    let script = format!("{MAPS}; chain f {maps}|mark both|spin; await");
    let id = server.submit("demo/f", &script).await;
    marked(&server, "both").await;
    cancel(&server, id).await;
    look(&server, 2, "cancel of both").await;
}

/// A small generator: the same numbers in every run of one seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % bound
    }
}

const USERS: [&str; 6] = ["ann", "bob", "cat", "dan", "eve", "fay"];
const SIZES: [u64; 4] = [10, 5_000, 130_000, 700_000];

/// A call of a user, all of whose values consist of the one byte `mark`: everything that
/// it maps must have that byte, and everything else be zeros.
fn script(random: &mut Random, mark: char) -> String {
    let mut script = String::new();
    for slot in 0..random.below(4) {
        let value = random.below(4);
        let size = SIZES[usize::try_from(value).unwrap()];
        let offset = random.below(size);
        let length = 1 + random.below(size - offset);
        let part = match random.below(2) {
            0 => format!("map {slot} v{value} {size}; all {slot} {size} {mark}"),
            _ => format!(
                "mapat {slot} v{value} {size} {offset} {length}; all {slot} {length} {mark}"
            ),
        };
        script += &format!("{part}; store {slot} 0 {} {mark};", length.min(3));
        if random.below(3) == 0 {
            script += &format!("fresh {} {mark};", 1 + random.below(20));
        }
    }
    script += &format!("fresh {} {mark};", 1 + random.below(100));
    script
}

#[tokio::test]
async fn no_byte_of_a_users_state_is_found_by_another_in_thousands_of_calls() {
    let args = ["--max-faaslets", "3", "--max-running", "3"];
    let server = &Server::builder().args(args).start().await;
    let put_value = async |user: usize, value: usize| {
        let bytes = vec![mark(user) as u8; usize::try_from(SIZES[value]).unwrap()];
        set(server, &format!("{}/v{value}", USERS[user]), bytes).await;
    };
    for (user, name) in USERS.into_iter().enumerate() {
        server
            .put(&format!("{name}/f"), crate::state::guest::code())
            .await;
        for value in 0..SIZES.len() {
            put_value(user, value).await;
        }
    }
    let count = if crate::is_long() { 100_000 } else { 1_000 };
    stream::iter(0..count)
        .for_each_concurrent(6, |number| async move {
            let mut random = Random(number);
            let user = usize::try_from(random.below(6)).unwrap();
            let script = script(&mut random, mark(user));
            let function = format!("{}/f", USERS[user]);
            match random.below(8) {
                0 => drop(
                    server
                        .call(&function, format!("{script} trap"))
                        .await
                        .expect(500),
                ),
                1 => drop(
                    server
                        .call(&function, format!("{script} exit 3"))
                        .await
                        .expect(500),
                ),
                2 => {
                    let id = server.submit(&function, &format!("{script} spin")).await;
                    tokio::time::sleep(Duration::from_millis(random.below(20))).await;
                    cancel(server, id).await;
                }
                3 => {
                    let call = server.call(&function, format!("{script} nap 60000"));
                    let _ =
                        tokio::time::timeout(Duration::from_millis(random.below(20)), call).await;
                }
                4 => put_value(user, usize::try_from(random.below(4)).unwrap()).await,
                _ => {
                    // What a trap or a cancel hides, this shows.
                    run_as(server, &function, &script).await;
                }
            }
        })
        .await;
}

fn mark(user: usize) -> char {
    USERS[user].chars().next().unwrap()
}
