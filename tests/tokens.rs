//! Tokens: who is let in, and to what.

use std::process::Command;

use faasm_testkit::{Answer, Builder, Server, binary, wat_noop};
use reqwest::Method;
use serde_json::{Value, json};

mod files;
mod leaks;
mod routes;
mod verbs;

/// A server with tokens.
struct Guarded {
    server: Server,
    /// The first token, which may do everything.
    admin: String,
}

impl Guarded {
    async fn start() -> Self {
        Self::with(Server::builder()).await
    }

    async fn with(builder: Builder) -> Self {
        let server = builder.args(["--auth", "tokens"]).start().await;
        let file = server.data_dir().join("admin-token");
        let admin = std::fs::read_to_string(file).unwrap().trim_end().to_owned();
        Self { server, admin }
    }

    async fn send(&self, method: Method, url: &str, token: &str, body: String) -> Answer {
        let token = format!("authorization: Bearer {token}");
        self.server.request_with(method, url, &[&token], body).await
    }

    async fn upload(&self, method: Method, path: &str, token: &str) -> Answer {
        let url = format!("{}{path}", self.server.upload);
        self.send(method, &url, token, String::new()).await
    }

    async fn invoke(&self, method: Method, path: &str, token: &str) -> Answer {
        let url = format!("{}{path}", self.server.invoke);
        self.send(method, &url, token, String::new()).await
    }

    async fn post(&self, token: &str, body: Value) -> Answer {
        let url = self.server.invoke.clone();
        self.send(Method::POST, &url, token, body.to_string()).await
    }

    /// Makes a token as `wanted` says, and returns all that is known of it.
    async fn create(&self, wanted: Value) -> Value {
        let url = format!("{}/tokens", self.server.upload);
        let body = wanted.to_string();
        let answer = self.send(Method::POST, &url, &self.admin, body).await;
        answer.expect(200).json()
    }

    /// Makes a token with these scopes for these users.
    async fn token(&self, scopes: &[&str], users: &[&str]) -> String {
        let wanted = json!({ "label": "a test", "scopes": scopes, "users": users });
        text(&self.create(wanted).await["token"])
    }

    /// Stores a function that does nothing, with the first token.
    async fn put(&self, name: &str) {
        let url = format!("{}/f/{name}", self.server.upload);
        let code = wat_noop().to_owned();
        let answer = self.send(Method::PUT, &url, &self.admin, code).await;
        let _ = answer.expect(200);
    }

    /// Calls it asynchronously, and returns the call's id once it has ended.
    async fn submit(&self, name: &str) -> String {
        let path = format!("/invoke/{name}?async=true");
        let id = self.invoke(Method::POST, &path, &self.admin).await;
        let id = id.expect(202).text();
        let path = format!("/calls/{id}?wait_ms=20000");
        let ended = self.invoke(Method::GET, &path, &self.admin).await;
        assert_eq!(ended.expect(200).text(), "SUCCESS: ");
        id
    }
}

