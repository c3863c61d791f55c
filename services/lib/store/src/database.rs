//! The pool of connections of one service, logged in as that service's role.

use crate::StoreError;
use crate::tls::{self, UnreadableAuthorities};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::str::FromStr;
use std::time::Duration;
use wharf_domain::Secret;

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
}

impl Database {
    /// A pool that logs in as `role` at the address of the owner. Connects when first used, so that a service can start
    /// while the database is away.
    pub fn for_service(
        owner_url: &Secret,
        role: DatabaseRole,
        password: &Secret,
        max_connections: u32,
    ) -> Result<Self, InvalidDatabaseUrl> {
        wharf_trial::mutant!(ServicesLogInAsOwner { return Self::for_owner(owner_url); });
        let options =
            parse(owner_url)?.username(role.as_str()).password(password.expose()).application_name(role.as_str());
        Ok(Self::with_options(options, max_connections))
    }

    /// A pool of the owner, for migrations, bootstrap and the operator's commands.
    pub fn for_owner(owner_url: &Secret) -> Result<Self, InvalidDatabaseUrl> {
        Ok(Self::with_options(parse(owner_url)?.application_name("wharf_owner"), 4))
    }

    fn with_options(options: PgConnectOptions, max_connections: u32) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(3))
            .idle_timeout(Duration::from_secs(300))
            // A connection that still names an org is never handed to the next request.
            .after_release(|connection, _| {
                Box::pin(async move {
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
        Self { pool }
    }

    /// The connections themselves; for this crate only.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
