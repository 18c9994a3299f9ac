//! Getting a connection, and making sure that it is to the right server.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind};
use tokio::sync::Notify;

use super::address::has_tls;
use super::clock::Clock;
use super::error::{Error, Problem};
use super::keys::Prefix;
use super::request::{Answer, Call, Request, number, text};
use super::scripts;

/// How everything is named and laid out. Raised when workers of the former version could
/// misread it.
pub(super) const LAYOUT: u64 = 1;

/// The oldest version with all the commands.
const OLDEST: (u32, u32) = (6, 2);

/// A server, and what is expected of it.
pub(super) struct Target {
    pub client: Client,
    pub prefix: Prefix,
    /// Its address for messages.
    pub server: String,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// The cluster that this process belongs to, once that is known.
    pub cluster: OnceLock<String>,
    /// Told when a connection may be of no use any more.
    pub doubt: Arc<Notify>,
}

/// A connection that works.
#[derive(Clone)]
pub(super) struct Connected {
    pub connection: MultiplexedConnection,
    pub clock: Clock,
}

impl Target {
    /// Connects. Must run where the connection is to be served.
    pub(super) async fn connect(&self) -> Result<Connected, Error> {
        let doubt = Arc::clone(&self.doubt);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    doubt.notify_one();
                }
                Ok::<(), SendError>(())
            });
        let connect = async {
            let connect = self
                .client
                .get_multiplexed_async_connection_with_config(&config);
            let mut connection = connect.await.map_err(|error| self.problem(&error))?;
            self.check_version(&mut connection).await?;
            let clock = self.join(&mut connection).await?;
            Ok(Connected { connection, clock })
        };
        let connected = tokio::time::timeout(self.timeout, connect).await;
        match connected.unwrap_or_else(|_| Err(self.silent())) {
            // A server without TLS waits for the end of what it takes for a line.
            Err(error) if has_tls(&self.client) && error == self.silent() => {
                let why = format!("no answer within {:?}", self.timeout);
                Err(Problem::NoTls(why).at(&self.server))
            }
            connected => connected,
        }
    }

    /// Checks that the server still is what it was, and looks at its clock.
    pub(super) async fn check(&self, connected: &Connected) -> Result<Connected, Error> {
        let mut connection = connected.connection.clone();
        let join = tokio::time::timeout(self.timeout, self.join(&mut connection)).await;
        let clock = join.unwrap_or_else(|_| Err(self.silent()))?;
        Ok(Connected { connection, clock })
    }

    async fn check_version(&self, connection: &mut MultiplexedConnection) -> Result<(), Error> {
        let info = redis::cmd("INFO")
            .arg("server")
            .query_async(connection)
            .await;
        let info: String = match info {
            Ok(info) => info,
            Err(error) => match self.problem(&error) {
                // Whoever may not ask is believed to know.
                Error::Server {
                    problem: Problem::Forbidden(_),
                    ..
                } => return Ok(()),
                error => return Err(error),
            },
        };
        let version = field(&info, "redis_version").unwrap_or_default();
        match is_new_enough(version) {
            true if field(&info, "redis_mode") == Some("cluster") => {
                Err(Problem::Clustered.at(&self.server))
            }
            true => Ok(()),
            false => Err(Problem::TooOld(version.to_owned()).at(&self.server)),
        }
    }

    async fn join(&self, connection: &mut MultiplexedConnection) -> Result<Clock, Error> {
        // Its name, if it is a new cluster.
        let id = random_id();
        let call = Call::new(&scripts::JOIN, self.prefix.cluster());
        let call = call.arg(LAYOUT).arg(id).arg("").arg(0).arg(0);
        // Its clock is not known yet.
        let never = Clock::new(u64::MAX, Instant::now());
        let answer = Request::Script(call)
            .send(connection, &never, Instant::now())
            .await;
        let at = Instant::now();
        let answer = answer.map_err(|error| self.problem(&error))?;
        let answer = Answer::read(answer).map_err(|problem| problem.at(&self.server))?;
        let fail = |problem: Problem| problem.at(&self.server);
        let Answer::Done(fields) = answer else {
            return Err(fail(Problem::Failed(format!("{answer:?}"))));
        };
        let [layout, cluster, micros] = fields.as_slice() else {
            return Err(fail(Problem::Damaged("the record of the cluster".into())));
        };
        if layout.as_ref() != LAYOUT.to_string().as_bytes() {
            return Err(fail(Problem::Layout {
                found: text(layout),
                known: LAYOUT,
            }));
        }
        let found = text(cluster);
        let own = self.cluster.get_or_init(|| found.clone());
        if *own != found {
            let own = own.clone();
            return Err(fail(Problem::OtherCluster { found, own }));
        }
        let micros = number("the time", micros).map_err(fail)?;
        Ok(Clock::new(micros, at))
    }

    pub(super) fn problem(&self, error: &redis::RedisError) -> Error {
        Problem::of(error, self.timeout).at(&self.server)
    }

    pub(super) fn silent(&self) -> Error {
        Problem::Silent(self.timeout).at(&self.server)
    }
}

/// A line of what `INFO` says.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    info.lines().find_map(value).map(str::trim)
}

/// Whether a server of this version has all the commands.
pub(super) fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST,
        _ => false,
    }
}

/// A name that nothing else has.
pub(super) fn random_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    // Seeded by the system, differently each time.
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_from_6_2_on_are_new_enough() {
        for (version, good) in [
            ("6.2.0", true),
            ("7.0.15", true),
            ("10.0", true),
            ("6.1.9", false),
            ("5.9", false),
            ("", false),
            ("unknown", false),
        ] {
            assert_eq!(is_new_enough(version), good, "{version}");
        }
    }

    #[test]
    fn fields_are_found_in_what_info_says() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n";
        assert_eq!(field(info, "redis_mode"), Some("standalone"));
        assert_eq!(field(info, "redis"), None);
    }
}
