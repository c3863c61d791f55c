//! The feed loses no change and waits for no stranger, in whatever order transactions begin and commit.

mod storm;

use sqlx::Connection;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::net::TcpStream;
use wharf::serve::Service;
use wharf_domain::{Clock, OrgId, RegistryId, Secret, Timestamp};
use wharf_store::feed::{FeedError, Horizon, enlist, lagging_any_org, report, retire};
use wharf_store::{Change, Database, DatabaseRole, StoreError, TenantTx};
use wharf_testkit::database::{PATIENCE, server_of};
use wharf_testkit::fault_proxy::{FaultProxy, Protocol, Weather};
use wharf_testkit::{CrateFixture, Stack, TestClock, setting, until};

fn registry(number: u128) -> Change {
    Change::Registry(RegistryId(uuid::Uuid::from_u128(number)))
}

/// Now, for the pruner of the stack removes what is older than a day.
async fn announced(database: &Database, org: OrgId, number: u128) -> TenantTx {
    let mut transaction = loop {
        match TenantTx::begin(database, org).await {
            Ok(begun) => break begun,
            // Many connect at once here. A busy machine may take longer than a request would wait.
            Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    };
    transaction.announce(&registry(number), TestClock::new().now()).await.unwrap();
    transaction
}

/// As a replica that reports what it has read: the next read begins where this one ended.
async fn read(horizon: &mut Horizon, database: &Database) -> BTreeSet<u128> {
    let batch = horizon.read(database).await.unwrap();
    horizon.advance();
    let number = |change: &Change| match change {
        Change::Registry(id) => id.0.as_u128(),
        other => panic!("{other:?}"),
    };
    let numbers: Vec<u128> = batch.changes.iter().map(|(_, change)| number(change)).collect();
    let set: BTreeSet<u128> = numbers.iter().copied().collect();
    assert_eq!(set.len(), numbers.len(), "each change once");
    set
}

/// A horizon that has read what there is. Where it begins is for the oldest transaction of all databases of the server to say.
async fn at_the_end(database: &Database) -> Horizon {
    let (mut horizon, _) = Horizon::begin(database).await.unwrap();
    let _before = horizon.read(database).await.unwrap();
    horizon
}

#[tokio::test(flavor = "multi_thread")]
async fn late_commits_are_seen_and_early_ones_do_not_wait() {
    let stack = Stack::start().await;
    let _org = stack.org("acme").await;
    let owner_url = stack.setup.database.owner_url().to_owned();
    let database = database_of(&owner_url);
    let org: uuid::Uuid = sqlx::query_scalar("select org_id from org")
        .fetch_one(&mut stack.setup.database.superuser().await)
        .await
        .unwrap();
    let org = OrgId(org);

    let mut horizon = at_the_end(&database).await;
    // Ten transactions take their numbers in order and commit in another.
    let mut open = Vec::new();
    for number in 0..10 {
        open.push(Some(announced(&database_of(&owner_url), org, number).await));
    }
    let mut seen = BTreeSet::new();
    for number in [7, 2, 9, 0, 5, 1, 8, 3, 6, 4] {
        open[number].take().unwrap().commit().await.unwrap();
        let fresh = read(&mut horizon, &database).await;
        assert_eq!(fresh, BTreeSet::from([number as u128]), "at the very next read, whatever else is still open");
        seen.extend(fresh);
    }
    assert_eq!(seen, (0..10).collect());
    assert!(read(&mut horizon, &database).await.is_empty());

    // Many writers at once, a reader beside them, and the pruner, which takes only what is long over.
    let worker = wharf::assemble::database(&stack.setup.config(), DatabaseRole::Worker).unwrap();
    let writers: Vec<_> = (0..32_u128)
        .map(|writer| {
            let database = database_of(&owner_url);
            tokio::spawn(async move {
                for turn in 0..5 {
                    announced(&database, org, 1_000 + writer * 100 + turn).await.commit().await.unwrap();
                }
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    let mut running = writers;
    while !running.is_empty() {
        wharf_registry::maintenance::prune(&worker, &*stack.clock).await.unwrap();
        for number in read(&mut horizon, &database).await {
            assert!(seen.insert(number), "{number} came twice");
        }
        let done: Vec<_> = running.extract_if(.., |writer| writer.is_finished()).collect();
        for writer in done {
            writer.await.expect("a writer could not write");
        }
    }
    seen.extend(read(&mut horizon, &database).await);
    assert_eq!(seen.len(), 160);
    worker.close().await;
    database.close().await;
    stack.stop().await;
}

fn database_of(owner_url: &str) -> Database {
    Database::for_owner(&Secret::new(owner_url.to_owned()), PATIENCE).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_long_transaction_delays_nobody() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut stranger = stack.setup.database.superuser().await;
    let mut held = stranger.begin().await.unwrap();
    sqlx::query("select pg_current_xact_id()").execute(&mut *held).await.unwrap();
    let krate = CrateFixture::new("quick", "1.0.0");
    let _published = org.owner.publish(&krate).await.expect(200);
    assert_eq!(org.owner.index("quick").await.status, 200, "visible when publish has answered");
    held.rollback().await.unwrap();
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_know_who_is_behind() {
    let stack = Stack::start().await;
    let _org = stack.org("acme").await;
    let database = database_of(stack.setup.database.owner_url());
    let org: uuid::Uuid = sqlx::query_scalar("select org_id from org")
        .fetch_one(&mut stack.setup.database.superuser().await)
        .await
        .unwrap();
    let (replica, now) = (uuid::Uuid::from_u128(1), Timestamp::from_unix(2_000_000_000));
    let mut transaction = announced(&database, OrgId(org), 0).await;
    let settled = transaction.position().await.unwrap().unwrap();
    transaction.commit().await.unwrap();
    let (_, before) = Horizon::begin(&database).await.unwrap();
    assert!(!report(&database, replica, &before, now).await.unwrap(), "it is not on the list");
    enlist(&database, replica, "test", now).await.unwrap();
    assert_eq!(lagging_any_org(&database, &settled, now).await.unwrap(), 1, "it has applied nothing yet");
    assert!(report(&database, replica, &before, now).await.unwrap());
    assert_eq!(lagging_any_org(&database, &settled, now).await.unwrap(), 0);

    let mut transaction = announced(&database, OrgId(org), 1).await;
    let position = transaction.position().await.unwrap().unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(lagging_any_org(&database, &position, now).await.unwrap(), 1);
    let (_, after) = Horizon::begin(&database).await.unwrap();
    assert!(report(&database, replica, &after, now).await.unwrap());
    assert_eq!(lagging_any_org(&database, &position, now).await.unwrap(), 0);
    retire(&database, replica).await.unwrap();
    database.close().await;
    stack.stop().await;
}

/// A process that slept for a day, by the calendar of the others alone: its own clock stood still, as that of a machine does
/// that was suspended. The changes it has not seen are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_missed_removed_changes_loads_everything_anew() {
    let line = FaultProxy::start(server_of(&setting("WHARF_TEST_DATABASE_URL")), Protocol::Postgres).await;
    let stack = Stack::builder().indexes(2).replicas_reach_database_at(line.address()).start().await;
    let org = stack.org("acme").await;
    let _published = org.owner.publish(&CrateFixture::new("tool", "1.0.0")).await.expect(200);
    let lines = async || org.owner.index("tool").await.text().lines().filter(|line| line.contains("cksum")).count();
    // The two processes take turns.
    let versions = async || [lines().await, lines().await];
    assert_eq!(versions().await, [1, 1]);

    line.set(Weather::Refused);
    until("the database is gone", async || TcpStream::connect(line.address()).await.is_err()).await;
    let _published = org.owner.publish(&CrateFixture::new("tool", "1.1.0")).await.expect(200);
    let worker = wharf::assemble::database(&stack.setup.config(), DatabaseRole::Worker).unwrap();
    let tomorrow = TestClock::new();
    tomorrow.advance(Duration::from_secs(25 * 3_600));
    wharf_registry::maintenance::prune(&worker, &tomorrow).await.unwrap();
    worker.close().await;
    let mut superuser = stack.setup.database.superuser().await;
    let mut count = async |rows: &'static str| -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {rows}")))
            .fetch_one(&mut superuser)
            .await
            .unwrap()
    };
    assert_eq!(count("outbox").await, 0, "nothing is left to hear of the publish by");

    line.set(Weather::Fair);
    let reported = "replica where service = 'wharf-index' and pg_snapshot_xmin(applied)::text::bigint > 3";
    until("both have reported again", async || count(reported).await == 2).await;
    assert_eq!(versions().await, [2, 2]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_and_a_restored_one_are_noticed() {
    let stack = Stack::start().await;
    let database = database_of(stack.setup.database.owner_url());
    let mut same = at_the_end(&database).await;
    let batch = same.read(&database).await.unwrap();
    assert!(batch.changes.is_empty());
    let mut ahead = same.clone().at("9000000000").unwrap();
    let mut elsewhere = same.of_server("2026-01-01 00:00:00+00");
    for horizon in [&mut ahead, &mut elsewhere] {
        assert!(matches!(horizon.read(&database).await, Err(FeedError::Restarted)));
    }
    database.close().await;
    stack.stop().await;
}

/// What a crash takes back is at the end of the log. So a reader goes on from the last place that it reported, and numbers of
/// transactions that it saw since may be given to others.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_reported_is_read_again() {
    let stack = Stack::start().await;
    let _org = stack.org("acme").await;
    let database = database_of(stack.setup.database.owner_url());
    let mut superuser = stack.setup.database.superuser().await;
    let org: uuid::Uuid = sqlx::query_scalar("select org_id from org").fetch_one(&mut superuser).await.unwrap();
    let mut horizon = at_the_end(&database).await;
    let lost: i64 =
        sqlx::query_scalar("select pg_current_xact_id()::text::bigint").fetch_one(&mut superuser).await.unwrap();
    // While an older one runs, in whatever database of the server, everybody reads again from there.
    until("no older transaction runs", async || {
        let oldest = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint > $1";
        sqlx::query_scalar(oldest).bind(lost).fetch_one(&mut superuser).await.unwrap()
    })
    .await;
    assert!(horizon.read(&database).await.unwrap().changes.is_empty());
    // A crash, after which the number of that transaction is another's.
    announced(&database, OrgId(org), 7).await.commit().await.unwrap();
    let reused = sqlx::query("update outbox set xid = $1::text::xid8 where subject_id = $2")
        .bind(lost.to_string())
        .bind(uuid::Uuid::from_u128(7));
    assert_eq!(reused.execute(&mut superuser).await.unwrap().rows_affected(), 1);
    assert_eq!(horizon.read(&database).await.unwrap().changes.len(), 1);
    assert!(horizon.read(&database).await.unwrap().changes.is_empty(), "each change once");
    database.close().await;
    stack.stop().await;
}

/// As of a newer program that runs beside this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_unknown_kind_stops_nobody() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let reader = org.member("ann", "reader", "download", &["index:read@private"]).await;
    let _published = org.owner.publish(&CrateFixture::new("tool", "1.0.0")).await.expect(200);
    let lines = async || reader.index("tool").await.expect(200).text().lines().count();
    assert_eq!(lines().await, 1);
    let mut superuser = stack.setup.database.superuser().await;
    for sql in [
        "alter table outbox drop constraint outbox_kind_check",
        "insert into outbox (org_id, kind, subject_id, at) select org_id, 'novelty', gen_random_uuid(), now() from org limit 1",
    ] {
        let _done = sqlx::query(sql).execute(&mut superuser).await.unwrap();
    }
    let _published = org.owner.publish(&CrateFixture::new("tool", "1.1.0")).await.expect(200);
    assert_eq!(lines().await, 2);
    let _gone = org.manage("DELETE", &format!("/tokens/{}", reader.id), &serde_json::json!({})).await.expect(204);
    assert_eq!(reader.index("tool").await.status, 401);
    stack.stop().await;
}

/// Requests that hold every connection of a process keep it from nothing that it hears by.
#[tokio::test(flavor = "multi_thread")]
async fn busy_connections_do_not_keep_a_process_from_hearing() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    let org_id: uuid::Uuid = sqlx::query_scalar("select org_id from org")
        .fetch_one(&mut stack.setup.database.superuser().await)
        .await
        .unwrap();
    let mut held = Vec::new();
    for site in stack.sites_of(Service::Index) {
        while let Ok(transaction) = TenantTx::begin(site.database(), OrgId(org_id)).await {
            held.push(transaction);
        }
    }
    assert_eq!(held.len(), 20, "ten of each process");
    let _published = org.owner.publish(&CrateFixture::new("tool", "1.0.0")).await.expect(200);
    let behind: i64 = sqlx::query_scalar(
        "select count(*) from replica, (select max(xid::text::bigint)::text::xid8 as newest from outbox) o
         where service = 'wharf-index' and pg_visible_in_snapshot(o.newest, applied)",
    )
    .fetch_one(&mut stack.setup.database.superuser().await)
    .await
    .unwrap();
    assert_eq!(behind, 2, "both had heard of it when it was answered");
    drop(held);
    stack.stop().await;
}
