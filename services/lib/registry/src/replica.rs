//! Keeps the memory of a serving process true: follows the feed, and tells the writers how far it has come.

use crate::settle::FEED_TOPIC;
use crate::{Result, Site};
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use wharf_domain::OrgId;
use wharf_store::feed::{self, Batch, FeedError, Horizon};
use wharf_store::{Change, Database, StoreError, TenantTx};

/// How often the feed is read without a wake-up. The bound on revocation without Redis is this and one read.
const POLL: Duration = Duration::from_millis(200);
/// How often a replica says that it lives when nothing happens; well within `settle::REPLICA_LIFE`.
const HEARTBEAT: Duration = Duration::from_millis(900);
/// After this long without the feed everything is loaded anew. Well within the day for which changes are kept.
const FORGET_AFTER: Duration = Duration::from_secs(3_600);
/// The longest silence of the database that is waited out at first: while it lasts no revocation is heard of. Twice as long
/// after each failure, up to what is usual: a read that needs its time succeeds in the end.
const SILENCE: Duration = Duration::from_secs(2);
/// Pause before another try when the database is away.
const RETRY: Duration = Duration::from_millis(250);

/// Follows the feed until `stop` resolves. Never gives up: while the database is away the process serves what it knows.
pub async fn follow(site: Arc<Site>, service: &'static str, stop: impl Future<Output = ()>) {
    let replica = site.entropy.uuid();
    tokio::select! {
        () = run(&site, replica, service) => {}
        () = stop => {}
    }
    if let Err(error) = feed::retire(&hurried(&site), replica).await {
        tracing::debug!(cause = &error as &dyn std::error::Error, "could not retire the replica; it will be pruned");
    }
}

async fn run(site: &Arc<Site>, replica: Uuid, service: &'static str) {
    let mut wakes = site.cache.wakes(FEED_TOPIC);
    let mut failing = false;
    let mut database = hurried(site);
    loop {
        match begin(site, &database, replica, service).await {
            Ok(horizon) => {
                (failing, database) = (false, hurried(site));
                follow_from(site, replica, horizon, &mut wakes).await;
                tracing::warn!("lost the thread of the feed; loading everything anew");
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(cause = &error as &dyn std::error::Error, "waiting for the database");
                    failing = true;
                }
                database = calmer(site, &database);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// The database for one who cannot wait.
fn hurried(site: &Site) -> Database {
    site.feed_database.with_patience(SILENCE.min(site.feed_database.patience()))
}

/// The same after a failure.
fn calmer(site: &Site, database: &Database) -> Database {
    site.feed_database.with_patience((database.patience() * 2).min(site.feed_database.patience()))
}

/// The horizon first, then the state: a change in between is seen twice rather than never. And on the list before the state is
/// loaded, so that whoever changes something from here on waits for this process; until it is loaded, nothing counts as applied.
async fn begin(site: &Arc<Site>, database: &Database, replica: Uuid, service: &'static str) -> Result<Horizon> {
    let began = Instant::now();
    let (horizon, snapshot) = Horizon::begin(database).await?;
    feed::enlist(database, replica, service, site.clock.now()).await?;
    wharf_trial::mutant!(StruckOffUnnoticed => site.load_directory(database).await?; forget_everything(site, database).await?);
    site.hearing.heard_all_until(began);
    // Taken off the list meanwhile, it learns so with the next report.
    let _listed = feed::report(database, replica, &snapshot, site.clock.now()).await?;
    Ok(horizon)
}

/// Loads the registries, and lets go of all else that is known: it is loaded anew when it is asked for.
async fn forget_everything(site: &Site, database: &Database) -> std::result::Result<(), StoreError> {
    site.reload_directory(database).await?;
    site.git_indexes.forget_all();
    site.searched.forget_all();
    site.credentials.forget_all();
    Ok(())
}

/// Follows until the thread is lost: the feed was away for longer than changes are sure to be kept, by our clock or by that
/// of whoever removes them, or the database server is not what it was.
async fn follow_from(
    site: &Arc<Site>,
    replica: Uuid,
    mut horizon: Horizon,
    wakes: &mut tokio::sync::mpsc::Receiver<()>,
) {
    let mut reported = Instant::now();
    let mut failing = false;
    let mut in_touch = Instant::now();
    let mut database = hurried(site);
    loop {
        match step(site, &database, replica, &mut horizon, &mut reported).await {
            Ok(()) if in_touch.elapsed() > FORGET_AFTER => return,
            Ok(()) => (failing, in_touch, database) = (false, Instant::now(), hurried(site)),
            Err(FeedError::Restarted | FeedError::StruckOff) => return,
            Err(error) => {
                if failing {
                    tracing::debug!(cause = &error as &dyn std::error::Error, "still cannot read the feed");
                } else {
                    tracing::warn!(
                        cause = &error as &dyn std::error::Error,
                        "cannot read the feed; serving what is known"
                    );
                    failing = true;
                }
                database = calmer(site, &database);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            Some(()) = wakes.recv() => while wakes.try_recv().is_ok() {},
        }
    }
}

async fn step(
    site: &Arc<Site>,
    database: &Database,
    replica: Uuid,
    horizon: &mut Horizon,
    reported: &mut Instant,
) -> std::result::Result<(), FeedError> {
    let began = Instant::now();
    // Changes are applied before the horizon is trusted again: when applying fails, the same ones are read next time.
    let mut ahead = horizon.clone();
    let batch = ahead.read(database).await?;
    apply(site, database, &batch).await?;
    *horizon = ahead;
    site.hearing.heard_all_until(began);
    if batch.unknown || !batch.changes.is_empty() || reported.elapsed() >= HEARTBEAT {
        let now = site.clock.now();
        if !feed::report(database, replica, &batch.snapshot, now).await? {
            return Err(FeedError::StruckOff);
        }
        horizon.advance();
        *reported = Instant::now();
    }
    Ok(())
}

async fn apply(site: &Arc<Site>, database: &Database, batch: &Batch) -> std::result::Result<(), StoreError> {
    if batch.unknown {
        return forget_everything(site, database).await;
    }
    let changes = &batch.changes;
    if changes.is_empty() {
        return Ok(());
    }
    wharf_trial::moment!("feed: read");
    if changes.iter().any(|(_, change)| matches!(change, Change::Registry(_))) {
        site.load_directory(database).await?;
    }
    site.hear_crates(database, changes).await?;
    for (_, change) in changes {
        match change {
            Change::Crate { .. } => site.git_indexes.hear(change),
            Change::Registry(_) => {}
            Change::Token(_) | Change::Entitlement(_) | Change::Member(_) => site.credentials.forget(change),
        }
    }
    wharf_trial::moment!("feed: applied");
    Ok(())
}

/// Writes down on which day tokens were last used. A background job of every serving process.
pub async fn note_token_use(site: &Site) -> Result<()> {
    let mut by_org: HashMap<OrgId, Vec<_>> = HashMap::new();
    for (token, org) in site.credentials.take_used() {
        by_org.entry(org).or_default().push(token);
    }
    for (org, tokens) in by_org {
        let mut transaction = TenantTx::begin(&site.database, org).await?;
        transaction.touch_tokens(&tokens, site.clock.now()).await?;
        transaction.commit().await?;
    }
    Ok(())
}
