//! Functions that are initialised once, after the upload, and start every call from the image of
//! what that left.

use std::path::PathBuf;
use std::time::Duration;

use faasm_testkit::{Answer, Server, c, cpp};
use serde_json::Value;

async fn refused(server: &Server, code: impl Into<bytes::Bytes>) -> String {
    let answer = server.try_put("demo/f", code).await.expect(422);
    answer.text()
}

async fn output(server: &Server) -> String {
    server.call("demo/f", "").await.expect(200).text()
}

async fn image(server: &Server) -> Value {
    let url = format!("{}/f/demo/f/info", server.upload);
    let info = server.request(reqwest::Method::GET, &url, "").await;
    info.expect(200).json()["image"].clone()
}

/// Files of the cache that are images.
fn stored_images(server: &Server) -> Vec<PathBuf> {
    let cache = server.data_dir().join("cache/code");
    let versions = std::fs::read_dir(cache).unwrap();
    let files = versions.flat_map(|version| std::fs::read_dir(version.unwrap().path()).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "image"))
        .collect()
}

/// Counts in every place that an initialiser can leave something in.
const COUNTER: &str = r#"
    #include <faasm/faasm.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    static int zero, data = 5, *heap;
    static char *large;
    static int one(void) { return 1; }
    static int two(void) { return 2; }
    static int (*volatile chosen)(void) = one;
    FAASM_ZYGOTE()
    {
        zero++, data++;
        heap = calloc(1000, sizeof *heap);
        heap[999] = 7;
        large = malloc(3 << 20);
        memset(large, 'l', 3 << 20);
        chosen = two;
        FILE *file = fopen("/tmp/mine", "w");
        fputs("gone", file);
        fclose(file);
        printf("initialised\nand a half line");
        return 0;
    }
    int main(void)
    {
        volatile char *block = malloc(1 << 20);
        printf("%d %d %d %d %c%c %d %d %d\n", ++zero, ++data, ++heap[999], chosen(), large[0],
               large[(3 << 20) - 1], block[1 << 19], access("/tmp/mine", F_OK),
               access("/tmp/call", F_OK));
        large[0] = 'x', chosen = one, block[1 << 19] = 'x';
        FILE *file = fopen("/tmp/call", "w");
        return !file || fputs("mine", file) == EOF || fclose(file) != 0;
    }"#;

/// What it prints in every call: what the initialiser left, changed once.
const COUNTED: &str = "2 7 8 2 ll 0 -1 -1\n";

#[tokio::test]
async fn every_call_starts_from_what_the_initialiser_left_and_from_nothing_else() {
    let server = Server::start().await;
    server.put("demo/f", c(COUNTER)).await;
    for _ in 0..5 {
        assert_eq!(output(&server).await, COUNTED);
    }
    let calls = (0..20).map(|_| output(&server));
    for seen in futures::future::join_all(calls).await {
        assert_eq!(seen, COUNTED);
    }
    let image = image(&server).await;
    assert!(image["bytes"].as_u64().unwrap() > 3 << 20, "{image}");
    assert!(image["memory_bytes"].as_u64().unwrap() > 3 << 20, "{image}");
    assert_eq!(stored_images(&server).len(), 1);
}

#[tokio::test]
async fn what_started_from_an_image_leaves_nothing_to_the_next_function_in_its_memory() {
    let server = Server::builder()
        .args(["--max-faaslets", "1"])
        .start()
        .await;
    server.put("demo/f", c(COUNTER)).await;
    // Looks for anything in the memory that it gets, also in that which it grows.
    let probe = r#"(module
        (memory (export "memory") 1)
        (func (export "main") (result i32) (local $at i32)
            (drop (memory.grow (i32.const 80)))
            (loop $next
                (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 1))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $next (i32.lt_u (local.get $at) (i32.const 5308416))))
            (i32.const 0)))"#;
    server.put("other/probe", probe).await;
    for _ in 0..10 {
        assert_eq!(output(&server).await, COUNTED);
        let _ = server.call("other/probe", "").await.expect(200);
    }
}

