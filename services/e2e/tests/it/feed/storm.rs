//! Thirty-two writers at once, who begin, wait, take back parts, roll back and commit in whatever order chance gives, beside
//! strangers with long transactions of their own; and readers that are quick, slow, late, or cut off in the middle of an
//! answer. No reader loses a change that was committed, sees one that was not, or sees one twice; and what was committed
//! before a read began is in that very read.

use super::database_of;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;
use wharf_store::feed::{FeedError, Horizon};
use wharf_store::{Change, Database};
use wharf_testkit::Stack;
use wharf_testkit::chance::{Chance, runs, seeds};
use wharf_testkit::database::{at_address, server_of};
use wharf_testkit::fault_proxy::{FaultProxy, Protocol, Strike};

const WRITERS: u64 = 32;

/// What the writers have done, by the number of each change.
#[derive(Default)]
struct Deeds {
    /// Its commit has been answered.
    committed: BTreeSet<u128>,
    /// It was taken back.
    undone: BTreeSet<u128>,
}

async fn announce(connection: &mut PgConnection, org: Uuid, number: u128) {
    sqlx::query(
        "insert into outbox (org_id, kind, registry_id, subject_id, at) values ($1, 'registry', $2, $2, now())",
    )
    .bind(org)
    .bind(Uuid::from_u128(number))
    .execute(connection)
    .await
    .unwrap();
}

async fn pause(chance: &mut Chance, most_ms: usize) {
    if !chance.one_in(3) {
        tokio::time::sleep(Duration::from_millis(chance.below(most_ms) as u64)).await;
    }
}

/// One writer's transactions. The number of a change tells writer and turn.
async fn write(url: String, org: Uuid, writer: u64, seed: u64, turns: u64, deeds: Arc<Mutex<Deeds>>) {
    let mut chance = Chance::new(seed ^ (writer + 1).wrapping_mul(0x9e37_79b9));
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for turn in 0..turns {
        let number = |part: u128| (u128::from(writer) << 64) | (u128::from(turn) << 8) | (part + 1);
        let mut kept = Vec::new();
        let mut undone = Vec::new();
        let mut transaction = connection.begin().await.unwrap();
        pause(&mut chance, 4).await;
        for part in 0..chance.within(1, 3) as u128 {
            let in_savepoint = chance.one_in(3);
            if in_savepoint {
                transaction.execute("savepoint here").await.unwrap();
            }
            announce(&mut transaction, org, number(part)).await;
            pause(&mut chance, 12).await;
            if in_savepoint && chance.one_in(2) {
                transaction.execute("rollback to savepoint here").await.unwrap();
                undone.push(number(part));
            } else {
                kept.push(number(part));
            }
        }
        // Some take their numbers early and commit long after the others.
        if chance.one_in(6) {
            tokio::time::sleep(Duration::from_millis(chance.below(60) as u64)).await;
        }
        if chance.one_in(5) {
            transaction.rollback().await.unwrap();
            undone.append(&mut kept);
        } else {
            transaction.commit().await.unwrap();
        }
        let mut deeds = deeds.lock().unwrap();
        deeds.committed.extend(kept);
        deeds.undone.extend(undone);
    }
    connection.close().await.unwrap();
}

/// A stranger, of no org, whose transactions last and change nothing of ours.
async fn linger(url: String, seed: u64, over: Arc<AtomicBool>) {
    let mut chance = Chance::new(seed);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    while !over.load(Ordering::SeqCst) {
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute("select pg_current_xact_id()").await.unwrap();
        tokio::time::sleep(Duration::from_millis(chance.within(50, 400) as u64)).await;
        if chance.one_in(2) {
            transaction.commit().await.unwrap();
        }
    }
    connection.close().await.unwrap();
}

/// How a reader reads.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Quick,
    Slow,
    /// Begins when others have been at it for a while.
    Late,
    /// Its answers break off now and then.
    Cut,
}

struct Reader {
    manner: Manner,
    horizon: Horizon,
    seen: BTreeSet<u128>,
    /// What it found when it began.
    before: BTreeSet<u128>,
    failures: u32,
}

impl Reader {
    async fn begin(manner: Manner, database: &Database, url: &str) -> Self {
        let (horizon, _) = Horizon::begin(database).await.unwrap();
        // The state it loads, after the horizon: nothing may fall between the two.
        let mut connection = PgConnection::connect(url).await.unwrap();
        let rows: Vec<Uuid> =
            sqlx::query_scalar("select subject_id from outbox").fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let before = rows.iter().map(Uuid::as_u128).collect();
        Self { manner, horizon, seen: BTreeSet::new(), before, failures: 0 }
    }

