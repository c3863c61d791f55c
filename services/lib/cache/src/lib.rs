//! Redis: what makes the registry quick, and nothing it needs to be right.
//!
//! Everything in here may be lost at any moment. A caller never learns that Redis failed: it asked for a nudge, and the
//! poll it also runs gives the same answer a little later. Nothing here stores a verdict, a secret or tenant data.
//!
//! One format: a wake-up is an empty message on the pub/sub channel `{prefix}:wake:{topic}`.

mod commands;
mod state;
mod wakes;

use commands::Commands;
use redis::Client;
use state::State;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use state::Counters;

/// Longest that opening a connection may take, name resolution and handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest that Redis may take to answer a command.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(250);
/// Wake-ups waiting to be sent. They are merged by topic, so only a burst of distinct topics can fill it.
const WAKE_QUEUE: usize = 1024;

/// Whether Redis answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheHealth {
    /// It answered a ping in time.
    Up,
    /// It is configured and did not answer; everything still works, only later.
    Down,
    /// This installation runs without Redis.
    Off,
}

/// An address that is not one of a Redis server.
#[derive(Debug, thiserror::Error)]
#[error("not a Redis address; write it like redis://user:password@host:6379/0")]
pub struct InvalidUrl;

/// A handle to Redis; clones share one connection.
#[derive(Clone)]
pub struct Cache {
    state: Arc<State>,
    channels: Arc<str>,
    link: Option<Link>,
}

#[derive(Clone)]
struct Link {
    client: Client,
    commands: Commands,
    outgoing: mpsc::Sender<String>,
}

impl Cache {
    /// Refuses an address that could never work, so that a typing error stops the start instead of looking like an
    /// outage for ever. The address is not echoed: it may hold a password.
    pub fn check_url(url: &str) -> Result<(), InvalidUrl> {
        Client::open(url).map(drop).map_err(|_| InvalidUrl)
    }

    /// Prepares the connection, which is made at first use and again whenever it breaks; call it inside a tokio runtime.
    /// Without an address the cache is off. An address that fails [`Cache::check_url`] is logged and counts as down.
    #[must_use]
    pub fn open(url: Option<&str>, prefix: &str) -> Self {
        let state = Arc::new(State::new(url.is_some()));
        let channels: Arc<str> = format!("{prefix}:wake:").into();
        let link = url.and_then(|url| match Link::open(url, &state) {
            Ok(link) => Some(link),
            Err(error) => {
                state.failed(&error);
                None
            }
        });
        Self { state, channels, link }
    }

    /// Tells every listener of `topic`, in all processes, to look again. Returns at once and may be lost.
    pub fn wake(&self, topic: &str) {
        let Some(link) = &self.link else { return };
        if link.outgoing.try_send(format!("{}{topic}", self.channels)).is_err() {
            // The queue is only full when Redis has been away for a while, which is already in the log.
            self.state.count_lost_wake();
        }
    }

    /// Yields when it is worth looking again: after each wake-up of `topic`, and after every (re)connection, since
    /// messages may have been lost before it. Wake-ups not yet taken are merged into one. Never ends, and stays silent
    /// when the cache is off, so that it can stand beside a poll in a `select!`. Dropping the receiver ends the listener.
    #[must_use]
    pub fn wakes(&self, topic: &str) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel(1);
        match &self.link {
            Some(link) => {
                let channel = format!("{}{topic}", self.channels);
                tokio::spawn(wakes::listen(link.client.clone(), channel, Arc::clone(&self.state), sender));
            }
            None => {
                tokio::spawn(async move { sender.closed().await });
            }
        }
        receiver
    }

    /// Asks Redis now; answers within a second.
    pub async fn health(&self) -> CacheHealth {
        let Some(link) = &self.link else {
            return if self.state.configured() { CacheHealth::Down } else { CacheHealth::Off };
        };
        match link.commands.run::<String>(&redis::cmd("PING")).await {
            Ok(_) => {
                self.state.succeeded();
                CacheHealth::Up
            }
            Err(error) => {
                self.state.failed(&error);
                CacheHealth::Down
            }
        }
    }

    /// What was seen so far, for metrics; asks nothing.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.state.counters()
    }
}

impl Link {
    fn open(url: &str, state: &Arc<State>) -> redis::RedisResult<Self> {
        let client = Client::open(url)?;
        let commands = Commands::new(client.clone());
        let (outgoing, queue) = mpsc::channel(WAKE_QUEUE);
        tokio::spawn(send_wakes(queue, commands.clone(), Arc::clone(state)));
        Ok(Self { client, commands, outgoing })
    }
}

async fn send_wakes(mut queue: mpsc::Receiver<String>, commands: Commands, state: Arc<State>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, WAKE_QUEUE).await > 0 {
        // A second nudge to the same topic says nothing new; merging keeps the queue short while Redis is away.
        let topics: BTreeSet<String> = batch.drain(..).collect();
        for channel in topics {
            match commands.run::<i64>(redis::cmd("PUBLISH").arg(channel).arg("")).await {
                Ok(_) => {
                    state.succeeded();
                    state.count_sent_wake();
                }
                Err(error) => {
                    state.failed(&error);
                    state.count_lost_wake();
                }
            }
        }
    }
}

/// Puts one limit around everything a step may do, name resolution and handshake included.
async fn bounded<T>(limit: Duration, step: impl Future<Output = redis::RedisResult<T>>) -> redis::RedisResult<T> {
    match timeout(limit, step).await {
        Ok(done) => done,
        Err(_) => Err((redis::ErrorKind::Io, "no answer in time").into()),
    }
}

#[cfg(test)]
mod tests;
