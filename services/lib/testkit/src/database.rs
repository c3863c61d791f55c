//! A database for each test, copied from a template that was migrated once.

use crate::setting;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use wharf_domain::Secret;
use wharf_store::{Database, schema};

/// The password of the service roles in tests; roles belong to the cluster, so every test uses the same.
pub const SERVICE_PASSWORD: &str = "service-password-of-the-tests";

/// How long tests that open the database themselves wait out a silence of it, unless that is what they try.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A database that vanishes with its test.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// One at a time, across processes: roles belong to the cluster, and of a template there is one.
const MIGRATING_BEGINS: &str = "select pg_advisory_lock(7355608)";
const MIGRATING_ENDS: &str = "select pg_advisory_unlock(7355608)";

impl TestDatabase {
    /// A fresh database with the newest schema.
    pub async fn create() -> Self {
        let base = setting("WHARF_TEST_DATABASE_URL");
        let name = format!("t_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let url = with_database(&base, &name);
        let mut admin = admin(&base).await;
        run(&mut admin, format!("drop database if exists {name} with (force)")).await;
        if std::env::var_os("WHARF_MUTANT").is_some() {
            // A hole may lie in the migrating itself: no test without the hole shall be given a copy of what it makes.
            run(&mut admin, format!("create database {name}")).await;
            run(&mut admin, MIGRATING_BEGINS.to_owned()).await;
            migrate(&url).await;
            run(&mut admin, MIGRATING_ENDS.to_owned()).await;
        } else {
            let template = template(&base).await;
            run(&mut admin, format!("create database {name} template {template} strategy file_copy")).await;
        }
        Self { url, name }
    }

    /// The owner's address.
    #[must_use]
    pub fn owner_url(&self) -> &str {
        &self.url
    }

    /// A connection as superuser, past all walls: to look at what is stored.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Refuses and cuts every connection, as a database that is down does.
    pub async fn take_down(&self) {
        let mut admin = admin(&setting("WHARF_TEST_DATABASE_URL")).await;
        run(&mut admin, format!("alter database {} allow_connections false", self.name)).await;
        let cut = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'", self.name);
        run(&mut admin, cut).await;
    }

    /// Takes connections again.
    pub async fn bring_up(&self) {
        let mut admin = admin(&setting("WHARF_TEST_DATABASE_URL")).await;
        run(&mut admin, format!("alter database {} allow_connections true", self.name)).await;
    }

    /// Removes the database.
    pub async fn drop(self) {
        let mut admin = admin(&setting("WHARF_TEST_DATABASE_URL")).await;
        run(&mut admin, format!("drop database if exists {} with (force)", self.name)).await;
    }
}

async fn admin(base: &str) -> PgConnection {
    PgConnection::connect_with(&PgConnectOptions::from_str(base).unwrap())
        .await
        .unwrap_or_else(|error| panic!("the test database does not answer ({error}): run ./deploy/test"))
}

async fn run(connection: &mut PgConnection, statement: String) {
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
}

async fn migrate(url: &str) {
    let owner = Database::for_owner(&Secret::new(url.to_owned()), PATIENCE).unwrap();
    schema::migrate(&owner, &Secret::new(SERVICE_PASSWORD.to_owned())).await.unwrap();
    owner.close().await;
}

/// The same address with another database.
fn with_database(base: &str, name: &str) -> String {
    let (front, query) =
        base.split_once('?').map_or((base, String::new()), |(front, query)| (front, format!("?{query}")));
    let (server, _) = front.rsplit_once('/').unwrap();
    format!("{server}/{name}{query}")
}

/// The same database at another address of its server.
#[must_use]
pub fn at_address(url: &str, address: std::net::SocketAddr) -> String {
    let (login, place) = url.rsplit_once('@').unwrap();
    let (_, rest) = place.split_once('/').unwrap();
    format!("{login}@{address}/{rest}")
}

/// The address of the server of a database.
#[must_use]
pub fn server_of(url: &str) -> std::net::SocketAddr {
    let (_, place) = url.rsplit_once('@').unwrap();
    place.split_once('/').unwrap().0.parse().unwrap()
}

/// The migrated template, made by whichever test process comes first. Its name is a digest of the migrations.
async fn template(base: &str) -> String {
    let mut hash = DefaultHasher::new();
    for (_, sql) in schema::sources() {
        sql.hash(&mut hash);
    }
    let name = format!("template_{:016x}", hash.finish());
    let mut admin = admin(base).await;
    run(&mut admin, MIGRATING_BEGINS.to_owned()).await;
    let ready: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1 and datistemplate)")
            .bind(&name)
            .fetch_one(&mut admin)
            .await
            .unwrap();
    if !ready {
        run(&mut admin, format!("drop database if exists {name} with (force)")).await;
        run(&mut admin, format!("create database {name}")).await;
        migrate(&with_database(base, &name)).await;
        run(&mut admin, format!("alter database {name} is_template true")).await;
    }
    run(&mut admin, MIGRATING_ENDS.to_owned()).await;
    name
}
