//! `kill -9` at every moment of a publish: what was acknowledged is there with the right bytes, what was not is there
//! whole or not at all, and the same publish succeeds afterwards.
//!
//! The moments are held from outside, by a lock in the database or a replica that never follows, so that the program
//! under test is the one that is shipped.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use wharf::assemble::Ambient;
use wharf_testkit::chance::{Chance, seeds};
use wharf_testkit::process::ServerProcess;
use wharf_testkit::stack::Setup;
use wharf_testkit::{CrateFixture, Org, Stack, Token, until};

/// A prepared installation with an org; the program is started by the test.
async fn prepared() -> (Setup, Org) {
    let setup = Stack::builder().prepare().await;
    let org = setup.org(&Ambient::default(), "acme").await;
    (setup, org)
}

/// Publishes in the background. The answer is `None` when the server died over it.
fn publishing(publisher: &Token, krate: &CrateFixture) -> tokio::task::JoinHandle<Option<u16>> {
    let (publisher, krate) = (publisher.clone(), krate.clone());
    tokio::spawn(async move { publisher.attempt_publish(&krate).await.map(|answer| answer.status) })
}

/// Crates, versions, index lines, outbox rows about crates, and publishes in the audit.
async fn stored(database: &mut PgConnection) -> Vec<i64> {
    sqlx::query_scalar(
        "select array[(select count(*) from crate), (select count(*) from version), (select count(*) from index_line),
                      (select count(*) from outbox where kind = 'crate'),
                      (select count(*) from audit_entry where action = 'version.publish')]",
    )
    .fetch_one(database)
    .await
    .unwrap()
}