fn status(answer: &Answer) -> u16 {
    answer.status.as_u16()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The code of an error.
fn code(answer: &Answer) -> String {
    let text = answer.text();
    let codes = faasm_http::ErrorCode::ALL.iter();
    let mut codes = codes.filter(|code| text.contains(code.hint()));
    codes
        .next()
        .map_or(text.clone(), |code| code.as_str().to_owned())
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_very_next_request_on() {
    let guarded = Guarded::start().await;
    for _ in 0..20 {
        let wanted = json!({ "label": "short", "scopes": ["read"], "users": ["demo"] });
        let made = guarded.create(wanted).await;
        let (token, id) = (text(&made["token"]), text(&made["id"]));
        let _ = guarded
            .upload(Method::GET, "/f/demo", &token)
            .await
            .expect(200);
        let path = format!("/tokens/{id}");
        let _ = guarded
            .upload(Method::DELETE, &path, &guarded.admin)
            .await
            .expect(200);
        let refused = guarded
            .upload(Method::GET, "/f/demo", &token)
            .await
            .expect(401);
        assert_eq!(code(&refused), "bad_token");
        let there = guarded
            .invoke(Method::GET, "/calls", &token)
            .await
            .expect(401);
        assert_eq!(code(&there), "bad_token");
        let again = guarded
            .upload(Method::DELETE, &path, &guarded.admin)
            .await
            .expect(404);
        assert_eq!(code(&again), "token_not_found");
    }
}

#[tokio::test]
async fn tokens_and_their_ends_outlive_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let mut guarded = Guarded::with(Server::builder().data_dir(dir.path())).await;
    let kept = guarded.token(&["read"], &["demo"]).await;
    let wanted = json!({ "label": "gone", "scopes": ["read"], "users": ["demo"] });
    let gone = guarded.create(wanted).await;
    let path = format!("/tokens/{}", text(&gone["id"]));
    let _ = guarded
        .upload(Method::DELETE, &path, &guarded.admin)
        .await
        .expect(200);
    let admin = guarded.admin.clone();
    // What was answered is on the disk.
    guarded.server.kill();
    let guarded = Guarded::with(Server::builder().data_dir(dir.path())).await;
    assert_eq!(guarded.admin, admin);
    let _ = guarded
        .upload(Method::GET, "/f/demo", &kept)
        .await
        .expect(200);
    let gone = text(&gone["token"]);
    let _ = guarded
        .upload(Method::GET, "/f/demo", &gone)
        .await
        .expect(401);
    let list = guarded
        .upload(Method::GET, "/tokens", &admin)
        .await
        .expect(200)
        .json();
    assert_eq!(list["tokens"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_token_ends_when_it_was_said_to() {
    let guarded = Guarded::start().await;
    let wanted = |ms: u64| json!({ "label": "short", "scopes": ["read"], "users": ["*"], "expires_in_ms": ms });
    let long = text(&guarded.create(wanted(3_600_000)).await["token"]);
    let short = text(&guarded.create(wanted(300)).await["token"]);
    let _ = guarded.upload(Method::GET, "/f", &long).await.expect(200);
    loop {
        let answer = guarded.upload(Method::GET, "/f", &short).await;
        if answer.status == 401 {
            assert!(answer.text().contains("expired"), "{}", answer.text());
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let _ = guarded.upload(Method::GET, "/f", &long).await.expect(200);
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_not_made() {
    let guarded = Guarded::start().await;
    let url = format!("{}/tokens", guarded.server.upload);
    for wanted in [
        json!({}),
        json!({ "label": "", "scopes": ["read"], "users": ["a"] }),
        json!({ "label": "x", "scopes": [], "users": ["a"] }),
        json!({ "label": "x", "scopes": ["write"], "users": ["a"] }),
        json!({ "label": "x", "scopes": ["read"], "users": [] }),
        json!({ "label": "x", "scopes": ["read"], "users": "*" }),
        json!({ "label": "x", "scopes": ["read"], "users": ["../a"] }),
        json!({ "label": "x", "scopes": ["admin"], "users": ["a"] }),
        json!({ "label": "x", "scopes": ["read"], "users": ["a"], "expires_in_ms": -1 }),
        json!({ "label": "x", "scopes": ["read"], "users": ["a"], "only_on": "sundays" }),
    ] {
        let body = wanted.to_string();
        let answer = guarded.send(Method::POST, &url, &guarded.admin, body).await;
        assert_eq!(answer.status, 400, "{wanted}: {}", answer.text());
    }
    let list = guarded
        .upload(Method::GET, "/tokens", &guarded.admin)
        .await
        .json();
    assert_eq!(list["tokens"].as_array().unwrap().len(), 1);
    // The oldest time that there is, and one that never comes.
    for ms in [0, u64::MAX] {
        let wanted =
            json!({ "label": "x", "scopes": ["read"], "users": ["a"], "expires_in_ms": ms });
        guarded.create(wanted).await;
    }
}

#[tokio::test]
async fn a_server_that_lets_anybody_in_makes_no_tokens() {
    let server = Server::start().await;
    let wanted = json!({ "label": "later", "scopes": ["admin"], "users": ["*"] }).to_string();
    let answer = server
        .stored(Method::POST, "/tokens", wanted)
        .await
        .expect(409);
    assert_eq!(code(&answer), "tokens_off");
    let _ = server.stored(Method::GET, "/tokens", "").await.expect(409);
    // A token does no harm where none is asked for.
    let sent = ["authorization: Bearer nonsense"];
    let url = format!("{}/f", server.upload);
    let _ = server
        .request_with(Method::GET, &url, &sent, "")
        .await
        .expect(200);
}

#[tokio::test]
async fn metrics_are_for_who_may_read_all_users_or_for_everybody() {
    let guarded = Guarded::start().await;
    let (one, all) = (
        guarded.token(&["read"], &["demo"]).await,
        guarded.token(&["read"], &["*"]).await,
    );
    let _ = guarded
        .invoke(Method::GET, "/metrics", &one)
        .await
        .expect(403);
    let _ = guarded
        .invoke(Method::GET, "/metrics", &all)
        .await
        .expect(200);
    let open = Guarded::with(Server::builder().args(["--open-metrics"])).await;
    for base in [&open.server.upload, &open.server.invoke] {
        let url = format!("{base}/metrics");
        let _ = open.server.request(Method::GET, &url, "").await.expect(200);
        let url = format!("{base}/f");
        assert_ne!(open.server.request(Method::GET, &url, "").await.status, 200);
    }
}

#[tokio::test]
async fn a_browser_may_ask_without_a_token_what_it_may_ask() {
    let guarded =
        Guarded::with(Server::builder().args(["--cors-origin", "https://a.example"])).await;
    let url = format!("{}/f/demo", guarded.server.upload);
    let asked = [
        "origin: https://a.example",
        "access-control-request-method: GET",
        "access-control-request-headers: authorization",
    ];
    let preflight = guarded
        .server
        .request_with(Method::OPTIONS, &url, &asked, "")
        .await;
    let preflight = preflight.expect(200);
    let allowed = |what| preflight.header(&format!("access-control-allow-{what}"));
    assert_eq!(allowed("origin"), "https://a.example");
    // A star would not stand for this one.
    assert_eq!(allowed("headers"), "authorization");
    let refused = guarded
        .server
        .request_with(Method::GET, &url, &asked[..1], "")
        .await;
    // The page learns why.
    assert_eq!(
        refused.expect(401).header("access-control-allow-origin"),
        "https://a.example"
    );
}

#[test]
fn a_server_for_other_machines_wants_to_know_who_is_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |args: &[&str]| {
        let mut serve = Command::new(binary());
        serve.args(["serve", "--invoke-addr", "0.0.0.0:0", "--data-dir"]);
        let output = serve.arg(dir.path()).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for args in [&[][..], &["--auth", "off"]] {
        let said = refused(args);
        let ways_out = ["--auth tokens", "--insecure-no-auth", "127.0.0.1"];
        assert!(ways_out.iter().all(|way| said.contains(way)), "{said}");
    }
    assert!(refused(&["--auth", "tokens", "--insecure-no-auth"]).contains("leave out one"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_for_other_machines_starts_with_tokens() {
    let builder = Server::builder().args(["--invoke-addr", "0.0.0.0:0"]);
    let guarded = Guarded::with(builder).await;
    assert!(guarded.server.logs().contains("--tls-cert"));
    let port = guarded.server.invoke.rsplit(':').next().unwrap();
    let url = format!("http://127.0.0.1:{port}/calls");
    let _ = guarded
        .server
        .request(Method::GET, &url, "")
        .await
        .expect(401);
    let _ = guarded
        .send(Method::GET, &url, &guarded.admin, String::new())
        .await
        .expect(200);
}

#[tokio::test]
async fn every_token_is_on_one_page_of_the_list() {
    let guarded = Guarded::start().await;
    let mut made = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let wanted = json!({ "label": "one", "scopes": ["read"], "users": ["demo"] });
        made.insert(text(&guarded.create(wanted).await["id"]));
    }
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/tokens?limit=3{after}");
        let page = guarded.upload(Method::GET, &path, &guarded.admin).await;
        let page = page.expect(200).json();
        let tokens = page["tokens"].as_array().unwrap().iter();
        found.extend(tokens.map(|token| text(&token["id"])));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    // And the first one.
    assert_eq!(found.len(), made.len() + 1);
    assert!(found.is_sorted() && made.iter().all(|id| found.contains(id)));
}
