//! Hearing that something has happened: a connection that is subscribed to channels.
//!
//! A message says nothing but that it is worth looking. So one that is lost with the
//! connection costs nothing: everybody is told to look when there is a new one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use redis::{Client, RedisError, RedisResult};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use super::error::Problem;

/// How often the connection is tried.
const CHECKS: Duration = Duration::from_secs(3);

/// Pause before the next attempt to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// The way to hear of channels.
pub(super) struct Ears {
    topics: Arc<Topics>,
}

/// What is listened to.
struct Topics {
    by_channel: Mutex<HashMap<String, Topic>>,
    orders: UnboundedSender<Order>,
}

struct Topic {
    heard: watch::Sender<()>,
    ears: usize,
}

/// What the connection has to do.
enum Order {
    Begin(String),
    End(String),
}

/// One who listens to a channel, until it is dropped.
pub(super) struct Ear {
    topics: Arc<Topics>,
    channel: String,
    heard: watch::Receiver<()>,
}

impl Ears {
    /// Makes the ears, and the task that has to run for them.
    pub(super) fn new(
        client: Client,
        timeout: Duration,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (orders, ordered) = tokio::sync::mpsc::unbounded_channel();
        let topics = Arc::new(Topics {
            by_channel: Mutex::default(),
            orders,
        });
        let task = attend(client, Arc::clone(&topics), ordered, timeout);
        (Self { topics }, task)
    }

    /// Listens to a channel from now on. That it does is heard, too.
    pub(super) fn listen(&self, channel: String) -> Ear {
        let mut topics = self.topics.lock();
        let topic = topics.entry(channel.clone()).or_insert_with(|| {
            // If nobody takes orders any more, the server is gone for good.
            let _ = self.topics.orders.send(Order::Begin(channel.clone()));
            let heard = watch::Sender::new(());
            Topic { heard, ears: 0 }
        });
        topic.ears += 1;
        let heard = topic.heard.subscribe();
        drop(topics);
        Ear {
            topics: Arc::clone(&self.topics),
            channel,
            heard,
        }
    }
}

impl Ear {
    /// Waits until something was heard since the last time.
    pub(super) async fn hear(&mut self) {
        // The sender is there as long as this.
        let _ = self.heard.changed().await;
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut topics = self.topics.lock();
        if let Some(topic) = topics.get_mut(&self.channel) {
            topic.ears -= 1;
            if topic.ears == 0 {
                topics.remove(&self.channel);
                let end = Order::End(std::mem::take(&mut self.channel));
                let _ = self.topics.orders.send(end);
            }
        }
    }
}

impl Topics {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Topic>> {
        self.by_channel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, channel: &str) {
        if let Some(topic) = self.lock().get(channel) {
            topic.heard.send_replace(());
        }
    }

    fn wake_all(&self) {
        for topic in self.lock().values() {
            topic.heard.send_replace(());
        }
    }

    fn channels(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }
}

/// Keeps a connection for ever.
async fn attend(
    client: Client,
    topics: Arc<Topics>,
    mut orders: UnboundedReceiver<Order>,
    timeout: Duration,
) {
    let mut last = None;
    loop {
        let lost = listen(&client, &topics, &mut orders, timeout).await;
        // The link tells that the server is away; a reason of its own is told once.
        let own = lost.err().map(|error| Problem::of(&error, timeout));
        let why = own.filter(|problem| !problem.is_away());
        if let Some(problem) = &why
            && last != why
        {
            tracing::warn!("Redis {problem}: what others do is seen late");
        }
        last = why;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens until the connection is lost.
async fn listen(
    client: &Client,
    topics: &Topics,
    orders: &mut UnboundedReceiver<Order>,
    timeout: Duration,
) -> RedisResult<()> {
    let connection = in_time(timeout, client.get_async_pubsub()).await?;
    let (mut sink, mut messages) = connection.split();
    // What was ordered shows in the topics.
    while orders.try_recv().is_ok() {}
    let channels = topics.channels();
    if !channels.is_empty() {
        in_time(timeout, sink.subscribe(&channels)).await?;
    }
    topics.wake_all();
    let mut checks = tokio::time::interval(CHECKS);
    loop {
        tokio::select! {
            message = messages.next() => match message {
                Some(message) => topics.wake(message.get_channel_name()),
                None => return Ok(()),
            },
            Some(order) = orders.recv() => match order {
                Order::Begin(channel) => {
                    in_time(timeout, sink.subscribe(&channel)).await?;
                    topics.wake(&channel);
                }
                Order::End(channel) if !topics.lock().contains_key(&channel) => {
                    in_time(timeout, sink.unsubscribe(&channel)).await?;
                }
                Order::End(_) => {}
            },
            _ = checks.tick() => in_time(timeout, sink.ping::<redis::Value>()).await.map(drop)?,
        }
    }
}

async fn in_time<T>(
    timeout: Duration,
    answer: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    let answer = tokio::time::timeout(timeout, answer).await;
    answer.unwrap_or_else(|_| {
        Err(RedisError::from(std::io::Error::from(
            std::io::ErrorKind::TimedOut,
        )))
    })
}
