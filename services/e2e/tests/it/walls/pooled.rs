//! Connections that are used again: after requests that were cancelled at any moment, after panics, and with statements
//! prepared for another org. The pool is the product's own, with one connection, so that whatever one request leaves
//! behind is what the next one meets.
//!
//! What a request that names no org would see is read through `registry_directory()`, which the product calls without a
//! transaction. It looks past the walls by design; here it is made to look with its caller's eyes, so that it shows a row
//! only if the connection still names an org.

use super::forgetful::furnish;
use super::{log_in, tenant_tables, texts};
use sqlx::Connection;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;
use uuid::Uuid;
use wharf_domain::{Clock, OrgId, RegistryId, Secret, Slug};
use wharf_store::{Change, Database, DatabaseRole, StoreError, TenantTx, directory};
use wharf_testkit::chance::{Chance, runs, seeds};
use wharf_testkit::database::{PATIENCE, SERVICE_PASSWORD, TestDatabase, at_address, server_of};
use wharf_testkit::fault_proxy::{FaultProxy, Protocol, Weather};
use wharf_testkit::{Stack, TestClock, until};

/// Two orgs, and a pool of the product with few connections, on a line that can be slow: then every await waits.
struct Rig {
    stack: Stack,
    line: FaultProxy,
    database: Database,
    orgs: Vec<(Slug, OrgId)>,
}

fn pool(url: &str, connections: u32) -> Database {
    let (url, password) = (Secret::new(url.to_owned()), Secret::new(SERVICE_PASSWORD.to_owned()));
    Database::for_service(&url, DatabaseRole::Api, &password, connections, PATIENCE).unwrap()
}

impl Rig {
    async fn new(connections: u32) -> Self {
        let stack = Stack::start().await;
        let mut orgs = Vec::new();
        let mut superuser = stack.setup.database.superuser().await;
        for slug in ["acme", "globex"] {
            let _org = stack.org(slug).await;
            let id: Uuid = sqlx::query_scalar("select org_id from org where slug = $1")
                .bind(slug)
                .fetch_one(&mut superuser)
                .await
                .unwrap();
            orgs.push((Slug::parse(slug).unwrap(), OrgId(id)));
        }
        sqlx::query("alter function registry_directory() security invoker").execute(&mut superuser).await.unwrap();
        sqlx::query("grant select on org, registry to wharf_api").execute(&mut superuser).await.unwrap();
        let url = stack.setup.database.owner_url();
        let line = FaultProxy::start(server_of(url), Protocol::Postgres).await;
        let database = pool(&at_address(url, line.address()), connections);
        Self { stack, line, database, orgs }
    }

    /// Every registry that a request without an org sees.
    async fn leftovers(&self) -> usize {
        directory::list_any_org(&self.database).await.unwrap().len()
    }

    /// Fails if the pool still serves anybody's rows to whoever comes next.
    async fn is_clean(&self, after: &str) {
        assert_eq!(self.leftovers().await, 0, "{after}: the next request without an org saw rows");
        for (slug, id) in &self.orgs {
            let mut next = TenantTx::begin(&self.database, *id).await.unwrap();
            let found = next.find_org().await.unwrap().unwrap();
            assert_eq!((found.id, &found.slug), (*id, slug), "{after}");
            let registries = next.list_registries().await.unwrap();
            assert_eq!(registries.len(), 1, "{after}: one registry each");
            next.commit().await.unwrap();
        }
        assert_eq!(self.leftovers().await, 0, "{after}: a committed transaction left its org");
    }

    async fn announced(&self, number: u128) -> i64 {
        sqlx::query_scalar("select count(*) from outbox where subject_id = $1")
            .bind(Uuid::from_u128(number))
            .fetch_one(&mut self.stack.setup.database.superuser().await)
            .await
            .unwrap()
    }

    async fn end(self) {
        self.database.close().await;
        self.stack.stop().await;
    }
}

