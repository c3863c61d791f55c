//! A connection on loan from the pool, on which nobody waits for a silent PostgreSQL for ever.
//!
//! A connection stays open without a word when the other end has lost its power, when something between forgot it, or when
//! the length of a TLS record was garbled, so that the rest of it never comes. sqlx waits for an answer as long as there is
//! a connection: with a query, with a COMMIT, and when a connection goes back into the pool, whose place is then lost. Here
//! every wait ends. What is bounded is the silence, never the answer: a long one that keeps coming is read to its end.
//!
//! A connection that fell silent is closed and never lent again: what it has to say would be taken for the answer to
//! something else. This module never repeats anything.

use crate::StoreError;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream, TryStreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Connection, Either, Execute, Executor, Postgres, SqlStr};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep, timeout};

/// The longest silence of an unused connection that is asked whether it still answers. Less than it may take to be given
/// one: the same caller is to get another in its place.
const PINGING: Duration = Duration::from_secs(1);

/// A connection that goes back into the pool when it is dropped, with its transaction rolled back.
#[derive(Debug)]
pub(crate) struct Loan {
    /// There until it is given back.
    connection: Option<PoolConnection<Postgres>>,
    /// The longest silence that is waited out.
    patience: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    InTransaction,
    /// It fell silent, or nobody knows whether it answers or a transaction has begun.
    Unusable,
}

impl Loan {
    pub(crate) fn new(connection: PoolConnection<Postgres>, patience: Duration) -> Self {
        Self { connection: Some(connection), patience, state: State::Idle }
    }

    /// Whether it answers, after it lay unused; it is of no use otherwise.
    pub(crate) async fn answers(&mut self) -> bool {
        self.state = State::Unusable;
        match timeout(PINGING, self.parts().0.ping()).await {
            Ok(Ok(())) => {
                self.state = State::Idle;
                true
            }
            Ok(Err(error)) => {
                tracing::info!(cause = &error as &dyn std::error::Error, "an unused connection has ended");
                false
            }
            Err(_) => {
                _ = give_up(PINGING);
                false
            }
        }
    }

    /// Begins a transaction by this statement. Not by sqlx's `Transaction`, which would give the connection back itself.
    pub(crate) async fn begin_with(&mut self, statement: SqlStr) -> Result<(), StoreError> {
        // Until it is known to have begun: whoever drops this future must not leave a transaction to the next one.
        self.state = State::Unusable;
        let _begun = self.execute(statement).await?;
        self.state = State::InTransaction;
        Ok(())
    }

    /// Commits the transaction. After an error the server may have done so or not; dropping this rolls back where it can.
    pub(crate) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        let _committed = self.execute("commit").await?;
        self.state = State::Idle;
        Ok(())
    }

    /// The connection itself, on which waiting has no end: for migrations alone, which may be silent for as long as it
    /// takes to rewrite a table, and have an operator who watches.
    pub(crate) fn unbounded(&mut self) -> &mut PgConnection {
        self.parts().0
    }

    fn parts(&mut self) -> (&mut PgConnection, Duration, &mut State) {
        (self.connection.as_mut().expect("it is given back by `drop` alone"), self.patience, &mut self.state)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let (Some(mut connection), mut state, patience) = (self.connection.take(), self.state, self.patience) else {
            return;
        };
        if state == State::Unusable {
            return discard(connection);
        }
        // What sqlx would do by itself, which has no bound: ROLLBACK, the check of the pool and a ping wait for answers.
        // When its future is dropped before its end, the connection is closed and its place in the pool is free.
        tokio::spawn(async move {
            if state == State::InTransaction
                && let Err(error) = bounded(patience, &mut state, connection.execute("rollback")).await
            {
                tracing::debug!(cause = &error as &dyn std::error::Error, "a transaction could not be rolled back");
                return discard(connection);
            }
            if timeout(patience, connection.return_to_pool()).await.is_err() {
                let _told = give_up(patience);
            }
        });
    }
}

/// Closes a connection and frees its place in the pool, without a word: over TLS, sqlx takes leave of a server by waiting
/// for what it answers.
pub(crate) fn discard(connection: PoolConnection<Postgres>) {
    drop(connection.detach());
}

impl<'c> Executor<'c> for &'c mut Loan {
    type Database = Postgres;

    fn fetch_many<'e, 'q, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: Execute<'q, Postgres>,
        'q: 'e,
        E: 'q,
    {
        let (connection, patience, state) = self.parts();
        Box::pin(Answers { answers: connection.fetch_many(query), patience, silent: None, state })
    }

    fn fetch_optional<'e, 'q, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: Execute<'q, Postgres>,
        'q: 'e,
        E: 'q,
    {
        let mut answers = self.fetch_many(query);
        Box::pin(async move {
            let mut first = None;
            // To the end: an error may follow a row, as that of a constraint which is checked last.
            while let Some(answer) = answers.try_next().await? {
                first = first.or(answer.right());
            }
            Ok(first)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let (connection, patience, state) = self.parts();
        Box::pin(bounded(patience, state, connection.prepare_with(sql, parameters)))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        let (connection, patience, state) = self.parts();
        Box::pin(bounded(patience, state, connection.describe(sql)))
    }
}

/// The answers to a query, which end with an error when nothing comes for too long.
struct Answers<'e, T> {
    answers: BoxStream<'e, Result<T, sqlx::Error>>,
    patience: Duration,
    /// How long there has been nothing. Rows that have arrived already cost no timer.
    silent: Option<Pin<Box<Sleep>>>,
    state: &'e mut State,
}

impl<T> Stream for Answers<'_, T> {
    type Item = Result<T, sqlx::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { answers, patience, silent, state } = self.get_mut();
        if let Poll::Ready(answer) = answers.as_mut().poll_next(context) {
            *silent = None;
            return Poll::Ready(answer);
        }
        ready!(silent.get_or_insert_with(|| Box::pin(sleep(*patience))).as_mut().poll(context));
        *silent = None;
        **state = State::Unusable;
        Poll::Ready(Some(Err(give_up(*patience))))
    }
}

/// One answer, or an error when it does not come.
async fn bounded<T>(
    patience: Duration,
    state: &mut State,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(patience, answer).await.unwrap_or_else(|_| {
        *state = State::Unusable;
        Err(give_up(patience))
    })
}

/// Tells the operator, and whoever waited.
fn give_up(patience: Duration) -> sqlx::Error {
    tracing::warn!(
        duration_ms = patience.as_secs_f64() * 1e3,
        "PostgreSQL does not answer; the connection is given up"
    );
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, format!("PostgreSQL did not answer for {patience:?}")))
}