#[tokio::test]
async fn globals_tables_and_memory_of_any_module_are_kept() {
    let server = Server::start().await;
    let module = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (global $i (mut i32) (i32.const 1)) (global $l (mut i64) (i64.const 2))
        (global $f (mut f32) (f32.const 3)) (global $d (mut f64) (f64.const 4))
        (global $v (mut v128) (v128.const i32x4 0 0 0 0)) (global $c i32 (i32.const 9))
        (global $r (mut funcref) (ref.null func))
        (table $t 2 100 funcref) (elem (table $t) (i32.const 0) func $a)
        (elem declare func $b $exit)
        (type $int (func (result i32)))
        (data (i32.const 8) "\01") (data $p "\05")
        (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2))
        (func $begin (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1))))
        (start $begin)
        (func (export "_faasm_zygote") (result i32)
            (global.set $i (i32.const -10)) (global.set $l (i64.const -20))
            (global.set $f (f32.const nan)) (global.set $d (f64.const -0))
            (global.set $v (v128.const i32x4 1 2 3 4)) (global.set $r (ref.func $b))
            (drop (table.grow $t (ref.func $exit) (i32.const 5)))
            (table.set $t (i32.const 1) (ref.func $b))
            (table.set $t (i32.const 0) (ref.null func))
            (drop (memory.grow (i32.const 3)))
            (i32.store (i32.const 262140) (i32.const 77))
            (i32.store (i32.const 12) (i32.load8_u (i32.const 8)))
            (i32.const 0))
        (func $check (param i32 i32)
            (if (i32.eqz (local.get 0)) (then (call $exit (local.get 1)))))
        (func (export "main") (result i32)
            (call $check (i32.eq (global.get $i) (i32.const -10)) (i32.const 1))
            (call $check (i64.eq (global.get $l) (i64.const -20)) (i32.const 2))
            (call $check (f32.ne (global.get $f) (global.get $f)) (i32.const 3))
            (call $check (i64.eq (i64.reinterpret_f64 (global.get $d)) (i64.const 0x8000000000000000)) (i32.const 4))
            (call $check (i32.eq (i32x4.extract_lane 3 (global.get $v)) (i32.const 4)) (i32.const 5))
            (call $check (i32.eq (table.size $t) (i32.const 7)) (i32.const 6))
            (call $check (ref.is_null (table.get $t (i32.const 0))) (i32.const 7))
            (call $check (i32.eq (call_indirect $t (type $int) (i32.const 1)) (i32.const 2)) (i32.const 8))
            (call $check (i32.eq (memory.size) (i32.const 4)) (i32.const 9))
            (call $check (i32.eq (i32.load (i32.const 262140)) (i32.const 77)) (i32.const 10))
            (call $check (i32.eq (i32.load (i32.const 12)) (i32.const 1)) (i32.const 11))
            (call $check (i32.eq (i32.load (i32.const 16)) (i32.const 1)) (i32.const 12))
            (call $check (i32.eqz (ref.is_null (global.get $r))) (i32.const 13))
            (memory.init $p (i32.const 20) (i32.const 0) (i32.const 1))
            (call $check (i32.eq (i32.load8_u (i32.const 20)) (i32.const 5)) (i32.const 14))
            ;; Dirties everything; and exits with 0 through the table.
            (global.set $i (i32.const 0)) (i32.store (i32.const 16) (i32.const 9))
            (table.set $t (i32.const 1) (ref.null func)) (drop (memory.grow (i32.const 1)))
            (i32.const 0) (call_indirect $t (param i32) (i32.const 6))
            (i32.const 15)))"#;
    server.put("demo/f", module).await;
    for _ in 0..3 {
        let _ = server.call("demo/f", "").await.expect(200);
    }
}

#[tokio::test]
async fn an_initialiser_that_changes_nothing_takes_no_image() {
    let server = Server::start().await;
    let code = c(r#"#include <faasm/faasm.h>
        #include <stdio.h>
        FAASM_ZYGOTE() { return 0; }
        int main(void) { puts("ran"); return 0; }"#);
    server.put("demo/f", code).await;
    assert_eq!(output(&server).await, "ran\n");
    assert_eq!(image(&server).await, Value::Null);
    let module = r#"(module (memory (export "memory") 1) (data (i32.const 0) "\01")
        (func (export "_faasm_zygote")) (func (export "main") (result i32) (i32.const 0)))"#;
    server.put("demo/f", module).await;
    let _ = server.call("demo/f", "").await.expect(200);
    assert_eq!(image(&server).await, Value::Null);
    server
        .put("demo/f", c("int main(void) { return 0; }"))
        .await;
    assert_eq!(image(&server).await, Value::Null);
}

