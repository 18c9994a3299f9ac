//! Bad pointers, lengths and numbers in every import: a trap that names the import or an
//! error number of POSIX, and never harm to the server.

mod imports;
mod mapped;

use std::collections::BTreeSet;
use std::path::Path;

use faasm_testkit::Server;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use imports::{END, ENV, IMPORTS, WASI, harmful, harmless, probe};

fn input(numbers: &[u64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// What came of a call: its code, message, and result.
fn end(call: &Value) -> (String, String, Option<i32>) {
    let text = |field: &str| {
        call["reason"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let output = match call["output_data_base64"].as_str() {
        Some(base64) => decode(base64),
        None => call["output_data"].as_str().unwrap().as_bytes().to_vec(),
    };
    let result = output.try_into().ok().map(i32::from_le_bytes);
    (text("code"), text("message"), result)
}

fn decode(base64: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = base64
        .bytes()
        .filter_map(|b| DIGITS.iter().position(|d| *d == b));
    let bits: Vec<_> = digits.collect();
    let groups = bits.chunks(4).flat_map(|group| {
        let word = group.iter().fold(0, |word, digit| word << 6 | digit) << (6 * (4 - group.len()));
        let bytes = [word >> 16, word >> 8, word].map(|b| u8::try_from(b & 255).unwrap());
        bytes.into_iter().take(group.len() - 1)
    });
    groups.collect()
}

/// A server with a probe for every import, as `probe/NAME`.
async fn probed() -> Server {
    let server = Server::builder().args(["--max-time", "5s"]).start().await;
    for import in IMPORTS {
        server
            .put(&format!("probe/{}", import.1), probe(*import))
            .await;
    }
    server
}

#[tokio::test]
async fn every_import_is_known_to_these_tests() {
    let server = Server::start().await;
    let mut served = BTreeSet::new();
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/faaslet/src/host");
    for name in words(&host) {
        for module in [WASI, ENV] {
            // Nothing has this type: what is served refuses it, and the rest is unknown.
            let odd = format!(
                r#"(module (import "{module}" "{name}" (func (param f32 f32 f64)))
                (memory (export "memory") 1) (func (export "_start")))"#
            );
            let answer = server.try_put("demo/odd", odd).await;
            if answer.text().contains("wrong type") {
                served.insert((module, name.clone()));
            }
        }
    }
    let tested = IMPORTS.iter().map(|import| (import.0, import.1.to_owned()));
    assert_eq!(served, tested.collect());
}

/// Everything in quotes below a directory of sources that could be a name.
fn words(dir: &Path) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            words.extend(self::words(&path));
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let is_name = |word: &&str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        words.extend(text.split('"').filter(is_name).map(str::to_owned));
    }
    words
}

#[tokio::test]
async fn no_import_accepts_what_lies_outside_of_memory() {
    let server = probed().await;
    for (module, name, params, _) in IMPORTS {
        let good: Vec<_> = params.chars().map(harmless).collect();
        for (place, param) in params.chars().enumerate() {
            for number in harmful(param) {
                let mut numbers = good.clone();
                numbers[place] = u64::from(*number);
                let call = server
                    .call_json(&format!("probe/{name}"), input(&numbers))
                    .await;
                let (code, message, result) = end(&call);
                let trapped = code == "trap" && message.starts_with(&format!("{name}: "));
                let is_errno = *module == WASI
                    && code.is_empty()
                    && result.is_some_and(|r| (1..=76).contains(&r));
                assert!(trapped || is_errno, "{name}{numbers:x?}: {call}");
            }
        }
    }
    // Buffers whose descriptions lie in memory and that do not themselves.
    for name in ["fd_read", "fd_write", "fd_pread", "fd_pwrite"] {
        let params = IMPORTS.iter().find(|import| import.1 == name).unwrap().2;
        for (fd, iovecs, count) in [
            (4, 8192, 1),
            (4, 8200, 1),
            (4, 8208, 1),
            (4, 8192, 3),
            (4, 16384, 1025),
            (1, 8192, 1),
            (0, 8192, 1),
        ] {
            let mut numbers: Vec<_> = params.chars().map(harmless).collect();
            numbers[..3].copy_from_slice(&[fd, iovecs, count]);
            let call = server
                .call_json(&format!("probe/{name}"), input(&numbers))
                .await;
            let (code, message, result) = end(&call);
            let trapped = code == "trap" && message.starts_with(&format!("{name}: "));
            assert!(
                trapped || result.is_some_and(|r| r > 0),
                "{name}{numbers:x?}: {call}"
            );
        }
    }
    // Calls that were chained and that nobody awaits may still be ending.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while server.metric("faasm_faaslets_live", "").await > 0.0 {
        assert!(std::time::Instant::now() < deadline, "a Faaslet was left");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A small generator: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.next() % of.len() as u64).unwrap()]
    }

    fn number(&mut self, param: char) -> u64 {
        if matches!(param, 't' | 'o' | 'm') {
            // Values stay small: a large one is no harm, but much to fetch again and again.
            return self.pick(&[0, 1, 16, 4096, 61_441, 300_000, 0x8000_0000, 0xffff_ffff]);
        }
        const EDGES: [u64; 12] = [
            0,
            1,
            2,
            3,
            4,
            5,
            64,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            u64::MAX,
            i64::MAX as u64,
        ];
        match self.next() % 4 {
            0 => self.pick(&EDGES),
            1 => self.next() >> (self.next() % 64),
            2 => u64::from(END) - 8 + self.next() % 16,
            _ => harmless(param) + self.next() % 3,
        }
    }
}

