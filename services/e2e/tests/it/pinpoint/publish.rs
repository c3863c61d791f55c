//! What has to be true by the time a change is answered.

use super::publish;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};
use std::time::Duration;
use wharf_testkit::{CrateFixture, Stack, until};

async fn versions(database: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from version").fetch_one(database).await.unwrap()
}

/// A database that refuses at the very end: whoever answered before the commit has promised too much.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_the_commit() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut database = stack.setup.database.superuser().await;
    let _refuses = database
        .execute(AssertSqlSafe(
            "create function refuse() returns trigger language plpgsql as $$ begin raise 'not today'; end $$;
             create constraint trigger late after insert on version deferrable initially deferred
             for each row execute function refuse()"
                .to_owned(),
        ))
        .await
        .unwrap();
    let answer = org.owner.publish(&CrateFixture::new("tool", "1.0.0")).await;
    assert!(answer.status >= 500, "{}: {}", answer.status, answer.text());
    assert_eq!(versions(&mut database).await, 0);
    let _gone = database.execute("drop trigger late on version").await.unwrap();
    publish(&org, "tool", &["1.0.0"]).await;
    stack.stop().await;
}

/// A session that the server ends within COMMIT: whether it happened is not known, and here it did not.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_lost_is_no_success() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut database = stack.setup.database.superuser().await;
    let _ends = database
        .execute(AssertSqlSafe(
            "create function give_up() returns trigger language plpgsql security definer as
             $$ begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1); return new; end $$;
             create constraint trigger late after insert on version deferrable initially deferred
             for each row execute function give_up()"
                .to_owned(),
        ))
        .await
        .unwrap();
    let answer = org.owner.publish(&CrateFixture::new("tool", "1.0.0")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(versions(&mut database).await, 0);
    let _gone = database.execute("drop trigger late on version").await.unwrap();
    publish(&org, "tool", &["1.0.0"]).await;
    stack.stop().await;
}

/// A server that answers before its log is on disk loses the last commits when it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn commits_wait_for_the_disk() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut database = stack.setup.database.superuser().await;
    // Every row that is written says what its transaction will wait for.
    let _watched = database
        .execute(AssertSqlSafe(
            "create table watched (name text, waits text);
             create function watch() returns trigger language plpgsql security definer as
             $$ begin insert into watched values (tg_relname, current_setting('synchronous_commit')); return new; end $$;
             do $$ declare name text; begin
                 for name in select relname from pg_class where relrowsecurity loop
                     execute format('create trigger watched after insert or update on %I for each row execute function watch()', name);
                 end loop;
             end $$"
            .to_owned(),
        ))
        .await
        .unwrap();
    publish(&org, "tool", &["1.0.0"]).await;
    let yank = org.owner.crates_url("/tool/1.0.0/yank");
    let _yanked = org.owner.client().send("DELETE", &yank, &[], None).await.expect(200);
    let token = org.member("ann", "reader", "download", &["index:read@*"]).await;
    let _gone = org.manage("DELETE", &format!("/tokens/{}", token.id), &json!({})).await.expect(204);
    let _partner = org.partner("partner", &["tool"]).await;
    let seen: Vec<(String, String)> =
        sqlx::query_as("select distinct name, waits from watched order by 1").fetch_all(&mut database).await.unwrap();
    for table in ["version", "token", "entitlement", "audit_entry", "outbox"] {
        assert!(seen.contains(&(table.to_owned(), "on".to_owned())), "{table}: {seen:?}");
    }
    assert!(seen.iter().all(|(_, waits)| waits == "on"), "{seen:?}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_a_replica_that_is_behind() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut database = stack.setup.database.superuser().await;
    // A replica that lives, and has applied nothing yet.
    let behind = "insert into replica (replica_id, service, applied, seen_at)
                  values (gen_random_uuid(), 'index', pg_current_snapshot(), '2100-01-01')";
    let _joined = database.execute(behind).await.unwrap();
    let publisher = org.owner.clone();
    let publishing = tokio::spawn(async move { publisher.publish(&CrateFixture::new("tool", "1.0.0")).await.status });
    until("the version is committed", async || versions(&mut database).await == 1).await;
    // Long enough for an answer, and a small part of the time for which a replica is waited for.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!publishing.is_finished(), "the publish was answered while a replica did not know of it");
    let _caught_up = database.execute("update replica set applied = pg_current_snapshot()").await.unwrap();
    assert_eq!(publishing.await.unwrap(), 200);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_file_no_version_is_written() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let (blobs, away) = (stack.setup.directory.path().join("blobs"), stack.setup.directory.path().join("away"));
    std::fs::rename(&blobs, &away).unwrap();
    let answer = org.owner.publish(&CrateFixture::new("tool", "1.0.0")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(versions(&mut stack.setup.database.superuser().await).await, 0);
    std::fs::rename(&away, &blobs).unwrap();
    publish(&org, "tool", &["1.0.0"]).await;
    assert_eq!(org.owner.download("tool", "1.0.0").await.status, 200);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_for_a_published_version_are_refused() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let krate = CrateFixture::new("tool", "1.0.0");
    let _first = org.owner.publish(&krate).await.expect(200);
    let _same = org.owner.publish(&krate).await.expect(200);
    let _other = org.owner.publish(&krate.clone().salt("other")).await.expect(409);
    assert_eq!(org.owner.download("tool", "1.0.0").await.expect(200).body, krate.archive(&org.owner.sparse()));
    stack.stop().await;
}
