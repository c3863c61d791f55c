//! The numbers of changes: in the order of commits, without a gap, and enough to tell what an index file was.

use crate::checkout::{Checkout, Manner, sparse_files};
use crate::crates::{bulky, publish, publish_bulk, set_yanked, slim, yank_unheard};
use crate::wire::{fetched, head, objects};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wharf_domain::Clock;
use wharf_git_wire::Protocol;
use wharf_store::DatabaseRole;
use wharf_testkit::chance::{Chance, seeds};
use wharf_testkit::{Stack, TestClock, Token};

const PUBLISHERS: usize = 8;
const PUBLISHES: usize = 12;

/// All numbers up to the newest one, in one look at the database.
async fn numbers(database: &mut PgConnection) -> Vec<(String, i64, i64, i64)> {
    sqlx::query_as(
        "select h.registry_id::text, h.seq, count(c.seq), coalesce(max(c.seq), 0)
         from index_head h left join index_change c using (org_id, registry_id) group by 1, 2 order by 1",
    )
    .fetch_all(database)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_ever_finds_a_gap() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let second = org.add_registry("second", &serde_json::json!({})).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut database = stack.setup.database.superuser().await;
    let (watching, mut looks) = (Arc::clone(&done), 0);
    let watch = tokio::spawn(async move {
        while !watching.load(Ordering::SeqCst) {
            for (registry, seq, count, newest) in numbers(&mut database).await {
                assert_eq!((count, newest), (seq, seq), "{registry}");
            }
            looks += 1;
        }
        looks
    });
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let owner = if publisher % 4 == 0 { second.clone() } else { org.owner.clone() };
            tokio::spawn(async move {
                let name = format!("crate-{}", publisher / 2);
                for number in 0..PUBLISHES {
                    let version = format!("{publisher}.{number}.0");
                    publish(&owner, &slim(&name, &version)).await;
                    if number % 3 == 0 {
                        set_yanked(&owner, &name, &version, true).await;
                    }
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    assert!(watch.await.unwrap() > 10, "looked too seldom");
    let mut database = stack.setup.database.superuser().await;
    let total: i64 = numbers(&mut database).await.iter().map(|(_, seq, ..)| seq).sum();
    assert_eq!(total, i64::try_from(PUBLISHERS * (PUBLISHES + PUBLISHES / 3)).unwrap());
    stack.stop().await;
}

/// Undoing changes gives each file as it was when it was served.
#[tokio::test(flavor = "multi_thread")]
async fn old_files_come_out_as_they_were_sent() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let seed = seeds("old files", 1)[0];
    let rng = &mut Chance::new(seed);
    let _names = publish_bulk(&org.owner, "large", rng).await;
    let all = org.partner("all", &["large-*"]).await;
    let part = serde_json::json!({ "rules": [{ "allow": ["large-*"], "versions": "<1.8" }] });
    let part = org.entitle("private", "part", &part).await;
    let mut served: Vec<BTreeMap<&str, Vec<u8>>> = Vec::new();
    let mut commits = Vec::new();
    let mut versions = 1;
    for _ in 0..12 {
        let name = format!("large-{:02}", rng.below(16));
        match rng.below(3) {
            0 => set_yanked(&org.owner, &name, "1.0.0", rng.one_in(2)).await,
            _ => {
                versions += 1;
                publish(&org.owner, &bulky(&name, &format!("1.{versions}.0"), rng)).await;
            }
        }
        let mut states = BTreeMap::new();
        let mut heads = Vec::new();
        for (about, token) in [("all", &all), ("part", &part)] {
            let commit = head(token).await;
            states.insert(about, fetched(token, Protocol::V2, commit, &[]).await.body);
            heads.push(commit);
        }
        served.push(states);
        commits.push(heads);
    }
    // More states ago than are kept, and through a process that never saw them.
    for _ in 0..10 {
        versions += 1;
        publish(&org.owner, &bulky("large-00", &format!("1.{versions}.0"), rng)).await;
        let _offered = (head(&all).await, head(&part).await);
    }
    for (states, heads) in served.iter().zip(&commits) {
        for (number, (about, token)) in [("all", &all), ("part", &part)].into_iter().enumerate() {
            let again = fetched(token, Protocol::V2, heads[number], &[]).await;
            assert!(again.body == states[about], "WHARF_SEED={seed}: {about} {}", heads[number]);
        }
    }
    stack.stop().await;
}

async fn count(stack: &Stack, table: &str) -> i64 {
    let mut database = stack.setup.database.superuser().await;
    let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    let count = sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap();
    database.close().await.unwrap();
    count
}

/// What is no longer remembered costs bytes: the reader gets the whole, and the registry goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_pruned_is_sent_whole() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("pruned", 1)[0]);
    let _names = publish_bulk(&org.owner, "large", rng).await;
    let reader: Token = org.partner("reader", &["large-*"]).await;
    let before = head(&reader).await;
    publish(&org.owner, &bulky("large-new", "1.0.0", rng)).await;
    let now = head(&reader).await;
    let whole = fetched(&reader, Protocol::V2, now, &[]).await;
    assert_eq!(objects(&fetched(&reader, Protocol::V2, now, &[before]).await), 5);

    let worker = wharf::assemble::database(&stack.setup.config(), DatabaseRole::Worker).unwrap();
    let later = TestClock::new();
    let prune = async |days: u64| {
        later.advance(Duration::from_secs(days * 86_400));
        let clock: &dyn Clock = &later;
        wharf_registry::maintenance::prune(&worker, clock).await.unwrap();
    };
    prune(89).await;
    assert_eq!((count(&stack, "git_seen").await, count(&stack, "index_change").await), (2, 17));
    prune(2).await;
    assert_eq!((count(&stack, "git_seen").await, count(&stack, "git_view").await), (0, 0));
    assert_eq!(count(&stack, "index_change").await, 17, "kept a day longer than what needs them");
    prune(1).await;
    assert_eq!(count(&stack, "index_change").await, 0);
    assert!(fetched(&reader, Protocol::V2, now, &[before]).await.body == whole.body);
    // By the pruner's calendar the processes had been silent for months. They report again before anyone waits for them.
    stack.advance(Duration::from_secs(1)).await;
    publish(&org.owner, &bulky("large-newer", "1.0.0", rng)).await;
    let newer = head(&reader).await;
    assert_ne!(newer, now);
    assert_eq!(objects(&fetched(&reader, Protocol::V2, newer, &[]).await), objects(&whole) + 1);
    worker.close().await;
    stack.stop().await;
}

/// A process that was told of no change until it was pruned reads the index anew at the next one, and nobody is refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_missed_pruned_changes_is_read_anew() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("old", "1.0.0")).await;
    let reader = org.partner("reader", &["*"]).await;
    let before = head(&reader).await;
    yank_unheard(&stack, "old").await;
    let worker = wharf::assemble::database(&stack.setup.config(), DatabaseRole::Worker).unwrap();
    let later = TestClock::new();
    later.advance(Duration::from_secs(92 * 86_400));
    wharf_registry::maintenance::prune(&worker, &later as &dyn Clock).await.unwrap();
    worker.close().await;
    assert_eq!(count(&stack, "index_change").await, 0);
    assert_eq!(head(&reader).await, before, "nobody told it");
    stack.advance(Duration::from_secs(1)).await;
    publish(&org.owner, &slim("new", "1.0.0")).await;
    let now = head(&reader).await;
    assert_ne!(now, before);
    let checkout = Checkout::of(&reader).await;
    checkout.fetch(Manner { version: 2, shallow: false }).await;
    assert_eq!(checkout.files().await, sparse_files(&reader, &["old".to_owned(), "new".to_owned()]).await);
    stack.stop().await;
}
