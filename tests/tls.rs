//! HTTPS: certificates that are good, bad and renewed, and clients that do not speak it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use faasm_testkit::{Answer, Builder, Server, binary, client, wat_noop};
use reqwest::{Certificate, Client, Method};
use rustix::process::Signal;

use authority::Authority;

pub(crate) mod authority;

/// A server that speaks HTTPS, and where its certificate is.
struct Secured {
    server: Server,
    upload: String,
    invoke: String,
    dir: tempfile::TempDir,
}

impl Secured {
    async fn start(authority: &Authority) -> Self {
        let dir = tempfile::tempdir().unwrap();
        authority.issue(dir.path(), 2099);
        let server = builder(dir.path()).start().await;
        // The line on stdout has addresses, and no schemes.
        let https = |url: &str| url.replace("http://", "https://");
        Self {
            upload: https(&server.upload),
            invoke: https(&server.invoke),
            server,
            dir,
        }
    }

    fn verb(&self, args: &[&str], ca_cert: Option<&Path>) -> Output {
        let mut command = Command::new(binary());
        command.args(args).env("FAASM_UPLOAD_URL", &self.upload);
        command.env("FAASM_INVOKE_URL", &self.invoke);
        if let Some(path) = ca_cert {
            command.env("FAASM_CA_CERT", path);
        }
        command.output().unwrap()
    }
}

fn files(dir: &Path) -> [PathBuf; 2] {
    [dir.join("cert.pem"), dir.join("key.pem")]
}

fn builder(dir: &Path) -> Builder {
    let [cert, key] = files(dir).map(|path| path.display().to_string());
    Server::builder().args(["--tls-cert", &cert, "--tls-key", &key])
}

/// A client that believes this authority and nobody else.
fn trusting(authority: &Authority) -> Client {
    let cert = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let _ = client();
    Client::builder().tls_certs_only([cert]).build().unwrap()
}

async fn reaches(http: &Client, url: &str) -> bool {
    let answer = http.get(format!("{url}/healthz")).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test]
async fn both_listeners_speak_https() {
    let authority = Authority::new();
    let secured = Secured::start(&authority).await;
    let http = trusting(&authority);
    let url = format!("{}/f/demo/noop", secured.upload);
    let put = http.put(url).body(wat_noop()).send().await.unwrap();
    assert_eq!(put.status(), 200);
    let url = format!("{}/invoke/demo/noop", secured.invoke);
    // More than fits into one record, and than one read takes.
    for size in [0, 1, 100_000, 10 << 20] {
        let call = http.post(&url).body(vec![b'x'; size]).send().await.unwrap();
        assert_eq!(call.status(), 200);
    }
    let url = format!("{}/s/demo/k", secured.upload);
    let value = vec![7_u8; 5 << 20];
    let put = http.put(&url).body(value.clone()).send().await.unwrap();
    assert_eq!(put.status(), 200);
    let got = http.get(&url).send().await.unwrap().bytes().await.unwrap();
    assert!(got == value);
}

#[tokio::test]
async fn a_client_that_does_not_believe_the_certificate_sends_nothing() {
    let secured = Secured::start(&Authority::new()).await;
    let other = trusting(&Authority::new());
    assert!(!reaches(&other, &secured.upload).await);
    let _ = client();
    let machine = Client::builder().build().unwrap();
    assert!(!reaches(&machine, &secured.invoke).await);
}

#[tokio::test]
async fn an_expired_certificate_is_not_believed() {
    let authority = Authority::new();
    let dir = tempfile::tempdir().unwrap();
    authority.issue(dir.path(), 2020);
    let server = builder(dir.path()).start().await;
    let url = server.upload.replace("http://", "https://");
    let error = trusting(&authority).get(url).send().await.unwrap_err();
    assert!(format!("{error:?}").contains("Expired"), "{error:?}");
}

