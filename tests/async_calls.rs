//! Asynchronous calls: their ids, how they stand, their results, and cancelling them.

use std::collections::HashSet;

use faasm_testkit::{Answer, Server, c, wat_noop};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

const SPIN: &str = r#"(module (memory (export "memory") 1)
    (func (export "_start") (loop (br 0))))"#;

/// Ends when another function, `gate`, succeeds.
const GATED: &str = r#"#include <faasm/faasm.h>
    #include <stdio.h>
    #include <unistd.h>
    int main(void) {
        while (faasmAwaitCall(faasmChainNamed("gate", NULL, 0)) != 0) usleep(5000);
        printf("let through");
        return 0;
    }"#;

/// Prints, puts out, and returns what its input says.
pub(crate) const RETURNS: &str = r#"#include <faasm/faasm.h>
    #include <stdio.h>
    #include <stdlib.h>
    int main(void) {
        char text[16] = {0};
        faasmGetInput(text, sizeof text - 1);
        printf("stdout ");
        faasmSetOutput("output", 6);
        return atoi(text);
    }"#;

fn gate(is_open: bool) -> bytes::Bytes {
    c(&format!(
        "int main(void) {{ return {}; }}",
        i32::from(!is_open)
    ))
}

/// Submits a call with an idempotency key.
async fn with_key(server: &Server, name: &str, key: &str, input: &str) -> Answer {
    let url = format!("{}/invoke/{name}?async=true", server.invoke);
    let key = format!("idempotency-key: {key}");
    server
        .request_with(Method::POST, &url, &[&key], input.to_owned())
        .await
}

/// A request that is answered in JSON.
async fn in_json(server: &Server, method: Method, path: &str) -> Value {
    let url = format!("{}{path}", server.invoke);
    let json = ["accept: application/json"];
    server
        .request_with(method, &url, &json, "")
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn the_answer_is_the_id_in_digits_and_the_status_becomes_the_answer() {
    let server = Server::start().await;
    server.put("demo/f", c(RETURNS)).await;
    let call = json!({"user": "demo", "function": "f", "async": true, "input_data": "0"});
    let accepted = server.post(call.clone()).await.expect(202);
    let id = accepted.text();
    assert!(
        !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()),
        "{id:?}"
    );
    assert_eq!(accepted.header("location"), format!("/calls/{id}"));
    assert_eq!(
        server.wait(id.parse().unwrap()).await,
        "SUCCESS: stdout output"
    );
    // Asked in any way, any number of times.
    for id in [json!(id.parse::<u64>().unwrap()), json!(id)] {
        for _ in 0..2 {
            let status = server
                .post(json!({"status": true, "id": id}))
                .await
                .expect(200);
            assert_eq!(status.text(), "SUCCESS: stdout output");
        }
    }

    let url = &server.invoke;
    let accept = ["accept: application/json"];
    let json = server
        .request_with(Method::POST, url, &accept, call.to_string())
        .await;
    let id = json.expect(202).json()["id"].as_u64().unwrap();
    let _ = server.wait(id).await;
    let call = in_json(&server, Method::GET, &format!("/calls/{id}")).await;
    assert_eq!(call["status"], "SUCCESS");
    assert_eq!(
        (&call["stdout"], &call["output_data"]),
        (&json!("stdout "), &json!("output"))
    );

    let failed = server.submit("demo/f", "9").await;
    let reason = format!("call {failed} of demo/f failed: nonzero_return: ");
    let text = server.wait(failed).await;
    assert!(
        text.starts_with(&format!("FAILED: stdout output\n{reason}")),
        "{text}"
    );
    let call = in_json(&server, Method::GET, &format!("/calls/{failed}")).await;
    assert_eq!(
        (&call["status"], &call["return_value"]),
        (&json!("FAILED"), &json!(9))
    );
    assert_eq!(call["reason"]["code"], "nonzero_return");
}

#[tokio::test]
async fn a_call_runs_until_it_ends_and_who_waits_is_told_then() {
    let server = Server::start().await;
    server.put("demo/gate", gate(false)).await;
    server.put("demo/gated", c(GATED)).await;
    let id = server.submit("demo/gated", "").await;
    assert_eq!(
        server.get(&format!("/calls/{id}")).await.expect(200).text(),
        "RUNNING"
    );
    let brief = json!({"status": true, "id": id, "wait_ms": 20});
    assert_eq!(server.post(brief).await.expect(200).text(), "RUNNING");
    let running = in_json(&server, Method::GET, &format!("/calls/{id}")).await;
    assert_eq!(
        (&running["status"], &running["return_value"]),
        (&json!("RUNNING"), &Value::Null)
    );

    let patient = server.post(json!({"status": true, "id": id, "wait_ms": 50_000}));
    let (told, ()) = futures::join!(patient, server.put("demo/gate", gate(true)));
    assert_eq!(told.expect(200).text(), "SUCCESS: let through");
    for bad in [json!(-1), json!("1"), json!(1.5)] {
        let text = server
            .post(json!({"status": true, "id": id, "wait_ms": bad}))
            .await;
        assert!(
            text.clone().expect(400).text().contains("`wait_ms`"),
            "{}",
            text.text()
        );
    }
}

