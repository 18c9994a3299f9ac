//! Both listeners of the server.

use faasm_client::{Client, Error, Listener, Readiness};

use super::Check;

pub async fn checks(client: &Client) -> [Check; 2] {
    [
        check(client, "upload server", Listener::Upload).await,
        check(client, "invoke server", Listener::Invoke).await,
    ]
}

async fn check(client: &Client, name: &'static str, listener: Listener) -> Check {
    match client.readiness(listener).await {
        Ok(Readiness::Ready) => Check::ok(name, "ready"),
        Ok(Readiness::NotReady(reason)) => Check::fail(
            name,
            format!("not ready: {reason}"),
            "wait, or read the server's log",
        ),
        Err(error @ Error::Unreachable { .. }) => Check::fail(
            name,
            error.to_string(),
            "start one with `faasm serve`, or name one with --upload-url and --invoke-url",
        ),
        Err(error) => Check::fail(name, error.to_string(), "check the address"),
    }
}
