//! The connection to the server, on a thread of its own: guests that compute cannot delay
//! it, and a server that does not answer delays nobody else.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

use super::address::{client, redacted, talkative};
use super::clock::Clock;
use super::connect::{Connected, Target};
use super::error::{Closed, Error, Problem};
use super::keys::Prefix;
use super::options::RedisOptions;
use super::request::{Answer, Call, Request, string};

/// KiB of questions and answers that may be under way together.
const IN_FLIGHT_KIB: u32 = 64 << 10;

/// How often the server is looked at.
const CHECKS: Duration = Duration::from_secs(3);

/// First and longest pause between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a complaint is not repeated.
const HUSH: Duration = Duration::from_secs(60);

/// The way to the server.
pub(super) struct Link {
    shared: Arc<Shared>,
    keeper: AbortHandle,
    /// What the log was told last that the server does not do, and when.
    complaint: Mutex<Option<(Error, Instant)>>,
    runtime: Option<Runtime>,
}

struct Shared {
    target: Target,
    status: watch::Sender<Status>,
    in_flight: Semaphore,
    /// Whether the log is told that the server is away.
    tells: bool,
}

#[derive(Clone)]
enum Status {
    Up(Connected),
    /// Why, and since when.
    Down(Error, Instant),
}

impl Link {
    /// Connects to the server.
    pub(super) async fn open(options: &RedisOptions) -> Result<Self, Error> {
        let target = Target {
            client: talkative(&client(&options.url)?)?,
            prefix: Prefix::new(&options.prefix)?,
            server: redacted(&options.url),
            timeout: options.timeout,
            cluster: options
                .cluster
                .clone()
                .map(OnceLock::from)
                .unwrap_or_default(),
            doubt: Arc::default(),
        };
        // Another part of the process may have chosen one before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("faasm-redis")
            .enable_all()
            .build()
            .map_err(|error| Error::Thread(error.to_string()))?;
        let unknown = Problem::Unreachable("not connected yet".into()).at(&target.server);
        let shared = Arc::new(Shared {
            target,
            status: watch::Sender::new(Status::Down(unknown, Instant::now())),
            in_flight: Semaphore::new(IN_FLIGHT_KIB as usize),
            tells: options.tells,
        });
        let keeping = Arc::clone(&shared);
        let (said, first) = tokio::sync::oneshot::channel();
        let keeper = runtime.spawn(async move {
            match keeping.target.connect().await {
                Ok(connected) => {
                    let _ = said.send(Ok(()));
                    keeping.keep(connected).await;
                }
                Err(error) => drop(said.send(Err(error))),
            }
        });
        let link = Self {
            shared,
            keeper: keeper.abort_handle(),
            complaint: Mutex::default(),
            runtime: Some(runtime),
        };
        first.await.unwrap_or(Err(Closed.into()))?;
        Ok(link)
    }

    pub(super) fn prefix(&self) -> &Prefix {
        &self.shared.target.prefix
    }

    /// The cluster that the server holds.
    pub(super) fn cluster(&self) -> &str {
        self.shared.target.cluster.get().map_or("", String::as_str)
    }

    /// How the server is reached.
    pub(super) fn client(&self) -> &redis::Client {
        &self.shared.target.client
    }

    /// Puts the server's address to what is wrong with it.
    pub(super) fn blame(&self, problem: Problem) -> Error {
        problem.at(&self.shared.target.server)
    }

    /// Tells the log of what failed and is tried again, the same not all the time. That the server
    /// is away is told once for all.
    pub(super) fn complain(&self, error: &Error, consequence: &str) {
        let mut last = self
            .complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_said = matches!(&*last, Some((said, at)) if said == error && at.elapsed() < HUSH);
        if error.is_away() || is_said {
            tracing::debug!(%error, "{consequence}");
        } else {
            tracing::warn!(%error, "{consequence}");
            *last = Some((error.clone(), Instant::now()));
        }
    }

