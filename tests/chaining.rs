//! Calls that call others: the host interface's group "Calls".

mod about;
mod ending;
mod nesting;

use std::time::Duration;

use faasm_testkit::{Server, c};
use serde::Deserialize;
use serde_json::Value;

/// Ends as its input says.
const CALLEE: &str = r#"
    #include <faasm/faasm.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    int main(void)
    {
        char mode[32] = {0};
        faasmGetInput(mode, sizeof mode - 1);
        printf("callee says %s", mode);
        faasmSetOutput(mode, strlen(mode));
        if (strcmp(mode, "seven") == 0) return 7;
        if (strcmp(mode, "exit") == 0) exit(3);
        if (strcmp(mode, "trap") == 0) __builtin_trap();
        return 0;
    }"#;

/// Chains what it has as C code, and prints what it is told.
fn caller(body: &str) -> bytes::Bytes {
    c(&format!(
        r#"
        #include <faasm/faasm.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        {body}"#
    ))
}

/// An execution graph.
struct Tree(Value);

impl Tree {
    async fn of(server: &Server, id: u64) -> Self {
        let graph = server.get(&format!("/calls/{id}/graph")).await.expect(200);
        // As deep as the calls are nested, which is more than the parser takes unasked.
        let mut json = serde_json::Deserializer::from_slice(&graph.body);
        json.disable_recursion_limit();
        Self(Value::deserialize(&mut json).unwrap()["root"].take())
    }

    /// The calls below the root, each before those that it made.
    fn below(&self) -> Vec<&Value> {
        let mut found = Vec::new();
        let mut open = vec![&self.0];
        while let Some(node) = open.pop() {
            for child in node["chained"].as_array().unwrap().iter().rev() {
                found.push(&child["msg"]);
                open.push(child);
            }
        }
        found
    }

    fn children(&self) -> Vec<&Value> {
        let chained = self.0["chained"].as_array().unwrap();
        chained.iter().map(|node| &node["msg"]).collect()
    }

    fn running(&self) -> usize {
        let is_running = |call: &&&Value| call["status"] == "RUNNING";
        self.below().iter().filter(is_running).count()
    }
}