#[tokio::test]
async fn ids_that_were_never_issued_are_a_404_and_rubbish_is_a_400() {
    let server = Server::start().await;
    for id in ["999999999", "9007199254740991"] {
        for (method, path) in [
            (Method::GET, format!("/calls/{id}")),
            (Method::GET, format!("/calls/{id}?wait_ms=60000")),
            (Method::DELETE, format!("/calls/{id}")),
            (Method::GET, format!("/calls/{id}/graph")),
        ] {
            let url = format!("{}{path}", server.invoke);
            let text = server.request(method, &url, "").await.expect(404).text();
            assert!(text.contains(&format!("no call {id}")), "{text}");
        }
        for question in ["status", "exec_graph"] {
            let _ = server
                .post(json!({question: true, "id": id}))
                .await
                .expect(404);
        }
    }
    for id in [
        "0",
        "-1",
        "x",
        "1.0",
        "+1",
        "0x1",
        "9007199254740992",
        "1e3",
        "%20",
        "%00",
        "%FF",
    ] {
        let text = server.get(&format!("/calls/{id}")).await.expect(400).text();
        assert!(text.contains("`id`"), "{id}: {text}");
    }
    for id in [
        json!(0),
        json!(-5),
        json!(1.5),
        json!("0x1"),
        json!([1]),
        json!(true),
        json!(""),
    ] {
        let text = server
            .post(json!({"status": true, "id": id}))
            .await
            .expect(400)
            .text();
        assert!(text.contains("`id`"), "{id}: {text}");
    }
}

#[tokio::test]
async fn ids_are_unique_positive_and_below_2_to_the_53() {
    let data = tempfile::tempdir().unwrap();
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let mut server = Server::builder().data_dir(data.path()).start().await;
        server.put("demo/noop", wat_noop()).await;
        for id in join_all((0..100).map(|_| server.submit("demo/noop", ""))).await {
            assert!((1..1 << 53).contains(&id) && ids.insert(id), "{id}");
        }
        let answer = server.call("demo/noop", "").await.expect(200);
        assert!(ids.insert(answer.header("faasm-call-id").parse().unwrap()));
        server.kill();
    }
}

#[tokio::test]
async fn a_key_makes_one_call_of_many_requests() {
    let server = Server::start().await;
    server.put("demo/f", c(RETURNS)).await;
    server.put("other/f", c(RETURNS)).await;
    let at_once = join_all((0..20).map(|_| with_key(&server, "demo/f", "order-17", "0"))).await;
    let ids: HashSet<_> = at_once.into_iter().map(|a| a.expect(202).text()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let id = ids.into_iter().next().unwrap();
    let done = server.wait(id.parse().unwrap()).await;
    // After its end as well, and in the JSON form.
    assert_eq!(
        with_key(&server, "demo/f", "order-17", "0")
            .await
            .expect(202)
            .text(),
        id
    );
    let form = json!({"user": "demo", "function": "f", "async": true, "input_data": "0"});
    let key = ["idempotency-key: order-17"];
    let form = server.request_with(Method::POST, &server.invoke, &key, form.to_string());
    assert_eq!(form.await.expect(202).text(), id);

    let other_input = with_key(&server, "demo/f", "order-17", "1")
        .await
        .expect(409)
        .text();
    assert!(other_input.contains(&format!("call {id}")), "{other_input}");
    server.put("demo/g", c(RETURNS)).await;
    let _ = with_key(&server, "demo/g", "order-17", "0")
        .await
        .expect(409);
    let other_user = with_key(&server, "other/f", "order-17", "1")
        .await
        .expect(202);
    assert_ne!(other_user.text(), id);
    let other_key = with_key(&server, "demo/f", "order-18", "0")
        .await
        .expect(202);
    assert_ne!(other_key.text(), id);
    assert_eq!(server.wait(id.parse().unwrap()).await, done);
    for bad in ["", " ", &"x".repeat(256), "a b"] {
        let text = with_key(&server, "demo/f", bad, "0")
            .await
            .expect(400)
            .text();
        assert!(
            text.to_lowercase().contains("idempotency-key"),
            "{bad}: {text}"
        );
    }
}

#[tokio::test]
async fn a_call_can_be_cancelled_while_it_runs_waits_or_has_ended() {
    let server = Server::builder().args(["--max-running", "2"]).start().await;
    server.put("demo/spin", SPIN).await;
    server.put("demo/f", c(RETURNS)).await;
    let cancel = async |id: u64| {
        let url = format!("{}/calls/{id}", server.invoke);
        let answer = server.request(Method::DELETE, &url, "").await;
        answer.expect(200).text()
    };
    // More than can run at a time: some of them wait.
    let spinning = join_all((0..6).map(|_| server.submit("demo/spin", ""))).await;
    for id in spinning.iter().rev() {
        assert_eq!(cancel(*id).await, "cancelled\n");
    }
    for id in spinning {
        let text = server.wait(id).await;
        assert!(
            text.starts_with("FAILED: ") && text.contains("cancelled"),
            "{text}"
        );
        assert_eq!(cancel(id).await, "already finished\n");
        assert_eq!(server.wait(id).await, text);
    }
    let done = server.submit("demo/f", "0").await;
    assert_eq!(server.wait(done).await, "SUCCESS: stdout output");
    assert_eq!(cancel(done).await, "already finished\n");
    assert_eq!(server.wait(done).await, "SUCCESS: stdout output");
}