/// Waits until the database has noticed that its clients of before are gone; what they left open is then rolled back.
async fn no_services(database: &mut PgConnection) {
    until("the killed program's connections are gone", async || {
        let left: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and usename <> current_user",
        )
        .fetch_one(&mut *database)
        .await
        .unwrap();
        left == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_file_and_commit_nothing_is_published() {
    let (setup, org) = prepared().await;
    let server = ServerProcess::start(&setup, &[]).await;
    let krate = CrateFixture::new("phoenix", "1.0.0");
    let (mut holder, mut database) = (setup.database.superuser().await, setup.database.superuser().await);

    // Whoever writes a version waits for this transaction; whoever reads does not.
    let mut lock = holder.begin().await.unwrap();
    let _held = sqlx::query("lock table version in share mode").execute(&mut *lock).await.unwrap();
    let answer = publishing(&org.owner, &krate);
    until("the publish waits for the lock", async || {
        sqlx::query_scalar("select exists (select from pg_locks where not granted and relation = 'version'::regclass)")
            .fetch_one(&mut database)
            .await
            .unwrap()
    })
    .await;
    assert_eq!(setup.blob_files().len(), 1, "the file is there before the row");
    server.kill();
    assert_eq!(answer.await.unwrap(), None);
    lock.rollback().await.unwrap();
    no_services(&mut database).await;
    assert_eq!(stored(&mut database).await, [0; 5]);

    let server = ServerProcess::start(&setup, &[]).await;
    let (absent, never) = (org.owner.index("phoenix").await, org.owner.index("phantom").await);
    assert_eq!((absent.status, absent.observed()), (404, never.observed()));
    assert_eq!(org.owner.download("phoenix", "1.0.0").await.status, 404);
    let _again = org.owner.publish(&krate).await.expect(200);
    assert_eq!(stored(&mut database).await, [1; 5]);
    assert_eq!(setup.blob_files().len(), 1);
    assert_eq!(cksums(&org.owner, "phoenix").await, [krate.cksum(&org.owner.sparse())]);
    assert_eq!(org.owner.download("phoenix", "1.0.0").await.expect(200).body, krate.archive(&org.owner.sparse()));
    server.kill();
    setup.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_commit_and_answer_all_is_published() {
    let (setup, org) = prepared().await;
    let mut database = setup.database.superuser().await;
    // A replica that lives and never follows: every answer waits for it as long as answers ever wait.
    let _laggard = sqlx::query(
        "insert into replica (replica_id, service, applied, seen_at)
         values (gen_random_uuid(), 'wharf-index', '1:1:', now() + interval '1 day')",
    )
    .execute(&mut database)
    .await
    .unwrap();

    // On a machine so slow that the wait was over before the kill, the answer has come; then once more.
    let mut unanswered = None;
    for attempt in 0..5 {
        let server = ServerProcess::start(&setup, &[]).await;
        let krate = CrateFixture::new("phoenix", &format!("1.0.{attempt}"));
        let answer = publishing(&org.owner, &krate);
        until("the version is committed", async || {
            sqlx::query_scalar("select exists (select from version where number = $1)")
                .bind(&krate.version)
                .fetch_one(&mut database)
                .await
                .unwrap()
        })
        .await;
        server.kill();
        if answer.await.unwrap().is_none() {
            unanswered = Some(krate);
            break;
        }
    }
    let krate = unanswered.expect("every answer was faster than the kill");

    let server = ServerProcess::start(&setup, &[]).await;
    let before = stored(&mut database).await;
    let index = org.owner.sparse();
    assert!(cksums(&org.owner, "phoenix").await.contains(&krate.cksum(&index)));
    assert_eq!(org.owner.download("phoenix", &krate.version).await.expect(200).body, krate.archive(&index));
    assert_eq!(org.owner.publish(&krate).await.status, 200);
    assert_eq!(org.owner.publish(&krate.clone().salt("other")).await.status, 409);
    let after = stored(&mut database).await;
    assert_eq!((&after[..3], after[4]), (&before[..3], before[4]), "a repetition changes nothing");
    assert_eq!(audited(&mut database, &krate.version).await, 1);
    server.kill();
    setup.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_no_acknowledged_publish_is_lost() {
    const PUBLISHES: usize = 30;
    let (setup, org) = prepared().await;
    let mut chance = Chance::new(seeds("killed", 1)[0]);
    let crates: Vec<CrateFixture> =
        (0..PUBLISHES).map(|n| CrateFixture::new("stream", &format!("1.{n}.0")).salt(&n.to_string())).collect();

    let (mut acknowledged, mut given_up) = (Vec::new(), 0);
    let mut server = ServerProcess::start(&setup, &[]).await;
    for (at, krate) in crates.iter().enumerate() {
        let answer = publishing(&org.owner, krate);
        if at % 4 == 0 {
            // Before, during or after the answer: which, is the machine's choice as much as ours.
            tokio::time::sleep(Duration::from_micros(chance.next() % 40_000)).await;
            server.kill();
            let status = answer.await.unwrap();
            server = ServerProcess::start(&setup, &[]).await;
            // Some publishers try again, as people do; some give up, and their version may be there or not.
            let status = match status {
                None if chance.below(2) == 0 => publishing(&org.owner, krate).await.unwrap(),
                status => status,
            };
            if status.is_none() {
                given_up += 1;
                continue;
            }
            assert_eq!(status, Some(200), "{krate:?}");
        } else {
            assert_eq!(answer.await.unwrap(), Some(200), "{krate:?}");
        }
        acknowledged.push(krate);
    }
    assert_eq!(acknowledged.len() + given_up, PUBLISHES);
    server.kill();
    let server = ServerProcess::start(&setup, &[]).await;

    let index = org.owner.sparse();
    let shown = cksums(&org.owner, "stream").await;
    for krate in &acknowledged {
        assert!(shown.contains(&krate.cksum(&index)), "{krate:?} is lost");
    }
    let mut database = setup.database.superuser().await;
    for cksum in &shown {
        let krate = crates.iter().find(|krate| krate.cksum(&index) == *cksum).expect("bytes that were published");
        let file = org.owner.download("stream", &krate.version).await.expect(200);
        assert_eq!(file.body, krate.archive(&index), "{krate:?}");
        assert_eq!(audited(&mut database, &krate.version).await, 1, "{krate:?}");
    }
    let rows = i64::try_from(shown.len()).unwrap();
    assert_eq!(stored(&mut database).await[1..3], [rows, rows]);
    server.kill();
    setup.database.drop().await;
}

/// The checksums in an index file, each once.
async fn cksums(reader: &Token, name: &str) -> Vec<String> {
    let text = reader.index(name).await.expect(200).text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: std::collections::BTreeSet<&str> = lines.iter().map(|line| line["vers"].as_str().unwrap()).collect();
    assert_eq!(numbers.len(), lines.len(), "{text}");
    lines.iter().map(|line| line["cksum"].as_str().unwrap().to_owned()).collect()
}

/// How many audit entries tell of the publish of a version.
async fn audited(database: &mut PgConnection, number: &str) -> i64 {
    sqlx::query_scalar("select count(*) from audit_entry where action = 'version.publish' and object @> $1")
        .bind(json!({ "version": number }))
        .fetch_one(database)
        .await
        .unwrap()
}