#[tokio::test]
async fn a_memory_that_nobody_exports_is_kept_as_well() {
    let server = Server::start().await;
    for name in ["", r#"(export "mine")"#] {
        let module = format!(
            r#"(module (memory {name} 1) (data (i32.const 0) "\01\02")
            (func (export "_faasm_zygote")
                (i32.store8 (i32.const 1) (i32.const 3)) (drop (memory.grow (i32.const 1)))
                (i32.store8 (i32.const 100000) (i32.const 4)))
            (func (export "main") (result i32) (local $right i32)
                (local.set $right (i32.and (i32.eq (i32.load (i32.const 0)) (i32.const 0x301))
                    (i32.and (i32.eq (i32.load (i32.const 100000)) (i32.const 4))
                        (i32.eq (memory.size) (i32.const 2)))))
                (i32.store (i32.const 0) (i32.const 0))
                (i32.eqz (local.get $right))))"#
        );
        server.put("demo/f", module).await;
        for _ in 0..3 {
            let _ = server.call("demo/f", "").await.expect(200);
        }
        assert_eq!(image(&server).await["bytes"], 8192);
    }
}

#[tokio::test]
async fn pages_that_are_zeros_are_not_stored() {
    let server = Server::start().await;
    let module = r#"(module (memory (export "memory") 1)
        (func (export "_faasm_zygote")
            (drop (memory.grow (i32.const 1600)))
            (i32.store8 (i32.const 0) (i32.const 1))
            (i32.store8 (i32.const 104857600) (i32.const 2)))
        (func (export "main") (result i32)
            (i32.ne (i32.const 3) (i32.add (i32.load (i32.const 52428800))
                (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 104857600)))))))"#;
    server.put("demo/f", module).await;
    for _ in 0..3 {
        let _ = server.call("demo/f", "").await.expect(200);
    }
    let image = image(&server).await;
    assert_eq!(image["bytes"], 8192, "{image}");
    assert_eq!(image["memory_bytes"], 1601 * 65_536, "{image}");
    let stored = stored_images(&server).remove(0);
    let length = std::fs::metadata(&stored).unwrap().len();
    assert!((8192..16_384).contains(&length), "{length}");
}

#[tokio::test]
async fn segments_that_the_initialiser_drops_are_there_again() {
    let server = Server::start().await;
    let module = r#"(module (memory (export "memory") 1) (data $d "\05") (table 1 funcref)
        (elem $e func $f) (func $f)
        (func (export "_faasm_zygote")
            (data.drop $d) (elem.drop $e) (i32.store (i32.const 8) (i32.const 1)))
        (func (export "main") (result i32)
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
            (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))
            (i32.ne (i32.load8_u (i32.const 0)) (i32.const 5))))"#;
    server.put("demo/f", module).await;
    assert_ne!(image(&server).await, Value::Null);
    let _ = server.call("demo/f", "").await.expect(200);
}

#[tokio::test]
async fn a_new_upload_is_initialised_anew_even_of_the_same_code() {
    let server = Server::start().await;
    let code = c(r#"#include <faasm/faasm.h>
        #include <stdio.h>
        static char text[16];
        FAASM_ZYGOTE()
        {
            FILE *file = fopen("/model", "r");
            if (!file) return 1;
            fgets(text, sizeof text, file);
            fclose(file);
            return 0;
        }
        int main(void) { puts(text); return 0; }"#);
    let message = refused(&server, code.clone()).await;
    assert!(message.contains("returned 1"), "{message}");
    for model in ["first", "second"] {
        let put = server.stored(reqwest::Method::PUT, "/file/model", model);
        let _ = put.await.expect(200);
        server.put("demo/f", code.clone()).await;
        assert_eq!(output(&server).await, format!("{model}\n"));
    }
}

#[tokio::test]
async fn an_image_outlives_the_server_and_is_made_again_when_it_is_damaged_or_gone() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Server::builder().data_dir(dir.path()).start();
    let mut server = start().await;
    server.put("demo/f", c(COUNTER)).await;
    let path = stored_images(&server).remove(0);
    for damage in ["none", "flip", "cut", "remove"] {
        server.kill();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        match damage {
            "flip" => bytes[middle] ^= 1,
            "cut" => bytes.truncate(middle),
            _ => {}
        }
        match damage {
            "none" => {}
            "remove" => std::fs::remove_file(&path).unwrap(),
            _ => std::fs::write(&path, bytes).unwrap(),
        }
        server = start().await;
        assert_eq!(output(&server).await, COUNTED, "{damage}");
        assert!(path.exists());
    }
}

