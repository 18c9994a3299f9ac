//! What is asked of the server, and what it answers.

use std::time::Instant;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisResult, ServerErrorKind, Value};

use super::assemble::Code;
use super::clock::Clock;
use super::error::Problem;

/// A question to the server.
pub(super) enum Request {
    /// A command that changes nothing.
    Command(Cmd),
    /// Commands that change nothing.
    Pipeline(Pipeline),
    /// A script.
    Script(Call),
}

/// A script with its arguments. When it has to be done is added as it is sent.
pub(super) struct Call {
    code: &'static Code,
    tag: String,
    args: Vec<Bytes>,
    changes: bool,
    bytes: u64,
}

impl Call {
    /// A script on the keys that begin with `tag`.
    pub(super) fn new(code: &'static Code, tag: String) -> Self {
        Self {
            code,
            tag,
            args: Vec::new(),
            changes: true,
            bytes: 0,
        }
    }

    /// It changes nothing, or may be done twice.
    pub(super) fn repeatable(mut self) -> Self {
        self.changes = false;
        self
    }

    /// Its answer has about so many bytes.
    pub(super) fn expecting(mut self, bytes: u64) -> Self {
        self.bytes += bytes;
        self
    }

    pub(super) fn bytes(mut self, arg: Bytes) -> Self {
        self.bytes += arg.len() as u64;
        self.args.push(arg);
        self
    }

    pub(super) fn arg(self, arg: impl ToString) -> Self {
        self.bytes(arg.to_string().into())
    }

    fn command(&self, deadline: u64) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(self.code.get_hash()).arg(1).arg(&self.tag);
        command.arg(deadline);
        for arg in &self.args {
            command.arg(arg.as_ref());
        }
        command
    }
}

impl Request {
    /// Whether it may be asked again when nobody knows whether it was done.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Command(_) | Self::Pipeline(_) => true,
            Self::Script(call) => !call.changes,
        }
    }

    /// About how many bytes go to the server or come from there.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Command(_) | Self::Pipeline(_) => 0,
            Self::Script(call) => call.bytes,
        }
    }

    /// Asks, in the name of somebody who gives up at `give_up`.
    pub(super) async fn send(
        &self,
        connection: &mut MultiplexedConnection,
        clock: &Clock,
        give_up: Instant,
    ) -> RedisResult<Value> {
        match self {
            Self::Command(command) => command.query_async(connection).await,
            Self::Pipeline(pipeline) => pipeline.query_async(connection).await,
            Self::Script(call) => {
                let command = call.command(clock.micros_at(give_up));
                match command.query_async(connection).await {
                    // It was not done.
                    Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                        call.code.load_async(connection).await?;
                        command.query_async(connection).await
                    }
                    answered => answered,
                }
            }
        }
    }
}

/// What a script answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It did what it was asked.
    Done(Vec<Bytes>),
    /// It did nothing, for this reason, with what belongs to it.
    Refused(String, String),
}

impl Answer {
    pub(super) fn read(value: Value) -> Result<Self, Problem> {
        let mut fields = strings(value)?.into_iter();
        let word = fields.next().ok_or_else(|| unexpected(&"nothing"))?;
        if word == "ok" {
            return Ok(Self::Done(fields.collect()));
        }
        let mut rest = fields.map(|field| text(&field));
        let (first, second) = (rest.next().unwrap_or_default(), rest.next());
        let detail = second.map_or(first.clone(), |second| format!("{first} {second}"));
        Ok(Self::Refused(text(&word), detail))
    }
}

/// The strings of an array.
pub(super) fn strings(value: Value) -> Result<Vec<Bytes>, Problem> {
    let Value::Array(values) = value else {
        return Err(unexpected(&value));
    };
    values.into_iter().map(string).collect()
}

/// A string; an empty one if there is none.
pub(super) fn string(value: Value) -> Result<Bytes, Problem> {
    match value {
        Value::BulkString(bytes) => Ok(bytes.into()),
        Value::SimpleString(text) => Ok(text.into()),
        Value::Int(number) => Ok(number.to_string().into()),
        Value::Nil => Ok(Bytes::new()),
        other => Err(unexpected(&other)),
    }
}

/// A number that faasm wrote as text.
pub(super) fn number(what: &str, bytes: &[u8]) -> Result<u64, Problem> {
    let number = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse().ok());
    number.ok_or_else(|| Problem::Damaged(format!("{what} is {:?}", text(bytes))))
}

/// At most a line of what was found, for messages.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

fn unexpected(what: &impl std::fmt::Debug) -> Problem {
    let mut what = format!("an unexpected answer, {what:?}");
    what.truncate(what.floor_char_boundary(200));
    Problem::Damaged(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_any_form_are_read_or_refused() {
        let array = |words: &[&str]| {
            let string = |word: &&str| Value::BulkString(word.as_bytes().to_vec());
            Value::Array(words.iter().map(string).collect())
        };
        let done = Answer::read(array(&["ok", "1"])).unwrap();
        assert_eq!(done, Answer::Done(vec!["1".into()]));
        let refused = Answer::read(array(&["quota", "keys", "4"])).unwrap();
        assert_eq!(refused, Answer::Refused("quota".into(), "keys 4".into()));
        for hostile in [
            array(&[]),
            Value::Nil,
            Value::Int(1),
            Value::Array(vec![array(&[])]),
        ] {
            assert!(matches!(Answer::read(hostile), Err(Problem::Damaged(_))));
        }
        assert!(number("a size", b"-1").is_err() && number("a size", b"").is_err());
    }
}
