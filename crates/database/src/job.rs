//! Writes on their way to the thread that makes them.

use tokio::sync::oneshot;

use crate::{Error, Fault, Schema};

/// A write that somebody waits for.
pub(crate) trait Job<S: Schema>: Send {
    /// Makes the change; an error means that the transaction is lost.
    fn apply(&mut self, tables: &mut S::Tables<'_>) -> Result<(), redb::Error>;
    /// Tells the one who waits how the transaction ended.
    fn settle(self: Box<Self>, committed: Result<(), Error>);
}

/// A change to the tables, and the way back to whoever asked for it.
pub(crate) struct Change<F, T, E> {
    change: F,
    answer: Option<Result<T, E>>,
    waiting: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Change<F, T, E> {
    pub(crate) fn new(change: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (waiting, answer) = oneshot::channel();
        let change = Self {
            change,
            answer: None,
            waiting,
        };
        (change, answer)
    }
}

impl<S, F, T, E> Job<S> for Change<F, T, E>
where
    S: Schema,
    F: FnMut(&mut S::Tables<'_>) -> Result<T, Fault<E>> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn apply(&mut self, tables: &mut S::Tables<'_>) -> Result<(), redb::Error> {
        self.answer = Some(match (self.change)(tables) {
            Ok(answer) => Ok(answer),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Database(error)) => return Err(error),
        });
        Ok(())
    }

    fn settle(self: Box<Self>, committed: Result<(), Error>) {
        let answer = match committed {
            Ok(()) => self.answer.unwrap_or_else(|| Err(Error::Closed.into())),
            Err(error) => Err(error.into()),
        };
        // Nobody waits any more when the future was dropped.
        let _ = self.waiting.send(answer);
    }
}