    /// Runs `task` beside the connection, until the link is dropped.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(task);
        }
    }

    /// Does a script.
    pub(super) async fn script(&self, call: Call) -> Result<Answer, Error> {
        let request = Request::Script(call);
        let mut late = false;
        loop {
            let answer = self.ask(&request, 0).await?;
            match Answer::read(answer).map_err(|problem| self.blame(problem))? {
                // Nothing was done: the server's clock is ahead of what is known of it.
                Answer::Refused(word, _) if word == "late" => {
                    if late {
                        return Err(self.blame(Problem::Clock));
                    }
                    late = true;
                    self.shared.look_again().await;
                }
                answer => return Ok(answer),
            }
        }
    }

    /// Asks something whose answer has about `bytes` bytes.
    pub(super) async fn ask(&self, request: &Request, bytes: u64) -> Result<Value, Error> {
        let kib = ((bytes + request.bytes()) >> 10) + 1;
        let kib = u32::try_from(kib).map_or(IN_FLIGHT_KIB, |kib| kib.min(IN_FLIGHT_KIB));
        let give_up = Instant::now() + self.shared.target.timeout;
        let asked = async {
            let permit = self.shared.in_flight.acquire_many(kib).await;
            let _permit = permit.map_err(|_| Closed)?;
            self.shared.ask(request, give_up).await
        };
        match tokio::time::timeout_at(give_up.into(), asked).await {
            Ok(answer) => answer,
            Err(_) => {
                self.shared.target.doubt.notify_one();
                Err(self.shared.why())
            }
        }
    }

    /// The server's clock, unless it is away.
    pub(super) fn clock(&self) -> Option<Clock> {
        match &*self.shared.status.borrow() {
            Status::Up(connected) => Some(connected.clock),
            Status::Down(..) => None,
        }
    }

    /// Waits for what was asked before, and asks nothing any more.
    pub(super) async fn close(&self) {
        let all = self.shared.in_flight.acquire_many(IN_FLIGHT_KIB).await;
        self.shared.in_flight.close();
        drop(all);
        self.keeper.abort();
        let closed = Status::Down(Closed.into(), Instant::now());
        self.shared.status.send_replace(closed);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    async fn ask(&self, request: &Request, give_up: Instant) -> Result<Value, Error> {
        loop {
            let mut connected = self.connected().await?;
            let clock = connected.clock;
            let sent = request
                .send(&mut connected.connection, &clock, give_up)
                .await;
            // In a pipeline, a refused command is an answer like others.
            let error = match sent.and_then(Value::extract_error) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let problem = Problem::of(&error, self.target.timeout);
            let lost = problem.is_of_connection();
            if lost {
                self.target.doubt.notify_one();
            }
            if !lost || !request.is_repeatable() {
                return Err(problem.at(&self.target.server));
            }
            // The keeper sees to a new connection meanwhile.
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }

    /// The connection; if there is none, waits until it has been away for as long as an
    /// operation may take. Who comes later is told at once.
    async fn connected(&self) -> Result<Connected, Error> {
        let mut status = self.status.subscribe();
        loop {
            let until = match &*status.borrow_and_update() {
                Status::Up(connected) => return Ok(connected.clone()),
                Status::Down(error, since) if since.elapsed() >= self.target.timeout => {
                    return Err(error.clone());
                }
                Status::Down(_, since) => *since + self.target.timeout,
            };
            // Either is a reason to look again.
            let _ = tokio::time::timeout_at(until.into(), status.changed()).await;
        }
    }

    /// Why there was no answer in time.
    fn why(&self) -> Error {
        match &*self.status.borrow() {
            Status::Up(_) => self.target.silent(),
            Status::Down(error, _) => error.clone(),
        }
    }

    /// Has the keeper look at the server's clock, and waits until it has.
    async fn look_again(&self) {
        let mut status = self.status.subscribe();
        status.mark_unchanged();
        self.target.doubt.notify_one();
        let _ = tokio::time::timeout(self.target.timeout, status.changed()).await;
    }

    /// Keeps a connection for ever.
    async fn keep(&self, first: Connected) {
        let mut connected = Ok(first);
        let (mut pause, mut since) = (FIRST_PAUSE, Instant::now());
        loop {
            match connected {
                Ok(good) => {
                    let lost = self.watch(good).await;
                    (pause, since) = (FIRST_PAUSE, Instant::now());
                    if self.tells {
                        tracing::warn!(error = %lost, "the connection to Redis is lost");
                    }
                    self.status.send_replace(Status::Down(lost, since));
                }
                Err(error) => {
                    self.status.send_replace(Status::Down(error, since));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            connected = self.target.connect().await;
            if connected.is_ok() && self.tells {
                tracing::info!(server = %self.target.server, "connected to Redis again");
            }
        }
    }

    /// Lets others use a connection until it is of no use any more, and says why.
    async fn watch(&self, mut connected: Connected) -> Error {
        loop {
            self.status.send_replace(Status::Up(connected.clone()));
            // The first of these two.
            let _ = tokio::time::timeout(CHECKS, self.target.doubt.notified()).await;
            connected = match self.target.check(&connected).await {
                Ok(connected) => connected,
                Err(error) => return error,
            };
        }
    }
}

/// The first string of what a script has done.
pub(super) fn only(fields: &[bytes::Bytes]) -> &[u8] {
    fields.first().map_or(&[], |field| field.as_ref())
}

/// The strings of each answer of a pipeline.
pub(super) fn arrays(value: Value) -> Result<Vec<Vec<bytes::Bytes>>, Problem> {
    let Value::Array(values) = value else {
        return Err(Problem::Damaged("an answer that is no list".into()));
    };
    let array = |value| match value {
        Value::Array(values) => values.into_iter().map(string).collect(),
        Value::Nil => Ok(Vec::new()),
        other => Err(Problem::Damaged(format!(
            "an answer that is no list: {other:?}"
        ))),
    };
    values.into_iter().map(array).collect()
}