#[tokio::test]
async fn cxx_constructors_run_once_and_destructors_in_every_call() {
    let server = Server::start().await;
    let code = cpp(r#"
        #include <faasm/faasm.h>
        #include <cstdio>
        #include <map>
        #include <string>
        static int constructed;
        struct Noisy {
            std::map<std::string, int> numbers;
            Noisy() { constructed++; numbers["constructor"] = 1; }
            ~Noisy() { std::printf("destroyed %zu\n", numbers.size()); }
        };
        static Noisy noisy;
        FAASM_ZYGOTE()
        {
            for (int i = 0; i < 1000; i++) noisy.numbers[std::to_string(i)] = i;
            std::printf("twice?");
            return 0;
        }
        int main()
        {
            std::printf("%d %d\n", constructed, noisy.numbers["999"]);
            noisy.numbers["mine"] = 1;
            return 0;
        }"#);
    server.put("demo/f", code).await;
    for _ in 0..3 {
        assert_eq!(output(&server).await, "1 999\ndestroyed 1002\n");
    }
}

#[tokio::test]
async fn nothing_random_of_the_host_is_frozen_and_a_call_s_own_names_are_its_own() {
    let server = Server::start().await;
    let code = c(r#"#include <faasm/faasm.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <time.h>
        #include <unistd.h>
        static unsigned long long before, random_before;
        static unsigned long long now(void)
        {
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            return now.tv_sec * 1000000000ull + now.tv_nsec;
        }
        FAASM_ZYGOTE()
        {
            before = now();
            return getentropy(&random_before, sizeof random_before);
        }
        int main(void)
        {
            unsigned long long random;
            getentropy(&random, sizeof random);
            printf("%d %llu %s %s\n", now() > before && random != random_before, random,
                   getenv("FAASM_USER"), getenv("FAASM_CALL_ID") ? "id" : "none");
            return 0;
        }"#);
    server.put("demo/f", code).await;
    let first = output(&server).await;
    let second = output(&server).await;
    assert!(
        first.starts_with("1 ") && first.ends_with(" demo id\n"),
        "{first}"
    );
    assert_ne!(first, second);
}

fn names(message: &str, all: &[&str]) {
    for name in all {
        assert!(message.contains(name), "{name}: {message}");
    }
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[tokio::test]
async fn an_initialiser_that_fails_refuses_the_upload_with_what_it_printed() {
    let limits = ["--max-init-time", "300ms", "--max-memory", "16MiB"];
    let server = Server::builder().args(limits).start().await;
    let program = |body: &str| {
        c(&format!(
            r#"#include <faasm/faasm.h>
            #include <faasm/host_interface.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <fcntl.h>
            FAASM_ZYGOTE() {{ {body}; return 0; }}
            int main(void) {{ return 0; }}"#
        ))
    };
    server.put("demo/f", program("")).await;
    for (body, words) in [
        ("for (;;)", &["time limit", "300 ms"][..]),
        (
            "static char *volatile got; do got = malloc(1 << 20); while (got); abort()",
            &["memory limit"],
        ),
        ("__builtin_trap()", &["unreachable"]),
        ("return 3", &["returned 3"]),
        ("exit(4)", &["exit(4)"]),
        (
            r#"puts("to stdout"); fputs("to stderr\nin lines", stderr); abort()"#,
            &["to stdout", "to stderr\\nin lines"],
        ),
        (
            "faasmChain(0, 0, 0)",
            &["__faasm_chain_ptr", "while they are initialised"],
        ),
        (r#"faasmReadStateSize("key")"#, &["__faasm_read_state"]),
        (
            r#"faasmLockStateWrite("key")"#,
            &["__faasm_lock_state_write"],
        ),
        (
            "char byte; faasmGetInput(&byte, 1)",
            &["__faasm_read_input"],
        ),
        (r#"faasmSetOutput("x", 1)"#, &["__faasm_write_output"]),
        (
            r#"open("/tmp/x", O_CREAT | O_WRONLY, 0644)"#,
            &["leaves files open"],
        ),
        (
            r#"if (!fopen("faasm://x", "w")) { perror("x"); exit(1); }"#,
            &["exit(1)", "Read-only"],
        ),
    ] {
        let message = refused(&server, program(body)).await;
        names(&message, words);
        names(&message, &["initialiser"]);
    }
    // What was there is still there.
    let _ = server.call("demo/f", "").await.expect(200);
    assert_eq!(
        server.metric("faasm_memory_budget_used_bytes", "").await,
        0.0
    );
}

#[tokio::test]
async fn modules_that_cannot_be_initialised_are_refused() {
    let server = Server::start().await;
    let module = |items: &str| {
        format!(
            r#"(module (memory (export "memory") 1) {items}
            (func (export "main") (result i32) (i32.const 0)))"#
        )
    };
    for (items, words) in [
        (
            r#"(func (export "_faasm_zygote") (param i32))"#,
            &["_faasm_zygote"][..],
        ),
        (
            r#"(global (export "_faasm_zygote") i32 (i32.const 0))"#,
            &["_faasm_zygote"],
        ),
        (
            r#"(func (export "_faasm_zygote")) (func (export "faasm.image/x"))"#,
            &["faasm.image/"],
        ),
        (
            r#"(data (i32.const 65536) "x") (func (export "_faasm_zygote"))"#,
            &["out of bounds"],
        ),
        (
            r#"(memory 1) (func (export "_faasm_zygote"))"#,
            &["multiple memories"],
        ),
        (
            r#"(start $s) (func $s unreachable) (func (export "_faasm_zygote"))"#,
            &["unreachable"],
        ),
        (
            r#"(global $g i32 (i32.const 8)) (data (global.get $g) "x")
            (func (export "_faasm_zygote"))"#,
            &["computed address"],
        ),
    ] {
        let message = refused(&server, module(items)).await;
        names(&message, words);
    }
    let many = "(global i32 (i32.const 0))".repeat(100_001);
    let items = format!(r#"{many} (func (export "_faasm_zygote"))"#);
    names(&refused(&server, module(&items)).await, &["100001 globals"]);
    let shared = r#"(module (memory (export "memory") 1 1 shared) (func (export "_faasm_zygote"))
        (func (export "main")))"#;
    names(&refused(&server, shared).await, &["shared"]);
    let command = r#"(module (memory (export "memory") 1)
        (func (export "_faasm_zygote")) (func (export "_start")))"#;
    names(&refused(&server, command).await, &["`main`", "`_start`"]);
}

#[tokio::test]
async fn a_call_whose_limit_is_below_the_image_fails_by_name() {
    let server = Server::start().await;
    server.put("demo/f", c(COUNTER)).await;
    let limits = serde_json::json!({"memory_bytes": 2 << 20});
    let _ = server.set_limits("demo/f", limits).await.expect(200);
    let answer: Answer = server.call("demo/f", "").await.expect(500);
    assert!(answer.text().contains("memory limit"), "{}", answer.text());
}

#[tokio::test]
async fn uploads_and_calls_meet_whole_images_only() {
    let server = Server::start().await;
    let version = |letter: char| {
        c(&format!(
            r#"#include <faasm/faasm.h>
            #include <string.h>
            #include <stdio.h>
            static char text[100001];
            FAASM_ZYGOTE() {{ memset(text, '{letter}', 100000); return 0; }}
            int main(void) {{
                for (int i = 0; i < 100000; i++) if (text[i] != '{letter}') return 1;
                putchar('{letter}');
                return 0;
            }}"#
        ))
    };
    server.put("demo/f", version('a')).await;
    let uploads = async {
        for letter in ['b', 'c', 'd'] {
            server.put("demo/f", version(letter)).await;
            assert_eq!(output(&server).await, letter.to_string());
        }
    };
    let calls = async {
        for _ in 0..50 {
            let seen = output(&server).await;
            assert!("abcd".contains(&seen), "{seen}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(uploads, calls);
}

#[tokio::test]
async fn a_chained_pointer_and_mapped_state_start_from_the_image_as_well() {
    let server = Server::start().await;
    let code = c(r#"#include <faasm/faasm.h>
        #include <stdio.h>
        #include <string.h>
        static int prepared;
        static int chained(void)
        {
            char *state = (char *)faasmReadStatePtr("key", 1 << 20);
            state[(1 << 20) - 1] = 'x';
            char seen = (char)(prepared + state[0]);
            prepared = 0;
            faasmSetOutput(&seen, 1);
            return 0;
        }
        FAASM_ZYGOTE() { prepared = 'p'; return 0; }
        int main(void)
        {
            char seen[2] = {0};
            for (int i = 0; i < 3; i++) {
                unsigned int call = faasmChain(chained, NULL, 0);
                char *output;
                int size;
                if (faasmAwaitCallOutput(call, &output, &size) != 0 || size != 1) return 1;
                putchar(*output);
            }
            putchar(prepared);
            return 0;
        }"#);
    server.put("demo/f", code).await;
    for _ in 0..3 {
        assert_eq!(output(&server).await, "pppp");
    }
}
