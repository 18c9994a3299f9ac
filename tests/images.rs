//! Functions that are initialised once, after the upload, and start every call from the image of
//! what that left.

mod lifetime;
mod modules;
mod refusals;

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
