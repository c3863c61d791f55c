//! The pool of connections of one service, logged in as that service's role.

use crate::StoreError;
use crate::loan::{self, Loan};
use crate::tls::{self, UnreadableAuthorities};
use futures::FutureExt;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::str::FromStr;
use std::time::Duration;
use tokio::time::timeout;
use wharf_domain::Secret;

/// The longest wait for a place in the pool and a connection on it that answers.
const ACQUIRING: Duration = Duration::from_secs(3);
/// How old a connection grows. The server keeps for each what it knows of the tables, and frees none of it.
const LIFE: Duration = Duration::from_secs(30 * 60);

/// The role a service logs in as. Each has its own grants; see `migrations/0006_walls.sql`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseRole {
    /// The API service.
    Api,
    /// The download service.
    Download,
    /// The index service.
    Index,
    /// Background jobs.
    Worker,
}

impl DatabaseRole {
    /// Every role that logs in.
    pub const ALL: [Self; 4] = [Self::Api, Self::Download, Self::Index, Self::Worker];

    /// The name of the role in Postgres.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "wharf_api",
            Self::Download => "wharf_download",
            Self::Index => "wharf_index",
            Self::Worker => "wharf_worker",
        }
    }
}

/// A database address that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// It is not of the form of one.
    #[error("the database address is malformed; write it like postgres://user:password@host:5432/wharf")]
    Malformed,
    /// It names authorities that cannot be read.
    #[error(transparent)]
    Authorities(#[from] UnreadableAuthorities),
}

fn parse(url: &Secret) -> Result<PgConnectOptions, InvalidDatabaseUrl> {
    let options = PgConnectOptions::from_str(url.expose()).map_err(|_| InvalidDatabaseUrl::Malformed)?;
    tls::check_authorities(&options)?;
    Ok(options)
}

/// Connections of one service.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
    patience: Duration,
}

impl Database {
    /// A pool that logs in as `role` at the address of the owner. Connects when first used, so that a service can start
    /// while the database is away. A silence of the database is waited out for as long as `patience`.
    pub fn for_service(
        owner_url: &Secret,
        role: DatabaseRole,
        password: &Secret,
        max_connections: u32,
        patience: Duration,
    ) -> Result<Self, InvalidDatabaseUrl> {
        wharf_trial::mutant!(ServicesLogInAsOwner { return Self::for_owner(owner_url, patience); });
        let options =
            parse(owner_url)?.username(role.as_str()).password(password.expose()).application_name(role.as_str());
        Ok(Self::with_options(options, max_connections, patience))
    }

    /// A pool of the owner, for migrations, bootstrap and the operator's commands.
    pub fn for_owner(owner_url: &Secret, patience: Duration) -> Result<Self, InvalidDatabaseUrl> {
        Ok(Self::with_options(parse(owner_url)?.application_name("wharf_owner"), 4, patience))
    }

    fn with_options(options: PgConnectOptions, max_connections: u32, patience: Duration) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRING)
            // A loan asks whether it answers, with a bound. And nothing is closed in the background: sqlx would wait for a
            // silent one there without a bound, and no place that it holds meanwhile would come back.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, meta| {
                Box::pin(async move {
                    if meta.age > LIFE {
                        return Ok(false);
                    }
                    // One that still names an org is never handed to the next request.
                    let clean = sqlx::query_scalar!(
                        r#"select coalesce(current_setting('app.org_id', true), '') = '' as "clean!""#
                    )
                    .fetch_one(connection)
                    .await?;
                    if !clean {
                        tracing::error!("a connection came back naming an org; it is closed");
                    }
                    Ok(clean)
                })
            })
            .connect_lazy_with(options);
        Self { pool, patience }
    }

    /// The same pool for whoever waits out another silence than is usual.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { pool: self.pool.clone(), patience }
    }

    /// The longest silence that is waited out.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Lends a connection: the one way to the database, for this crate only.
    pub(crate) async fn lend(&self) -> Result<Loan, StoreError> {
        let patience = wharf_trial::mutant!(SilenceUnbounded => Duration::from_secs(86_400); self.patience);
        let lend = async {
            loop {
                let mut loan = Loan::new(self.pool.acquire().await?, patience);
                if loan.answers().await {
                    return Ok(loan);
                }
                // Whatever befell it has most likely befallen all that lay unused beside it, and there is no time to ask each.
                while let Some(unused) = self.pool.try_acquire() {
                    loan::discard(unused);
                }
            }
        };
        // Boxed: every request may have to wait for a connection, and need not be as large as the pool's own futures.
        let lent = timeout(ACQUIRING, lend.boxed()).await;
        Ok(lent.unwrap_or(Err(sqlx::Error::PoolTimedOut))?)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(&mut self.lend().await?).await?;
        Ok(())
    }

    /// Closes all connections, once they are given back.
    pub async fn close(&self) {
        if timeout(self.patience, self.pool.close()).await.is_err() {
            tracing::warn!("PostgreSQL does not answer; connections are left as they are");
        }
    }
}
