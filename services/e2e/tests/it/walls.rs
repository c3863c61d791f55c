//! The second wall between tenants: what Postgres itself refuses when a query forgets its org.
//!
//! `catalogue` reads the schema and compares every way around the walls with a reviewed list, and shows with planted holes
//! that it sees them; `forgetful` plays each service role with queries that forget their org, on rows of two orgs that the
//! product itself wrote; `foreign` tries views, functions, every form of writing and keys; `pooled` uses connections again
//! after cancelled requests and panics. `named` holds the first wall beside it: each query of the product says which org it
//! means. A new table, function, key, grant or query fails here until somebody has looked at it.

mod catalogue;
mod foreign;
mod forgetful;
mod holes;
mod named;
mod pooled;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use std::str::FromStr;
use wharf_testkit::database::{SERVICE_PASSWORD, TestDatabase};

/// The roles that services log in as.
const SERVICE_ROLES: [&str; 4] = ["wharf_api", "wharf_download", "wharf_index", "wharf_worker"];

/// Tables that belong to no tenant, each with the reason why that is right.
const SITE_TABLES: &[(&str, &str)] = &[
    ("_sqlx_migrations", "versions of the schema; services read it at start"),
    ("account", "one person may belong to several orgs; services reach it through reviewed functions only"),
    ("replica", "processes that serve from memory; names no org, crate or person"),
];

/// A connection logged in as a service logs in.
async fn log_in(database: &TestDatabase, role: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(database.owner_url()).unwrap().username(role).password(SERVICE_PASSWORD);
    PgConnection::connect_with(&options).await.unwrap()
}

/// The only column of a query's rows, which must be text, in the order of bytes.
async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let mut found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_all(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    found.sort();
    found
}

/// The tables whose rows belong to an org.
async fn tenant_tables(superuser: &mut PgConnection) -> Vec<String> {
    texts(
        superuser,
        "select c.relname::text from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f')
         order by 1",
    )
    .await
}
