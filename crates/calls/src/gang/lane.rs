//! The way from one part of a world to another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use tokio::runtime::Handle;

use crate::cluster::Line;

/// Sends messages of a world to another part without ever waiting, in their order.
pub(super) struct Lane {
    line: Arc<dyn Line>,
    state: Mutex<State>,
    /// Called once, in a task, when a message may have been lost.
    on_loss: Box<dyn Fn() + Send + Sync>,
    runtime: Handle,
}

#[derive(Default)]
struct State {
    /// What waits to be sent. The world bounds what it has on the way.
    waiting: VecDeque<Bytes>,
    /// Whether a task sends what waits.
    is_pumped: bool,
    /// Whether something was sent, so that there is a connection.
    is_connected: bool,
    is_closed: bool,
}

impl Lane {
    /// Must be called within a tokio runtime.
    pub(super) fn new(line: Arc<dyn Line>, on_loss: Box<dyn Fn() + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            line,
            state: Mutex::default(),
            on_loss,
            runtime: Handle::current(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message, at once if nothing is before it and there is room on the way.
    pub(super) fn send(self: &Arc<Self>, message: Bytes) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        if state.is_connected && !state.is_pumped {
            // Without a task in between. One that must wait has done nothing yet.
            match self.line.send(message.clone()).now_or_never() {
                Some(Ok(())) => return,
                Some(Err(why)) => return self.lose(state, &why),
                None => {}
            }
        }
        state.waiting.push_back(message);
        if !state.is_pumped {
            state.is_pumped = true;
            self.runtime.spawn(Arc::clone(self).pump());
        }
    }

    /// Sends what waits until there is nothing more.
    async fn pump(self: Arc<Self>) {
        loop {
            let Some(message) = self.next() else { return };
            let sent = self.line.send(message).await;
            let mut state = self.state();
            match sent {
                Ok(()) => state.is_connected = true,
                Err(why) => return self.lose(state, &why),
            }
        }
    }

    fn next(&self) -> Option<Bytes> {
        let mut state = self.state();
        let next = state.waiting.pop_front();
        state.is_pumped = next.is_some();
        next
    }

    /// What comes after a loss is not sent: the other side would not know of the gap.
    fn lose(self: &Arc<Self>, mut state: MutexGuard<'_, State>, why: &str) {
        if !std::mem::replace(&mut state.is_closed, true) {
            tracing::debug!(why, "a part of a world cannot be reached");
            state.waiting.clear();
            // Whoever sends may hold what the world needs to be ended.
            let this = Arc::clone(self);
            self.runtime.spawn(async move { (this.on_loss)() });
        }
    }

    /// Sends nothing more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::time::Duration;

    use futures::future::BoxFuture;
    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    /// A line with so much room.
    struct Narrow {
        room: Semaphore,
        sent: mpsc::UnboundedSender<Bytes>,
    }

    impl Line for Narrow {
        fn send(&self, message: Bytes) -> BoxFuture<'_, Result<(), String>> {
            let send = async move {
                let room = self.room.acquire().await;
                room.map_err(|_| "it broke".to_owned())?.forget();
                self.sent
                    .send(message)
                    .map_err(|_| "nobody listens".to_owned())
            };
            send.boxed()
        }
    }

    fn narrow(room: usize) -> (Arc<Narrow>, mpsc::UnboundedReceiver<Bytes>) {
        let (sent, received) = mpsc::unbounded_channel();
        let room = Semaphore::new(room);
        (Arc::new(Narrow { room, sent }), received)
    }

    fn number(index: u32) -> Bytes {
        index.to_le_bytes().to_vec().into()
    }

    #[tokio::test]
    async fn messages_keep_their_order_whether_they_waited_or_not() {
        let (line, mut received) = narrow(3);
        let lane = Lane::new(Arc::clone(&line) as Arc<dyn Line>, Box::new(|| ()));
        for index in 0..1000 {
            lane.send(number(index));
            if index % 7 == 0 {
                line.room.add_permits(3);
                tokio::task::yield_now().await;
            }
        }
        line.room.add_permits(1000);
        for index in 0..1000 {
            assert_eq!(received.recv().await, Some(number(index)));
        }
    }

    #[tokio::test]
    async fn who_is_connected_and_has_room_needs_no_other_task() {
        let (line, mut received) = narrow(10);
        let lane = Lane::new(line, Box::new(|| ()));
        lane.send(number(0));
        assert_eq!(received.recv().await, Some(number(0)));
        tokio::task::yield_now().await;
        lane.send(number(1));
        assert_eq!(received.try_recv(), Ok(number(1)));
    }

    #[tokio::test]
    async fn a_loss_is_told_once_and_nothing_is_sent_after_it() {
        let (line, mut received) = narrow(1);
        let lost = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&lost);
        let on_loss = move || assert!(!noted.swap(true, SeqCst), "told twice");
        let lane = Lane::new(Arc::clone(&line) as Arc<dyn Line>, Box::new(on_loss));
        for index in 0..3 {
            lane.send(number(index));
        }
        assert_eq!(received.recv().await, Some(number(0)));
        line.room.close();
        while !lost.load(SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        lane.send(number(3));
        lane.close();
        assert!(received.try_recv().is_err());
    }
}
