//! Making calls and following them.

use std::time::{Duration, Instant};

use faasm_model::{CallId, Invocation, Name, Target};
use futures::Stream;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;

use crate::call::WireCall;
use crate::pages::List;
use crate::{
    CallResult, CallState, CallSummary, CallTree, Client, Error, IdempotencyKey, Listener, graph,
};

/// How long one question of [`Client::wait`] is held by the server.
const HELD: Duration = Duration::from_secs(25);
/// The pause before asking again, should a server answer sooner than it was asked to.
const PAUSE: Duration = Duration::from_millis(200);
/// The most that is asked for at once; the query string carries the command line.
const MAX_COMMAND_LINE: usize = 32 << 10;

/// Which calls to list.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    /// Only this user's.
    pub user: Option<Name>,
    /// Only those older than this one.
    pub before: Option<CallId>,
}

/// What a cancellation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// A call under way, which is ended now.
    Cancelled,
    /// A call that had ended by itself.
    AlreadyFinished,
}

#[derive(Deserialize)]
struct Accepted {
    id: CallId,
}

impl Client {
    /// Runs a function and waits for its end. A call that fails is a result as well:
    /// see [`CallResult::reason`]. Dropping the future cancels the call.
    pub async fn invoke(&self, call: &Invocation) -> Result<CallResult, Error> {
        let endpoint = self.invoke_listener();
        let response = endpoint.send(self.invocation(call)?, self.long()).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = endpoint.read(response).await?;
        // A failed call comes with the status of an error, and is told from a refusal by
        // being a call.
        match serde_json::from_slice::<WireCall>(&body) {
            Ok(call) => match self.state(call)? {
                CallState::Ended(result) => Ok(*result),
                CallState::Running(id) => Err(Error::protocol(
                    endpoint.address(),
                    format!("it answered for call {id} before its end"),
                )),
            },
            Err(odd) if status.is_success() => Err(Error::protocol(
                endpoint.address(),
                format!("unexpected JSON: {odd}"),
            )),
            Err(_) => Err(endpoint.refusal(status, &headers, &body)),
        }
    }

    /// Has a function run and returns once the call is on the server's disk. The same
    /// `key` with the same call gives the same id again.
    pub async fn invoke_async(
        &self,
        call: &Invocation,
        key: Option<&IdempotencyKey>,
    ) -> Result<CallId, Error> {
        let mut request = self.invocation(call)?.query(&[("async", "true")]);
        if let Some(key) = key {
            request = request.header("idempotency-key", key.header());
        }
        let accepted: Accepted = self.invoke_listener().json(request, self.long()).await?;
        Ok(accepted.id)
    }

    /// How a call stands. With `wait`, the server holds the answer until the call ends or
    /// that time is over, or for as long as it is willing to.
    pub async fn status(&self, id: CallId, wait: Option<Duration>) -> Result<CallState, Error> {
        let mut request = self.call(Method::GET, id, &[]);
        if let Some(wait) = wait {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            request = request.query(&[("wait_ms", wait_ms)]);
        }
        let limit = self.held(wait.unwrap_or_default());
        let call: WireCall = self.invoke_listener().json(request, limit).await?;
        self.state(call)
    }

    /// Waits for the end of a call.
    pub async fn wait(&self, id: CallId) -> Result<CallResult, Error> {
        loop {
            let asked = Instant::now();
            if let CallState::Ended(call) = self.status(id, Some(HELD)).await? {
                return Ok(*call);
            }
            if asked.elapsed() < PAUSE {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// The calls that the server knows, newest first, fetched as the stream is read.
    pub fn list_calls(
        &self,
        filter: CallFilter,
    ) -> impl Stream<Item = Result<CallSummary, Error>> + Send + use<> {
        let user = filter.user.map(|user| ("user", user.to_string()));
        self.list(List {
            listener: Listener::Invoke,
            path: vec!["calls".to_owned()],
            query: user.into_iter().collect(),
            cursor: ("before", filter.before),
        })
    }

    /// Ends a call, and the calls it made.
    pub async fn cancel(&self, id: CallId) -> Result<Cancelled, Error> {
        let endpoint = self.invoke_listener();
        let response = endpoint
            .send_ok(self.call(Method::DELETE, id, &[]), self.short())
            .await?;
        let body = endpoint.read(response).await?;
        match String::from_utf8_lossy(&body).trim() {
            "cancelled" => Ok(Cancelled::Cancelled),
            "already finished" => Ok(Cancelled::AlreadyFinished),
            _ => Err(Error::protocol(
                endpoint.address(),
                "an odd answer to a cancellation",
            )),
        }
    }

    /// The tree of calls that a call made.
    pub async fn exec_graph(&self, id: CallId) -> Result<CallTree, Error> {
        let endpoint = self.invoke_listener();
        let response = endpoint
            .send_ok(self.call(Method::GET, id, &["graph"]), self.short())
            .await?;
        let body = endpoint.read(response).await?;
        graph::parse(&body).map_err(|what| Error::protocol(endpoint.address(), what))
    }

    /// Makes the server behind `listener` drop what it caches.
    pub async fn flush(&self, listener: Listener) -> Result<(), Error> {
        let endpoint = self.endpoint(listener);
        let response = endpoint
            .send_ok(endpoint.request(Method::POST, &["flush"]), self.long())
            .await?;
        endpoint.read(response).await.map(drop)
    }

    fn invocation(&self, call: &Invocation) -> Result<RequestBuilder, Error> {
        let (user, function) = (call.function.user.as_str(), call.function.function.as_str());
        let mut request = self
            .invoke_listener()
            .request(Method::POST, &["invoke", user, function])
            .body(call.input.clone());
        request = match &call.target {
            Target::Wasm => request,
            Target::Python { entry: None } => request.query(&[("python", "true")]),
            Target::Python { entry: Some(entry) } => {
                request.query(&[("python", "true"), ("entry", entry.as_str())])
            }
            Target::Mpi { size } => request.query(&[("mpi", size.get())]),
        };
        if !call.args.is_empty() {
            request = request.query(&[("cmdline", command_line(&call.args)?)]);
        }
        Ok(request)
    }

    fn call(&self, method: Method, id: CallId, below: &[&str]) -> RequestBuilder {
        let id = id.to_string();
        let mut segments = vec!["calls", &id];
        segments.extend_from_slice(below);
        self.invoke_listener().request(method, &segments)
    }

    fn state(&self, call: WireCall) -> Result<CallState, Error> {
        let address = self.invoke_listener().address();
        call.into_state()
            .map_err(|odd| Error::protocol(address, odd.to_string()))
    }
}

/// Quotes `args` so that the server's shell rules split them again.
fn command_line(args: &[String]) -> Result<String, Error> {
    let line = shlex::try_join(args.iter().map(String::as_str))
        .map_err(|_| Error::Invalid("an argument contains a NUL character".into()))?;
    if line.len() > MAX_COMMAND_LINE {
        return Err(Error::Invalid(format!(
            "the arguments have {} bytes, more than {MAX_COMMAND_LINE}: send them as input",
            line.len()
        )));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive_quoting() {
        let args: Vec<String> = ["a b", "", "it's", "\"$x\"", "ä\n"].map(Into::into).into();
        let line = command_line(&args).unwrap();
        assert_eq!(shlex::split(&line).unwrap(), args);
    }

    #[test]
    fn arguments_that_cannot_be_sent_are_refused_here() {
        assert!(command_line(&["a\0b".into()]).is_err());
        assert!(command_line(&["x".repeat(MAX_COMMAND_LINE + 1)]).is_err());
    }
}