#[tokio::test]
async fn a_client_without_tls_is_told_so() {
    let secured = Secured::start(&Authority::new()).await;
    let plain = &secured.server;
    for url in [&plain.upload, &plain.invoke] {
        let answer: Answer = plain
            .request(Method::GET, &format!("{url}/healthz"), "")
            .await;
        assert!(answer.expect(400).text().contains("https://"));
        let body = vec![0_u8; 300_000];
        let answer: Answer = plain
            .request(Method::PUT, &format!("{url}/f/a/b"), body)
            .await;
        assert!(answer.expect(400).text().contains("https://"));
    }
    // Neither of them holds up the others.
    let garbage = tokio::net::TcpStream::connect(plain.upload.trim_start_matches("http://"));
    let mut garbage = garbage.await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut garbage, &[0x16, 3, 1, 0xff, 0xff, 0, 1, 2])
        .await
        .unwrap();
    let answer: Answer = plain
        .request(Method::GET, &format!("{}/f", plain.upload), "")
        .await;
    let _ = answer.expect(400);
}

#[tokio::test]
async fn a_renewed_certificate_is_used_after_a_sighup_and_a_broken_one_is_not() {
    let (old, new) = (Authority::new(), Authority::new());
    let secured = Secured::start(&old).await;
    assert!(reaches(&trusting(&old), &secured.upload).await);
    let said = async |words: &str| {
        secured.server.signal(Signal::HUP);
        while !secured.server.logs().contains(words) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    new.issue(secured.dir.path(), 2099);
    said("read the certificate again").await;
    for url in [&secured.upload, &secured.invoke] {
        assert!(reaches(&trusting(&new), url).await);
        assert!(!reaches(&trusting(&old), url).await);
    }
    std::fs::write(&files(secured.dir.path())[0], "broken").unwrap();
    said("kept the certificate that was there").await;
    assert!(reaches(&trusting(&new), &secured.upload).await);
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let [cert, key] = files(dir.path());
    let refused = |builder: Builder| {
        let output = builder.command(&data).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(builder(dir.path())).contains("cert.pem"));
    Authority::new().issue(dir.path(), 2099);
    std::fs::write(&key, "nonsense").unwrap();
    assert!(refused(builder(dir.path())).contains("key.pem"));
    let other = tempfile::tempdir().unwrap();
    Authority::new().issue(other.path(), 2099);
    std::fs::copy(&files(other.path())[1], &key).unwrap();
    assert!(refused(builder(dir.path())).contains("cannot be used"));
    let alone = Server::builder().args(["--tls-cert", &cert.display().to_string()]);
    assert!(refused(alone).contains("--tls-key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_speak_https_to_whom_they_are_told_to_believe() {
    let authority = Authority::new();
    let secured = Secured::start(&authority).await;
    let ca = secured.dir.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let list = secured.verb(&["func", "ls"], Some(&ca));
    assert!(list.status.success(), "{list:?}");
    let doubted = secured.verb(&["func", "ls"], None);
    assert_eq!(doubted.status.code(), Some(3), "{doubted:?}");
    let said = String::from_utf8(doubted.stderr).unwrap();
    assert!(said.contains("certificate"), "{said}");
    for (file, code) in [("nowhere.pem", 5), ("key.pem", 2)] {
        let path = secured.dir.path().join(file);
        let output = secured.verb(&["func", "ls"], Some(&path));
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_idle_connections() {
    let authority = Authority::new();
    let mut secured = Secured::start(&authority).await;
    let http = trusting(&authority);
    assert!(reaches(&http, &secured.upload).await);
    let idle = secured
        .server
        .upload
        .trim_start_matches("http://")
        .to_owned();
    // It shakes no hands.
    let _idle = tokio::net::TcpStream::connect(idle).await.unwrap();
    secured.server.signal(Signal::TERM);
    let code = secured.server.exit_code(Duration::from_secs(30)).await;
    assert_eq!(code, Some(0));
}
