//! The listening side of wake-ups: one subscription that is made again, for ever, until nobody listens.

use crate::state::State;
use crate::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, bounded};
use futures::StreamExt;
use redis::Client;
use redis::aio::PubSub;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A silent connection is asked for a sign of life this often: a host that vanished without a word sends no error.
const SILENCE: Duration = Duration::from_secs(2);

pub(crate) async fn listen(client: Client, channel: String, state: Arc<State>, listener: Sender<()>) {
    tokio::select! {
        () = listener.closed() => {}
        () = follow(&client, &channel, &state, &listener) => {}
    }
}

async fn follow(client: &Client, channel: &str, state: &State, listener: &Sender<()>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let ended = match bounded(CONNECT_TIMEOUT, subscribe(client, channel)).await {
            Ok(subscription) => {
                state.succeeded();
                pause = FIRST_PAUSE;
                nudge(listener);
                forward(subscription, listener).await
            }
            Err(error) => error,
        };
        state.failed(&ended);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn subscribe(client: &Client, channel: &str) -> redis::RedisResult<PubSub> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(channel).await?;
    Ok(subscription)
}

/// Passes messages on until the connection ends, and says why it did.
async fn forward(subscription: PubSub, listener: &Sender<()>) -> redis::RedisError {
    let (mut sink, mut messages) = subscription.split();
    loop {
        match timeout(SILENCE, messages.next()).await {
            Ok(Some(_)) => nudge(listener),
            Ok(None) => return (redis::ErrorKind::Io, "subscription closed").into(),
            Err(_) => {
                if let Err(error) = bounded(RESPONSE_TIMEOUT, sink.ping::<redis::Value>()).await {
                    return error;
                }
            }
        }
    }
}

fn nudge(listener: &Sender<()>) {
    // Full means that one is already waiting there, and one is enough; closed ends the task in `listen`.
    let _merged = listener.try_send(());
}
