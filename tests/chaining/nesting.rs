//! Calls nested deep and spread wide.

use std::collections::BTreeSet;
use std::path::Path;

use faasm_testkit::{Server, build, c};

use super::{CALLEE, Tree, caller, ended, id, no_calls};

/// Nests as deep as its input says; how deep it got is its return value.
const NEST: &str = r#"
    #include <faasm/faasm.h>
    #include <stdio.h>
    #include <stdlib.h>
    int main(void)
    {
        char text[16] = {0};
        faasmGetInput(text, sizeof text - 1);
        int depth = atoi(text);
        if (depth == 0) {
            faasmSetOutput("bottom", 6);
            return 0;
        }
        int length = sprintf(text, "%d", depth - 1);
        char *output;
        int status = faasmAwaitCallOutput(faasmChainNamed("nest", text, length), &output, &length);
        faasmSetOutput(output, length);
        return status;
    }"#;

#[tokio::test]
async fn calls_nest_to_the_limit_and_no_deeper() {
    let server = Server::start().await;
    server.put("demo/nest", c(NEST)).await;
    let answer = server.call("demo/nest", "64").await.expect(200);
    assert_eq!(answer.text(), "bottom");
    let answer = server.call("demo/nest", "65").await.expect(500);
    let tree = Tree::of(&server, id(&answer)).await;
    let calls = tree.below();
    assert_eq!(calls.len(), 64);
    let reason = calls[63]["reason"].as_str().unwrap();
    assert!(
        reason.contains("nested 64 deep, which is the limit (--max-chain-depth)"),
        "{reason}"
    );
}

#[tokio::test]
async fn deep_recursion_makes_progress_with_one_place_to_run() {
    let args = ["--max-running", "1", "--max-faaslets", "8"];
    let server = Server::builder().args(args).start().await;
    server.put("demo/nest", c(NEST)).await;
    let answer = server.call("demo/nest", "7").await.expect(200);
    assert_eq!(answer.text(), "bottom");

    // When every Faaslet is a caller that waits, somebody must be told.
    let answer = server.call("demo/nest", "8").await.expect(500);
    let tree = ended(&server, id(&answer)).await;
    let reasons: Vec<_> = tree
        .below()
        .iter()
        .map(|c| c["reason"].to_string())
        .collect();
    assert!(reasons[7].contains("--max-faaslets"), "{reasons:?}");
    let _ = server.call("demo/nest", "7").await.expect(200);
}

#[tokio::test]
async fn a_tree_of_calls_fits_few_faaslets() {
    let args = ["--max-running", "1", "--max-faaslets", "8"];
    let server = Server::builder().args(args).start().await;
    let tree = caller(
        r#"int main(void)
        {
            char text[8] = {0};
            faasmGetInput(text, 7);
            int depth = text[0] - '0';
            if (depth == 0) return 1;
            text[0]--;
            unsigned int a = faasmChainNamed("tree", text, 1), b = faasmChainNamed("tree", text, 1);
            return faasmAwaitCall(a) + faasmAwaitCall(b);
        }"#,
    );
    server.put("demo/tree", tree).await;
    let answer = server.call("demo/tree", "6").await.expect(500);
    // Each of the 64 leaves counts one.
    assert_eq!(answer.header("faasm-return-value"), "64");
}

#[tokio::test]
async fn a_fork_bomb_runs_into_its_limit_and_hurts_nobody() {
    let args = ["--max-chained-calls", "500"];
    let server = Server::builder().args(args).start().await;
    let bomb = caller(
        r#"
        static int fork_on(void)
        {
            char mode[8] = {0};
            faasmGetInput(mode, 7);
            unsigned int a = faasmChain(fork_on, mode, 1), b = faasmChain(fork_on, mode, 1);
            return mode[0] == 'w' ? faasmAwaitCall(a) + faasmAwaitCall(b) : 0;
        }
        int main(void) { return fork_on(); }"#,
    );
    server.put("demo/bomb", bomb).await;
    server.put("demo/callee", c(CALLEE)).await;
    for mode in ["wait", "leave"] {
        let root = server.submit("demo/bomb", mode).await;
        server.wait(root).await;
        let tree = ended(&server, root).await;
        assert!(tree.below().len() <= 500, "{}", tree.below().len());
        let reasons: BTreeSet<_> = tree
            .below()
            .iter()
            .map(|c| c["reason"].to_string())
            .collect();
        let limit =
            "500 calls were chained below one root call, which is the limit (--max-chained-calls)";
        let depth = "--max-chain-depth";
        let named = |reason: &String| reason.contains(limit) || reason.contains(depth);
        assert!(reasons.iter().any(named), "{mode}: {reasons:?}");
        let _ = server.call("demo/callee", "").await.expect(200);
    }
    no_calls(&server).await;
}

#[tokio::test]
async fn ten_thousand_calls_fan_out_and_in() {
    let server = Server::start().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fanout = build(&[&root.join("examples/fanout/fanout.c")]);
    server.put("demo/fanout", fanout).await;
    let answer = server.call("demo/fanout", "10000").await.expect(200);
    assert_eq!(
        answer.text(),
        "the squares of 1 to 10000 add up to 333383335000\n"
    );
    no_calls(&server).await;
}
