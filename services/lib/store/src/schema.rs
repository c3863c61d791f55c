//! The schema: migrating to it, and checking at start that it is one this program can serve.

use crate::{Database, DatabaseRole, StoreError};
use sqlx::AssertSqlSafe;
use wharf_domain::Secret;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../../migrations");

/// Why the schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A migration failed; nothing of it remains.
    #[error("a migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The schema is older than this program.
    #[error("the database has schema {found}, this program needs {needed}: run `wharf migrate` first")]
    TooOld {
        /// The newest migration applied.
        found: i64,
        /// The newest migration this program knows.
        needed: i64,
    },
    /// The schema is newer than this program.
    #[error("the database has schema {found}, newer than the {known} this program knows: upgrade the program")]
    TooNew {
        /// The newest migration applied.
        found: i64,
        /// The newest migration this program knows.
        known: i64,
    },
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings the schema to the newest version and gives the service roles their password. Safe to repeat.
pub async fn migrate(owner: &Database, service_password: &Secret) -> Result<i64, SchemaError> {
    let mut loan = owner.lend().await?;
    MIGRATIONS.run(loan.unbounded()).await?;
    wharf_trial::mutant!(TableWithoutWall {
        sqlx::query("alter table entitlement disable row level security").execute(&mut loan).await.map_err(StoreError::from)?;
    });
    wharf_trial::mutant!(PolicyChecksNothing {
        sqlx::query("alter policy tenant on token with check (true)").execute(&mut loan).await.map_err(StoreError::from)?;
    });
    wharf_trial::mutant!(RevocationUnread {
        sqlx::raw_sql(
            "do $$ begin execute replace(pg_get_functiondef('auth_lookup(bytea[])'::regprocedure),
                 't.revoked_at is null', 'true'); end $$")
            .execute(&mut loan).await.map_err(StoreError::from)?;
    });
    wharf_trial::moment!("migrate: schema made");
    for role in DatabaseRole::ALL {
        // DDL takes no parameters: the server itself quotes the name and the password.
        let statement = sqlx::query_scalar!(
            r#"select format('alter role %I login password %L', $1::text, $2::text) as "statement!""#,
            role.as_str(),
            service_password.expose()
        )
        .fetch_one(&mut loan)
        .await
        .map_err(StoreError::from)?;
        sqlx::query(AssertSqlSafe(statement)).execute(&mut loan).await.map_err(StoreError::from)?;
        wharf_trial::moment!("migrate: password set");
    }
    sqlx::query("grant select on _sqlx_migrations to wharf_api, wharf_index, wharf_download, wharf_worker")
        .execute(&mut loan)
        .await
        .map_err(StoreError::from)?;
    Ok(newest())
}

fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The newest migration applied; 0 in an empty database.
pub async fn applied(database: &Database) -> Result<i64, StoreError> {
    let found: Option<i64> = sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
        .fetch_one(&mut database.lend().await?)
        .await
        .or_else(|error| {
            // No table of migrations: an empty database.
            let undefined = error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == "42P01");
            if undefined { Ok(None) } else { Err(StoreError::from(error)) }
        })?;
    Ok(found.unwrap_or_default())
}

/// Refuses a schema that this program cannot serve.
pub async fn check(database: &Database) -> Result<(), SchemaError> {
    let (found, needed) = (applied(database).await?, newest());
    match found.cmp(&needed) {
        std::cmp::Ordering::Less => Err(SchemaError::TooOld { found, needed }),
        std::cmp::Ordering::Greater => Err(SchemaError::TooNew { found, known: needed }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// Version and text of every migration, oldest first.
pub fn sources() -> impl Iterator<Item = (i64, String)> {
    MIGRATIONS.iter().map(|migration| (migration.version, migration.sql.as_str().to_owned()))
}