/// The tree of a call, once nothing of it runs.
async fn ended(server: &Server, id: u64) -> Tree {
    loop {
        let tree = Tree::of(server, id).await;
        if tree.running() == 0 {
            return tree;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn id(answer: &faasm_testkit::Answer) -> u64 {
    answer.header("faasm-call-id").parse().unwrap()
}

/// Waits until nothing runs any more.
async fn no_calls(server: &Server) {
    for metric in ["faasm_calls_live", "faasm_faaslets_live"] {
        while server.metric(metric, "").await > 0.0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_caller_learns_how_its_callees_ended_as_often_as_it_asks() {
    let server = Server::start().await;
    let caller = caller(
        r#"int main(void)
        {
            const char *modes[] = {"plain", "seven", "exit", "trap"};
            unsigned int calls[6];
            for (int i = 0; i < 4; i++)
                calls[i] = faasmChainNamed("callee", modes[i], strlen(modes[i]));
            calls[4] = faasmChainNamed("missing", NULL, 0);
            calls[5] = __faasm_chain_function("callee", (const unsigned char *)"old", 3);
            for (int i = 0; i < 6; i++)
                printf("%u: %d %d\n", calls[i], faasmAwaitCall(calls[i]), faasmAwaitCall(calls[i]));
            return 0;
        }"#,
    );
    server.put("demo/caller", caller).await;
    server.put("demo/callee", c(CALLEE)).await;
    let answer = server.call("demo/caller", "").await.expect(200);
    assert_eq!(
        answer.text(),
        "1: 0 0\n2: 7 7\n3: 3 3\n4: -1 -1\n5: -1 -1\n6: 0 0\n"
    );

    let tree = Tree::of(&server, id(&answer)).await;
    let calls = tree.children();
    let values: Vec<_> = calls.iter().map(|c| c["return_value"].as_i64()).collect();
    assert_eq!(
        values,
        [0, 7, 3, -1, -1, 0].map(Some),
        "in the order in which they were made"
    );
    let reason = |i: usize| calls[i]["reason"].as_str().unwrap_or_default();
    assert_eq!(reason(0), "");
    assert_eq!(reason(1), "the function returned 7");
    assert!(reason(3).contains("unreachable"), "{}", reason(3));
    assert!(
        reason(4).contains("there is no function demo/missing"),
        "{}",
        reason(4)
    );
    assert_eq!(calls[4]["status"], "FAILED");

    // What a callee prints is part of its own record.
    let record = server.get(&format!("/calls/{}", calls[1]["id"])).await;
    let text = record.expect(200).text();
    assert!(
        text.starts_with("FAILED: callee says sevenseven\n"),
        "{text}"
    );
}

#[tokio::test]
async fn outputs_of_callees_arrive_byte_for_byte_in_memory_to_free() {
    let server = Server::start().await;
    let caller = caller(
        r#"
        static unsigned char byte_at(int i) { return (unsigned char)(i * 7 + i / 251); }
        static int fill(void)
        {
            int size = 0;
            faasmGetInput(&size, sizeof size);
            unsigned char *bytes = malloc(size + 1);
            for (int i = 0; i < size; i++) bytes[i] = byte_at(i);
            faasmSetOutput("overwritten", 11);
            if (size >= 0) faasmSetOutput(bytes, size);
            return size == 1 ? 5 : 0;
        }
        static int silent(void) { return 0; }
        int main(void)
        {
            int sizes[] = {0, 1, 256, 65536, 16 << 20};
            for (int i = 0; i < 5; i++) {
                unsigned int call = faasmChain(fill, &sizes[i], sizeof sizes[i]);
                char *first, *second;
                int length = -1, again = -1;
                int status = faasmAwaitCallOutput(call, &first, &length);
                if (status != faasmAwaitCallOutput(call, &second, &again)) return 1;
                if (length != sizes[i] || again != length || first == second) return 2;
                for (int b = 0; b < length; b++)
                    if ((unsigned char)first[b] != byte_at(b)) return 3;
                if (memcmp(first, second, length) != 0) return 4;
                free(first);
                free(second);
                printf("%d bytes, status %d\n", length, status);
            }
            char *output;
            int length = -1;
            if (faasmAwaitCallOutput(faasmChain(silent, NULL, 0), &output, &length)) return 6;
            free(output);
            printf("silent: %d\n", length);
            return 0;
        }"#,
    );
    server.put("demo/f", caller).await;
    let answer = server.call("demo/f", "").await.expect(200);
    assert_eq!(
        answer.text(),
        "0 bytes, status 0\n1 bytes, status 5\n256 bytes, status 0\n65536 bytes, status 0\n\
         16777216 bytes, status 0\nsilent: 0\n"
    );
}

#[tokio::test]
async fn a_handle_that_nobody_gave_ends_the_caller_and_says_so() {
    let server = Server::start().await;
    for (name, import) in [
        ("faasmAwaitCall(handle)", "__faasm_await_call"),
        (
            "faasmAwaitCallOutput(handle, &out, &length)",
            "__faasm_await_call_output",
        ),
    ] {
        let body = format!(
            r#"int main(void)
            {{
                char text[16] = {{0}}, *out;
                int length;
                faasmGetInput(text, 15);
                unsigned int handle = strtoul(text, NULL, 10);
                return {name};
            }}"#
        );
        server.put("demo/f", caller(&body)).await;
        for handle in ["0", "1", "99", "4294967295"] {
            let text = server.call("demo/f", handle).await.expect(500).text();
            let expected = format!("{import}: {handle} is not a call that this one has made");
            assert!(text.contains(&expected), "{text}");
        }
    }
}

#[tokio::test]
async fn a_chained_function_pointer_runs_in_a_fresh_faaslet_to_its_very_end() {
    let server = Server::start().await;
    let caller = caller(
        r#"
        static int counter = 5;
        static int constructed;
        __attribute__((constructor)) static void construct(void) { constructed++; }
        static void at_exit(void) { printf(", at_exit"); }
        static int child(void)
        {
            char input[8] = {0};
            atexit(at_exit);
            faasmGetInput(input, 7);
            printf("%s: counter %d, constructed %d", input, counter, constructed);
            counter = 0;
            return 3;
        }
        static int other(void) { exit(4); }
        int main(void)
        {
            counter = 77;
            unsigned int calls[] = {
                faasmChain(child, "one", 3), faasmChain(child, "two", 3), faasmChain(other, 0, 0),
                faasmChain((FaasmFuncPtr)12345, 0, 0), faasmChain((FaasmFuncPtr)0, 0, 0),
                faasmChain((FaasmFuncPtr)0xffffffff, 0, 0), faasmChain((FaasmFuncPtr)at_exit, 0, 0),
            };
            for (int i = 0; i < 7; i++) printf("%d ", faasmAwaitCall(calls[i]));
            printf("%d", counter);
            return 0;
        }"#,
    );
    server.put("demo/f", caller).await;
    let answer = server.call("demo/f", "").await.expect(200);
    assert_eq!(answer.text(), "3 3 4 -1 -1 -1 -1 77");
    let tree = Tree::of(&server, id(&answer)).await;
    let calls = tree.children();
    for (call, name) in calls.iter().zip(["one", "two"]) {
        assert!(call["pointer"].as_u64().unwrap() > 0, "{call}");
        let record = server.get(&format!("/calls/{}", call["id"])).await.text();
        let expected = format!(
            "FAILED: {name}: counter 5, constructed 1, at_exit\ncall {} of ",
            call["id"]
        );
        assert!(record.starts_with(&expected), "{record}");
    }
    for (call, reason) in [
        (calls[3], "there is no function at table index 12345"),
        (calls[4], "there is no function at table index 0"),
        (calls[5], "there is no function at table index 4294967295"),
        (calls[6], "is not an `int f(void)`"),
    ] {
        assert!(call["reason"].as_str().unwrap().contains(reason), "{call}");
    }
}

#[tokio::test]
async fn a_function_chains_itself_by_index() {
    let server = Server::start().await;
    let caller = caller(
        r#"int main(void)
        {
            int index = __faasm_get_idx();
            if (index != 0) {
                char text[32] = {0};
                faasmGetInput(text, sizeof text - 1);
                int length = (int)strlen(text);
                sprintf(text + length, " %d", index);
                faasmSetOutput(text, strlen(text));
                return index;
            }
            int indices[] = {1, -5, 2147483647};
            for (int i = 0; i < 3; i++) {
                char *output;
                int length;
                unsigned int call = __faasm_chain_this(indices[i], (unsigned char *)"index", 5);
                int status = faasmAwaitCallOutput(call, &output, &length);
                printf("%d %.*s\n", status, length, output);
            }
            return 0;
        }"#,
    );
    server.put("demo/f", caller).await;
    let answer = server.call("demo/f", "").await.expect(200);
    assert_eq!(
        answer.text(),
        "1 index 1\n-5 index -5\n2147483647 index 2147483647\n"
    );
}

#[tokio::test]
async fn no_name_reaches_the_function_of_another_user() {
    let server = Server::start().await;
    let caller = caller(
        r#"int main(void)
        {
            char name[64] = {0};
            faasmGetInput(name, sizeof name - 1);
            printf("%d", faasmAwaitCall(faasmChainNamed(name, NULL, 0)));
            return 0;
        }"#,
    );
    server.put("demo/f", caller).await;
    server.put("other/secret", c(CALLEE)).await;
    let answer = server.call("demo/f", "secret").await.expect(200);
    assert_eq!(answer.text(), "-1");
    for name in [
        "other/secret",
        "../other/secret",
        "/f/other/secret",
        "..",
        "",
    ] {
        let text = server.call("demo/f", name).await.expect(500).text();
        assert!(text.contains("__faasm_chain_name: "), "{name}: {text}");
    }
    assert_eq!(
        server.metric("faasm_calls_total", r#"user="other""#).await,
        0.0
    );
}

#[tokio::test]
async fn input_is_read_in_parts_and_the_last_output_wins() {
    let server = Server::start().await;
    let caller = caller(
        r#"int main(void)
        {
            char some[4] = "...", all[32] = {0};
            long size = __faasm_read_input(0, 0);
            long three = __faasm_read_input((unsigned char *)some, 3);
            long most = __faasm_read_input((unsigned char *)all, 31);
            __faasm_write_output((const unsigned char *)"first and longer", 16);
            char output[64];
            int length = sprintf(output, "%ld %ld %s %ld %s", size, three, some, most, all);
            __faasm_write_output((const unsigned char *)output, length);
            return 0;
        }"#,
    );
    server.put("demo/f", caller).await;
    let answer = server.call("demo/f", "the input").await.expect(200);
    assert_eq!(answer.text(), "9 3 the 9 the input");
    let answer = server.call("demo/f", "").await.expect(200);
    assert_eq!(answer.text(), "0 0 ... 0 ");
}
