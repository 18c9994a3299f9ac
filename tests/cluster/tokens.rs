//! Tokens count on all servers of a cluster, and nothing but the cluster's key opens its storage.

use faasm_testkit::{Answer, Cluster, Server, wat_noop};
use reqwest::Method;
use serde_json::json;

const ADMIN: &str = "faasm_abcdefghijkl_mnopqrstuvwxyz234567abcdefghijkl";

async fn ask(server: &Server, token: &str, method: Method, url: &str, body: String) -> Answer {
    let bearer = format!("authorization: Bearer {token}");
    server.request_with(method, url, &[&bearer], body).await
}

#[tokio::test]
async fn a_token_counts_on_all_servers_until_it_is_revoked_on_any() {
    let cluster = Cluster::with(2, |builder| {
        let builder = builder.args(["--auth", "tokens"]);
        let key = "k".repeat(32);
        builder
            .env("FAASM_ADMIN_TOKEN", ADMIN)
            .env("FAASM_CLUSTER_KEY", &key)
    })
    .await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    let function = format!("{}/f/demo/noop", other.upload);
    let put = ask(other, ADMIN, Method::PUT, &function, wat_noop().to_owned()).await;
    let _ = put.expect(200);
    let new = json!({"label": "caller", "scopes": ["invoke"], "users": ["demo"]});
    let tokens = format!("{}/tokens", one.upload);
    let made = ask(one, ADMIN, Method::POST, &tokens, new.to_string()).await;
    let made = made.json();
    let (token, id) = (
        made["token"].as_str().unwrap(),
        made["id"].as_str().unwrap(),
    );
    for server in [one, other] {
        let call = format!("{}/invoke/demo/noop", server.invoke);
        let _ = ask(server, token, Method::POST, &call, String::new())
            .await
            .expect(200);
        let objects = format!("{}/storage?prefix=functions/", server.upload);
        for stranger in [token, ADMIN] {
            let refused = ask(server, stranger, Method::GET, &objects, String::new()).await;
            assert!(refused.status.is_client_error(), "{}", refused.text());
        }
    }
    let revoke = format!("{}/tokens/{id}", other.upload);
    let revoked = ask(other, ADMIN, Method::DELETE, &revoke, String::new()).await;
    assert!(revoked.status.is_success(), "{}", revoked.text());
    for server in [one, other] {
        let call = format!("{}/invoke/demo/noop", server.invoke);
        let _ = ask(server, token, Method::POST, &call, String::new())
            .await
            .expect(401);
    }
}
