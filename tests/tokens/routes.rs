//! Every route of both listeners, with every kind of token. The list of routes is the server's own:
//! a new one without a line here fails.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Guarded, code, status, text};

/// What a token for another user gets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Others {
    /// 403.
    Forbidden,
    /// 404, as for a call that there never was.
    NotFound,
    /// The same as everybody, or a list with only their own.
    Served,
    /// 403, and so does whoever may do all else: it is for servers.
    NotEvenAdmin,
}

/// Who may do it: one of these scopes.
struct Rule(&'static [&'static str], Others);

const SCOPES: [&str; 4] = ["upload", "invoke", "read", "files"];

/// `None` for what needs no token.
fn rule(method: &str, path: &str) -> Option<Rule> {
    use Others::{Forbidden, NotEvenAdmin, NotFound, Served};
    Some(match (method, path) {
        ("get", "/healthz" | "/readyz") => return None,
        ("get", "/openapi.json") => Rule(&SCOPES, Served),
        ("get", "/metrics") => Rule(&["read"], Forbidden),
        ("post", "/flush") | ("get", "/workers") => Rule(&[], Served),
        ("get" | "post", "/tokens") | ("delete", "/tokens/{id}") => Rule(&[], Served),
        ("get", "/storage") | (_, "/storage/{key}") => Rule(&[], NotEvenAdmin),
        ("get", "/f" | "/p" | "/s") => Rule(&["read"], Served),
        ("get", "/f/{user}" | "/p/{user}" | "/s/{user}") => Rule(&["read"], Forbidden),
        ("get", "/f/{user}/{function}" | "/f/{user}/{function}/info") => Rule(&["read"], Forbidden),
        ("get", "/p/{user}/{function}" | "/p/{user}/{function}/info") => Rule(&["read"], Forbidden),
        ("get", "/s/{user}/{key}" | "/s/{user}/{key}/elements") => Rule(&["read"], Forbidden),
        ("put" | "delete", "/f/{user}/{function}") => Rule(&["upload"], Forbidden),
        ("put" | "delete", "/p/{user}/{function}") => Rule(&["upload"], Forbidden),
        ("put", "/f/{user}/{function}/limits") => Rule(&["upload"], Forbidden),
        ("put", "/p/{user}/{function}/limits") => Rule(&["upload"], Forbidden),
        ("put" | "delete", "/s/{user}/{key}") => Rule(&["upload"], Forbidden),
        ("post" | "delete", "/s/{user}/{key}/elements") => Rule(&["upload"], Forbidden),
        ("get", "/file" | "/file/{path}") => Rule(&["read", "files"], Served),
        ("put" | "delete", "/file" | "/file/{path}") => Rule(&["files"], Served),
        ("post", "/invoke/{user}/{function}" | "/") => Rule(&["invoke"], Forbidden),
        ("get", "/calls") => Rule(&["invoke", "read"], Served),
        ("get", "/calls/{id}" | "/calls/{id}/graph") => Rule(&["invoke", "read"], NotFound),
        ("delete", "/calls/{id}") => Rule(&["invoke"], NotFound),
        (method, path) => panic!("tests/tokens/routes.rs says nothing of {method} {path}"),
    })
}

/// A request of that route, about the user `demo`.
struct Request {
    method: Method,
    url: String,
    body: String,
}

impl Request {
    fn new(base: &str, method: &str, path: &str, call: &str) -> Self {
        let filled = path
            .replace("{user}", "demo")
            .replace("{function}", "noop")
            .replace("{key}", "k")
            .replace("{path}", "dir/x")
            .replace("/calls/{id}", &format!("/calls/{call}"))
            .replace("{id}", "abcdefghijkl");
        assert!(!filled.contains('{'), "{path} has a parameter that is new");
        let body = match (method, path) {
            ("post", "/") => json!({ "user": "demo", "function": "noop" }).to_string(),
            ("post", "/tokens") => {
                json!({ "label": "x", "scopes": ["read"], "users": ["demo"] }).to_string()
            }
            ("put", path) if path.ends_with("/limits") => "{}".to_owned(),
            _ => String::new(),
        };
        Self {
            method: method.to_uppercase().parse().unwrap(),
            url: format!("{base}{filled}"),
            body,
        }
    }
}

/// Tokens of every kind.
struct Bearers {
    /// What is not let in anywhere.
    strangers: Vec<String>,
    /// One for each scope, for the user `demo`.
    demo: Vec<(&'static str, String)>,
    /// With all scopes but `admin`.
    all_of_demo: String,
    all_of_other: String,
    all_of_all: String,
}

impl Bearers {
    async fn make(guarded: &Guarded) -> Self {
        let expired = json!({ "label": "x", "scopes": SCOPES, "users": ["*"], "expires_in_ms": 0 });
        let expired = text(&guarded.create(expired).await["token"]);
        let wanted = json!({ "label": "x", "scopes": ["admin"], "users": ["*"] });
        let revoked = guarded.create(wanted).await;
        let path = format!("/tokens/{}", text(&revoked["id"]));
        let _ = guarded
            .upload(Method::DELETE, &path, &guarded.admin)
            .await
            .expect(200);
        let admin = &guarded.admin;
        let other_end = if admin.ends_with('a') { "b" } else { "a" };
        let mut demo = Vec::new();
        for scope in SCOPES {
            demo.push((scope, guarded.token(&[scope], &["demo"]).await));
        }
        Self {
            strangers: vec![
                "nonsense".into(),
                String::new(),
                expired,
                text(&revoked["token"]),
                format!("{}{other_end}", &admin[..admin.len() - 1]),
                admin.to_uppercase(),
                format!("{admin}{admin}"),
            ],
            demo,
            all_of_demo: guarded.token(&SCOPES, &["demo"]).await,
            all_of_other: guarded.token(&SCOPES, &["other"]).await,
            all_of_all: guarded.token(&SCOPES, &["*"]).await,
        }
    }
}

#[tokio::test]
async fn every_route_asks_for_what_it_needs() {
    let guarded = Guarded::start().await;
    guarded.put("demo/noop").await;
    let call = guarded.submit("demo/noop").await;
    let bearers = Bearers::make(&guarded).await;
    let mut walked = 0;
    for base in [guarded.server.upload.clone(), guarded.server.invoke.clone()] {
        let url = format!("{base}/openapi.json");
        let document = guarded
            .send(Method::GET, &url, &guarded.admin, String::new())
            .await;
        let document = document.expect(200).json();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let request = Request::new(&base, method, path, &call);
                let rule = rule(method, path);
                check_description(operation, rule.is_some());
                check(&guarded, &bearers, &request, rule).await;
                walked += 1;
            }
        }
    }
    assert!(walked > 40, "{walked}");
}

