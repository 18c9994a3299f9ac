//! What becomes of calls when the one that made them ends.

use std::time::Duration;

use faasm_testkit::Server;
use serde_json::json;

use super::{Tree, caller, ended, id, no_calls};

#[tokio::test]
async fn calls_that_nobody_awaits_run_to_their_end() {
    let server = Server::start().await;
    let caller = caller(
        r#"
        static int slow(void) { usleep(300000); printf("done"); return 0; }
        int main(void)
        {
            char mode[8] = {0};
            faasmGetInput(mode, 7);
            for (int i = 0; i < 3; i++) faasmChain(slow, NULL, 0);
            if (mode[0] == 't') __builtin_trap();
            return 0;
        }"#,
    );
    server.put("demo/f", caller).await;
    let returned = id(&server.call("demo/f", "return").await.expect(200));
    let trapped = id(&server.call("demo/f", "trap").await.expect(500));
    let submitted = server.submit("demo/f", "return").await;
    for root in [returned, trapped, submitted] {
        server.wait(root).await;
        let tree = ended(&server, root).await;
        assert_eq!(tree.children().len(), 3);
        for call in tree.children() {
            assert_eq!(call["status"], "SUCCESS", "{call}");
            let record = server.get(&format!("/calls/{}", call["id"])).await;
            assert_eq!(record.expect(200).text(), "SUCCESS: done");
        }
    }
}

/// A tree of 1 + 3 + 9 calls, of which the leaves and the middle never end by themselves.
const FOREST: &str = r#"
    static int leaf(void)
    {
        char mode[8] = {0};
        faasmGetInput(mode, 7);
        if (mode[0] == 's') for (volatile int i = 0;; i++) {}
        sleep(600);
        return 0;
    }
    static int middle(void)
    {
        unsigned int call = faasmChain(leaf, "wait", 4);
        faasmChain(leaf, "wait", 4);
        faasmChain(leaf, "spin", 4);
        return faasmAwaitCall(call);
    }
    int main(void)
    {
        unsigned int call = faasmChain(middle, 0, 0);
        faasmChain(middle, 0, 0);
        faasmChain(middle, 0, 0);
        return faasmAwaitCall(call);
    }"#;

async fn full_forest(server: &Server, root: u64) {
    while Tree::of(server, root).await.below().len() < 12 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn cancelling_a_call_ends_all_that_it_has_made() {
    let server = Server::start().await;
    server.put("demo/forest", caller(FOREST)).await;
    let root = server.submit("demo/forest", "").await;
    full_forest(&server, root).await;
    let url = format!("{}/calls/{root}", server.invoke);
    let answer = server.request(reqwest::Method::DELETE, &url, "").await;
    assert_eq!(answer.expect(200).text().trim(), "cancelled");
    let status = server.wait(root).await;
    assert!(status.contains("cancelled"), "{status}");
    for call in ended(&server, root).await.below() {
        let reason = call["reason"].as_str().unwrap();
        assert!(reason.starts_with("the call was cancelled"), "{call}");
    }
    no_calls(&server).await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_all_that_its_call_has_made() {
    let server = Server::start().await;
    server.put("demo/forest", caller(FOREST)).await;
    let call = tokio::time::timeout(Duration::from_secs(1), server.call("demo/forest", ""));
    assert!(call.await.is_err());
    no_calls(&server).await;
}

#[tokio::test]
async fn the_deadline_of_a_call_ends_all_that_it_has_made() {
    let server = Server::start().await;
    server.put("demo/forest", caller(FOREST)).await;
    let start =
        caller(r#"int main(void) { return faasmAwaitCall(faasmChainNamed("forest", NULL, 0)); }"#);
    server.put("demo/start", start).await;
    let _ = server
        .set_limits("demo/start", json!({"time_ms": 1000}))
        .await
        .expect(200);
    let answer = server.call("demo/start", "").await.expect(504);
    assert!(answer.text().contains("time limit"), "{}", answer.text());
    let tree = ended(&server, id(&answer)).await;
    assert_eq!(tree.below().len(), 13);
    for call in tree.below() {
        let reason = call["reason"].as_str().unwrap();
        assert!(reason.starts_with("the call was cancelled"), "{call}");
    }
    no_calls(&server).await;
}