/// A mutation with an await at every step a request has.
async fn work(database: &Database, org: OrgId, number: u128) -> Result<(), StoreError> {
    let mut transaction = TenantTx::begin(database, org).await?;
    let found = transaction.find_org().await?;
    assert_eq!(found.map(|found| found.id), Some(org));
    let change = Change::Registry(RegistryId(Uuid::from_u128(number)));
    transaction.announce(&change, TestClock::new().now()).await?;
    let _position = transaction.position().await?;
    transaction.commit().await
}

/// A read that sees one moment.
async fn look(database: &Database, org: OrgId) -> Result<(), StoreError> {
    let mut transaction = TenantTx::begin_snapshot(database, org).await?;
    assert_eq!(transaction.list_registries().await?.len(), 1);
    Ok(())
}

/// Polls a future so many times and drops it where it stands, as a server does whose client has gone.
async fn cut_short<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(move |context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_request_leaves_nothing_behind() {
    let rig = Rig::new(1).await;
    let acme = rig.orgs[0].1;
    let mut cuts = 0;
    for round in 0..runs(2, 50) {
        for polls in 1.. {
            let number = u128::from(round) * 1_000 + polls as u128;
            rig.line.set(Weather::Slow(Duration::from_millis(1)));
            let ended = cut_short(work(&rig.database, acme, number), polls).await;
            rig.line.set(Weather::Fair);
            rig.is_clean(&format!("round {round}: cancelled after {polls} polls")).await;
            let announced = rig.announced(number).await;
            if let Some(ended) = ended {
                ended.unwrap();
                assert_eq!(announced, 1);
                break;
            }
            assert!(announced <= 1);
            cuts += 1;
            assert!(polls < 1_000, "it never ends");
        }
        for polls in 1.. {
            rig.line.set(Weather::Slow(Duration::from_millis(1)));
            let ended = cut_short(look(&rig.database, acme), polls).await;
            rig.line.set(Weather::Fair);
            rig.is_clean(&format!("round {round}: a reader cancelled after {polls} polls")).await;
            if ended.is_some() {
                break;
            }
            cuts += 1;
        }
    }
    assert!(cuts >= 16, "only {cuts} cancellations: the future is not cut where it waits");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_transaction_leaves_nothing_behind() {
    let rig = Rig::new(1).await;
    let acme = rig.orgs[0].1;
    for step in 0..4_u128 {
        let database = rig.database.clone();
        let dead = tokio::spawn(async move {
            let mut transaction = TenantTx::begin(&database, acme).await.unwrap();
            assert_ne!(step, 0, "a panic at the beginning");
            assert!(transaction.find_org().await.unwrap().is_some());
            assert_ne!(step, 1, "a panic after a read");
            let change = Change::Registry(RegistryId(Uuid::from_u128(step)));
            transaction.announce(&change, TestClock::new().now()).await.unwrap();
            assert_ne!(step, 2, "a panic after a write");
            // And one with a statement on its way.
            let waiting = transaction.position();
            let _never = cut_short(waiting, 1).await;
            panic!("a panic within a statement");
        });
        assert!(dead.await.unwrap_err().is_panic());
        rig.is_clean(&format!("a panic at step {step}")).await;
        assert_eq!(rig.announced(step).await, 0);
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orgs_take_turns_on_few_connections() {
    for seed in seeds("walls::pooled", 1) {
        let rig = Rig::new(2).await;
        let mut chance = Chance::new(seed);
        let turns: Vec<_> = (0..runs(200, 20_000))
            .map(|turn| {
                let (slug, org) = chance.pick(&rig.orgs).clone();
                (turn, slug, org, chance.below(4), chance.within(1, 12))
            })
            .collect();
        // Four requests at a time on two connections, some cancelled, some rolled back, some committed.
        for four in turns.chunks(4) {
            let mut running = tokio::task::JoinSet::new();
            for (turn, slug, org, end, polls) in four.iter().cloned() {
                let database = rig.database.clone();
                running.spawn(async move {
                    if end == 0 {
                        let _ended = cut_short(work(&database, org, 9_000_000 + u128::from(turn)), polls).await;
                        return;
                    }
                    // The same statements, prepared on these connections for either org.
                    let mut transaction = TenantTx::begin(&database, org).await.unwrap();
                    assert_eq!(transaction.find_org().await.unwrap().unwrap().slug, slug);
                    assert!(
                        transaction
                            .list_registries()
                            .await
                            .unwrap()
                            .iter()
                            .all(|registry| registry.slug.as_str() == "private")
                    );
                    if end == 1 {
                        transaction.commit().await.unwrap();
                    }
                });
            }
            while let Some(ended) = running.join_next().await {
                ended.unwrap();
            }
            assert_eq!(rig.leftovers().await, 0);
        }
        rig.is_clean("at the end").await;
        rig.end().await;
    }
}

/// The pool's own guard, on its own: connections that name an org by other means than a transaction's.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_names_an_org_is_not_used_again() {
    let test = TestDatabase::create().await;
    let database = pool(test.owner_url(), 1);
    let mut superuser = test.superuser().await;
    let backends = async |superuser: &mut sqlx::PgConnection| {
        let ours = "select pid::text from pg_stat_activity
                    where datname = current_database() and application_name = 'wharf_api' order by 1";
        texts(superuser, ours).await
    };
    database.ping().await.unwrap();
    let first = backends(&mut superuser).await;
    for _ in 0..3 {
        database.ping().await.unwrap();
        assert_eq!(backends(&mut superuser).await, first, "a clean connection is used again");
    }
    // From here on every new connection of the role names an org from its first moment.
    let set =
        "do $$ begin execute format('alter role wharf_api in database %I set app.org_id = %L', current_database(),
                                          gen_random_uuid()); end $$";
    sqlx::query(set).execute(&mut superuser).await.unwrap();
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and application_name = 'wharf_api'";
    sqlx::query(cut).execute(&mut superuser).await.unwrap();
    for _ in 0..3 {
        until("a connection is there", async || database.ping().await.is_ok()).await;
        until("its first use was all it was good for", async || backends(&mut superuser).await.is_empty()).await;
    }
    database.close().await;
    test.drop().await;
}

/// Statements and plans that a connection keeps do not keep the org they were made for.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_sees_the_org_of_its_execution() {
    let stack = Stack::start().await;
    furnish(&stack, "acme").await;
    furnish(&stack, "globex").await;
    let su = &mut stack.setup.database.superuser().await;
    let orgs: Vec<String> = texts(su, "select org_id::text from org order by 1").await;
    for role in ["wharf_api", "wharf_index"] {
        let mut connection = log_in(&stack.setup.database, role).await;
        for plan in ["force_generic_plan", "auto"] {
            run(&mut connection, &format!("set plan_cache_mode = {plan}")).await;
            for table in tenant_tables(su).await {
                let may = format!("select '' where has_column_privilege('{role}', '{table}', 'org_id', 'select')");
                if texts(su, &may).await.is_empty() {
                    continue;
                }
                let rows = async |connection: &mut sqlx::PgConnection, org: Option<&str>| {
                    let mut transaction = connection.begin().await.unwrap();
                    if let Some(org) = org {
                        run(&mut transaction, &format!("select set_config('app.org_id', '{org}', true)")).await;
                    }
                    let found = texts(&mut transaction, &format!("execute kept_{table}")).await;
                    transaction.commit().await.unwrap();
                    found
                };
                // Prepared and planned under one org, often enough for a plan that is kept.
                run(&mut connection, &format!("prepare kept_{table} as select org_id::text from {table}")).await;
                for _ in 0..7 {
                    let own = rows(&mut connection, Some(&orgs[0])).await;
                    assert!(!own.is_empty() && own.iter().all(|org| *org == orgs[0]), "{role} {table}");
                }
                let other = rows(&mut connection, Some(&orgs[1])).await;
                assert!(!other.is_empty() && other.iter().all(|org| *org == orgs[1]), "{role} {table} {plan}");
                assert!(rows(&mut connection, None).await.is_empty(), "{role} {table} {plan}: without an org");
                run(&mut connection, &format!("deallocate kept_{table}")).await;
            }
        }
        connection.close().await.unwrap();
    }
    stack.stop().await;
}

async fn run(connection: &mut sqlx::PgConnection, statement: &str) {
    use sqlx::Executor;
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())))
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}