/// The description says which requests need a token.
fn check_description(operation: &Value, needs_token: bool) {
    let said = operation["security"][0]["token"].is_array();
    assert_eq!(said, needs_token, "{operation}");
}

async fn check(guarded: &Guarded, bearers: &Bearers, request: &Request, rule: Option<Rule>) {
    let Request { method, url, body } = request;
    let send = async |token: &str| guarded.send(method.clone(), url, token, body.clone()).await;
    let place = format!("{method} {url}");
    let plain = guarded
        .server
        .request(method.clone(), url, body.clone())
        .await;
    let Some(Rule(scopes, others)) = rule else {
        let _ = plain.expect(200);
        return;
    };
    assert_eq!(
        (status(&plain), &*code(&plain)),
        (401, "no_token"),
        "{place}"
    );
    assert_eq!(plain.header("www-authenticate"), "Bearer");
    for stranger in &bearers.strangers {
        let answer = send(stranger).await;
        assert_eq!(answer.status, 401, "{place}: {stranger}");
        let said = code(&answer);
        assert!(
            ["bad_token", "no_token"].contains(&&*said),
            "{place}: {said}"
        );
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let about_all = url.ends_with("/metrics");
    for (scope, token) in &bearers.demo {
        let answer = send(token).await;
        let is_let_in = scopes.contains(scope) && !about_all;
        let code = code(&answer);
        assert_eq!(
            !is_let_in,
            code == "forbidden",
            "{place} with {scope}: {code}"
        );
        assert_eq!(!is_let_in, answer.status == 403, "{place} with {scope}");
        assert_ne!(answer.status, 401, "{place} with {scope}");
    }
    let answer = send(&bearers.all_of_demo).await;
    assert_eq!(
        answer.status == 403,
        scopes.is_empty() || about_all,
        "{place}"
    );
    if !scopes.is_empty() {
        let answer = send(&bearers.all_of_other).await;
        let status = status(&answer);
        match others {
            Others::Forbidden | Others::NotEvenAdmin => assert_eq!(status, 403, "{place}"),
            Others::NotFound => {
                assert_eq!(
                    (status, &*code(&answer)),
                    (404, "call_not_found"),
                    "{place}"
                );
            }
            Others::Served => assert!(![401, 403].contains(&status), "{place}: {status}"),
        }
    }
    let answer = send(&bearers.all_of_all).await;
    assert_eq!(answer.status == 403, scopes.is_empty(), "{place}");
    let answer = send(&guarded.admin).await;
    let admin_is_refused = [401, 403].contains(&status(&answer));
    assert_eq!(
        admin_is_refused,
        others == Others::NotEvenAdmin,
        "{place}: {}",
        answer.text()
    );
    if *method == Method::DELETE && url.contains("/f/demo") {
        guarded.put("demo/noop").await;
    }
}

#[tokio::test]
async fn every_other_method_tells_nothing() {
    let guarded = Guarded::start().await;
    let paths = ["/f/demo/x", "/tokens", "/s/demo/k", "/file/x"];
    for path in paths {
        let url = format!("{}{path}", guarded.server.upload);
        let head = guarded.server.request(Method::HEAD, &url, "").await;
        assert!(
            [401, 405].contains(&status(&head)),
            "{path}: {}",
            head.status
        );
        let _ = guarded
            .server
            .request(Method::PATCH, &url, "")
            .await
            .expect(405);
        let _ = guarded
            .server
            .request(Method::OPTIONS, &url, "")
            .await
            .expect(204);
    }
    let url = format!("{}/f/demo/x", guarded.server.upload);
    for authorization in [
        "authorization: Basic dXNlcjpwYXNz",
        "authorization: Bearer",
        &format!("authorization: {}", guarded.admin),
    ] {
        let answer = guarded
            .server
            .request_with(Method::GET, &url, &[authorization], "")
            .await;
        assert_eq!(code(&answer.expect(401)), "no_token", "{authorization}");
    }
    let twice = format!("authorization: Bearer {}", guarded.admin);
    let answer = guarded
        .server
        .request_with(Method::GET, &url, &[&twice, &twice], "")
        .await;
    assert_eq!(code(&answer.expect(401)), "no_token");
    let lower = format!("authorization: bearer {}", guarded.admin);
    let _ = guarded
        .server
        .request_with(Method::GET, &url, &[&lower], "")
        .await
        .expect(404);
}
