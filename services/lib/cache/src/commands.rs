//! One shared connection for commands, opened at first use and thrown away at the first error.
//!
//! Not `redis::aio::ConnectionManager`: that one keeps a connection whose answers time out, so that after a host
//! vanished without a word every command would fail until TCP gives up a quarter of an hour later.

use crate::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, bounded};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult};
use std::sync::Arc;
use tokio::sync::Mutex;

#[derive(Clone)]
pub(crate) struct Commands {
    client: Client,
    connection: Arc<Mutex<Option<MultiplexedConnection>>>,
}

impl Commands {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, connection: Arc::default() }
    }

    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut connection = self.connect().await?;
        let answer = bounded(RESPONSE_TIMEOUT, command.query_async(&mut connection)).await;
        if answer.is_err() {
            *self.connection.lock().await = None;
        }
        answer
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = &*slot {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let opening = self.client.get_multiplexed_async_connection_with_config(&config);
        let connection = bounded(CONNECT_TIMEOUT, opening).await?;
        *slot = Some(connection.clone());
        Ok(connection)
    }
}