#[tokio::test]
async fn random_arguments_do_no_harm() {
    let server = &probed().await;
    let count = if crate::is_long() { 20_000 } else { 200 };
    for (module, name, params, _) in IMPORTS {
        let mut random = Random(name.len() as u64);
        let tuples =
            (0..count).map(|_| params.chars().map(|p| random.number(p)).collect::<Vec<_>>());
        let tuples: Vec<_> = tuples.collect();
        stream::iter(tuples.iter().enumerate())
            .for_each_concurrent(16, |(index, numbers)| async move {
                let function = &format!("probe/{name}");
                let call = server.call_json(function, input(numbers)).await;
                let (code, message, result) = end(&call);
                let expected = match code.as_str() {
                    "" => result.is_some() || *name == "proc_exit",
                    "trap" => message.contains(name) || message.starts_with("C++ exception"),
                    "nonzero_return" => *name == "proc_exit",
                    // It wrote over its own input, or its result, and that is its affair.
                    "time_limit" => *name == "poll_oneoff",
                    "output_limit" | "memory_limit" | "chain_limit" => {
                        *module == ENV || name.starts_with("fd_")
                    }
                    "state_failed" => name.contains("_state"),
                    _ => false,
                };
                assert!(expected, "{name}{numbers:x?}: {call}");
                // In a fresh Faaslet the same numbers do the same.
                let is_fixed = !matches!(*name, "clock_time_get" | "random_get" | "poll_oneoff")
                    && !name.contains("_state");
                if index % 4 == 0 && is_fixed {
                    let again = server.call_json(function, input(numbers)).await;
                    assert_eq!(end(&again), (code, message, result), "{name}{numbers:x?}");
                }
            })
            .await;
    }
    while server.metric("faasm_calls_live", "").await > 0.0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // What is left is state, which a flush lets go.
    let _ = server.post(json!({"flush": true})).await.expect(200);
    assert_eq!(
        server.metric("faasm_memory_budget_used_bytes", "").await,
        0.0
    );
}

#[tokio::test]
async fn an_allocator_of_ill_will_harms_only_its_own_call() {
    let args = ["--max-faaslets", "4", "--max-running", "2"];
    let server = Server::builder().args(args).start().await;
    let module = |export: &str| {
        format!(
            r#"(module
            (import "env" "__faasm_chain_this" (func $chain (param i32 i32 i32) (result i32)))
            (import "env" "__faasm_await_call_output" (func $await (param i32 i32 i32) (result i32)))
            (import "env" "__faasm_get_idx" (func $index (result i32)))
            (import "env" "__faasm_write_output" (func $output (param i32 i32)))
            (import "{WASI}" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            {export}
            (func (export "_start")
              (if (call $index) (then (call $output (i32.const 0) (i32.const 100)) return))
              (drop (call $await (call $chain (i32.const 1) (i32.const 0) (i32.const 0)) (i32.const 0) (i32.const 4)))))"#
        )
    };
    let function = |body: &str| {
        module(&format!(
            r#"(func (export "malloc") (param i32) (result i32) {body})"#
        ))
    };
    server.put("demo/good", function("(i32.const 1024)")).await;
    for (code, reason, allocator) in [
        ("trap", "`malloc` has no memory", function("(i32.const 0)")),
        ("trap", "are outside the memory", function("(i32.const -1)")),
        (
            "trap",
            "are outside the memory",
            function("(i32.const 65500)"),
        ),
        ("trap", "unreachable", function("unreachable")),
        (
            "time_limit",
            "time limit",
            function("(loop (br 0)) unreachable"),
        ),
        (
            "nonzero_return",
            "returned 9",
            function("(call $exit (i32.const 9)) unreachable"),
        ),
        (
            "trap",
            "`malloc` asks for it itself",
            function("(call $await (i32.const 1) (i32.const 0) (i32.const 4))"),
        ),
        ("trap", "exports no `malloc`", module("")),
        (
            "trap",
            "is not a `void *malloc(size_t)`",
            module(r#"(func (export "malloc") (param i64) (result i32) unreachable)"#),
        ),
        (
            "trap",
            "exports no `malloc`",
            module(r#"(global (export "malloc") i32 (i32.const 1))"#),
        ),
    ] {
        server.put("demo/ill", allocator).await;
        let _ = server
            .set_limits("demo/ill", json!({"time_ms": 500}))
            .await
            .expect(200);
        for _ in 0..5 {
            let call = server.call_json("demo/ill", "").await;
            assert_eq!(call["reason"]["code"], code, "{call}");
            assert!(
                call["reason"]["message"].as_str().unwrap().contains(reason),
                "{call}"
            );
            let _ = server.call("demo/good", "").await.expect(200);
        }
    }
}