    async fn read(&mut self, database: &Database, deeds: &Mutex<Deeds>) {
        let due = deeds.lock().unwrap().committed.clone();
        // As a replica does: what was read is kept only when the read came to its end.
        let mut ahead = self.horizon.clone();
        let batch = match ahead.read(database).await {
            Ok(batch) => batch,
            Err(FeedError::Store(_)) if matches!(self.manner, Manner::Cut) => {
                self.failures += 1;
                return;
            }
            Err(error) => panic!("{:?}: {error}", self.manner),
        };
        self.horizon = ahead;
        self.horizon.advance();
        for (_, change) in batch.changes {
            let Change::Registry(id) = change else { continue };
            let number = id.0.as_u128();
            // The registry the stack was made with is none of the storm's.
            if number >> 100 == 0 {
                assert!(self.seen.insert(number), "{:?}: {number} came twice", self.manner);
            }
        }
        let missing: Vec<_> = due.difference(&self.seen).filter(|number| !self.before.contains(number)).collect();
        assert!(missing.is_empty(), "{:?}: committed before the read, and not in it: {missing:?}", self.manner);
    }
}

async fn storm(seed: u64, turns: u64) {
    let stack = Stack::start().await;
    let _org = stack.org("acme").await;
    let url = stack.setup.database.owner_url().to_owned();
    let org: Uuid = sqlx::query_scalar("select org_id from org")
        .fetch_one(&mut stack.setup.database.superuser().await)
        .await
        .unwrap();
    let line = FaultProxy::start(server_of(&url), Protocol::Bytes).await;
    let through_line = at_address(&url, line.address());

    let deeds = Arc::new(Mutex::new(Deeds::default()));
    let over = Arc::new(AtomicBool::new(false));
    let strangers: Vec<_> =
        (0..3).map(|number| tokio::spawn(linger(url.clone(), seed ^ number, Arc::clone(&over)))).collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(url.clone(), org, writer, seed, turns, Arc::clone(&deeds))))
        .collect();
    let line = Arc::new(line);
    let readers: Vec<_> = [Manner::Quick, Manner::Slow, Manner::Late, Manner::Cut]
        .into_iter()
        .map(|manner| {
            let (deeds, over, line) = (Arc::clone(&deeds), Arc::clone(&over), Arc::clone(&line));
            let database = database_of(if matches!(manner, Manner::Cut) { &through_line } else { &url });
            let (mut chance, url) = (Chance::new(seed ^ manner as u64), url.clone());
            tokio::spawn(async move {
                if matches!(manner, Manner::Late) {
                    tokio::time::sleep(Duration::from_millis(60)).await;
                }
                let mut reader = Reader::begin(manner, &database, &url).await;
                while !over.load(Ordering::SeqCst) {
                    if matches!(manner, Manner::Cut) && chance.one_in(3) {
                        line.strike(Strike::HalfOfWhatIsAnswered, 1);
                    }
                    reader.read(&database, &deeds).await;
                    let wait = if matches!(manner, Manner::Slow) { 120 } else { 4 };
                    tokio::time::sleep(Duration::from_millis(chance.below(wait) as u64)).await;
                }
                line.heal();
                // Everything has been committed by now; one read that is answered brings the rest.
                let failures = reader.failures;
                reader.read(&database, &deeds).await;
                if reader.failures > failures {
                    reader.read(&database, &deeds).await;
                }
                database.close().await;
                reader
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    over.store(true, Ordering::SeqCst);
    let mut cut = 0;
    let mut ends = Vec::new();
    let mut ended = Vec::new();
    for reader in readers {
        ended.push(reader.await.unwrap());
    }
    for stranger in strangers {
        stranger.await.unwrap();
    }
    let told = {
        let deeds = deeds.lock().unwrap();
        for reader in ended {
            let expected: BTreeSet<u128> = deeds.committed.difference(&reader.before).copied().collect();
            let lost: Vec<_> = expected.difference(&reader.seen).collect();
            assert!(lost.is_empty(), "{:?} lost {lost:?}", reader.manner);
            let invented: Vec<_> = reader.seen.intersection(&deeds.undone).collect();
            assert!(invented.is_empty(), "{:?} saw what was taken back: {invented:?}", reader.manner);
            cut += reader.failures;
            ends.push(format!("{:?} {}", reader.manner, reader.seen.len()));
        }
        assert!(deeds.undone.len() > 20, "{} taken back", deeds.undone.len());
        let (kept, undone) = (deeds.committed.len(), deeds.undone.len());
        format!("{kept} committed, {undone} taken back, seen: {}; {cut} reads broke off", ends.join(", "))
    };
    println!("{told}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_is_lost_in_a_storm() {
    for seed in seeds("feed::storm", runs(1, 20)) {
        storm(seed, runs(8, 60)).await;
    }
}
