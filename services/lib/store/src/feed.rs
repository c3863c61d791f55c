//! Follows the outbox without losing a change and without waiting for strangers.
//!
//! Sequence order is not commit order: a reader that remembers "the last number I saw" misses a transaction that took its
//! number early and committed late. A reader here remembers a horizon instead: the oldest transaction that was still
//! running when it last read (`pg_snapshot_xmin`). Everything older is settled and seen; everything from there on is read
//! again each time. Changes are idempotent, so seeing one twice costs little, and a committed change is seen by the very
//! next read, however long some other transaction has been running.
//!
//! A replica publishes the snapshot it has applied. A writer that wants its change to be in force everywhere before it
//! answers asks [`lagging_any_org`] until no live replica's snapshot lacks its transaction.

use crate::outbox::FeedPosition;
use crate::{Change, Database, StoreError};
use std::collections::HashSet;
use uuid::Uuid;
use wharf_domain::{CrateId, CrateName, EntitlementId, OrgId, RegistryId, Timestamp, TokenId, UserId};

/// How far a reader has come.
#[derive(Clone, Debug)]
pub struct Horizon {
    /// The oldest transaction that is read again.
    low: String,
    /// What was seen from there on.
    seen: HashSet<i64>,
    /// The oldest transaction that was running at the last read.
    newest: String,
    /// When the server was started that was read from.
    server: String,
}

/// What one read brought.
#[derive(Debug)]
pub struct Batch {
    /// Changes not seen before, oldest transaction first.
    pub changes: Vec<(OrgId, Change)>,
    /// Something changed that this program cannot read, as a newer one that runs beside it announces it: it may be anything.
    pub unknown: bool,
    /// Everything visible in this snapshot has been read.
    pub snapshot: String,
}

/// Why the feed cannot be followed from where a reader stands.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The reader must forget what it knows and begin again. The server is another, or was started anew: it may be one that
    /// took over without the last changes of the one that failed. Or it has gone back in time: it was restored.
    #[error("the database server was started anew, or has gone back in time")]
    Restarted,
    /// The reader was struck off the list of replicas, and with it may have gone changes that it has not seen: by the calendar
    /// of whoever prunes it had been silent for an hour. Its own clock need not have noticed, as that of a machine that slept.
    #[error("this process was taken for stopped, and changes may have been removed that it has not seen")]
    StruckOff,
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn number(xid: &str) -> Result<u64, StoreError> {
    xid.parse().map_err(|error| StoreError::corrupt("pg_snapshot_xmin", error))
}

impl Horizon {
    /// Begins at the present: whoever loads its state after this misses nothing. The snapshot is that of the moment.
    pub async fn begin(database: &Database) -> Result<(Self, String), StoreError> {
        let now = sqlx::query!(
            r#"select pg_current_snapshot()::text as "snapshot!", pg_snapshot_xmin(pg_current_snapshot())::text as "xmin!",
                      pg_postmaster_start_time()::text as "server!""#
        )
        .fetch_one(&mut database.lend().await?)
        .await?;
        Ok((Self { low: now.xmin.clone(), seen: HashSet::new(), newest: now.xmin, server: now.server }, now.snapshot))
    }

    /// The same, for one who has seen everything before a transaction and nothing from there on.
    pub fn at(self, xid: &str) -> Result<Self, StoreError> {
        number(xid)?;
        Ok(Self { low: xid.to_owned(), newest: xid.to_owned(), ..self })
    }

    /// The same, for one who has read from a server that was started then.
    #[must_use]
    pub fn of_server(self, started: &str) -> Self {
        Self { server: started.to_owned(), ..self }
    }

    /// Moves to what the last read brought: it need not be read again. Only after a [`report`] of it, which is on disk:
    /// transactions whose numbers are not may lose them when the server crashes, and others are given them.
    pub fn advance(&mut self) {
        self.low.clone_from(&self.newest);
    }

    /// Reads what is new. Until [`Horizon::advance`] the next read begins at the same place, and leaves out what was seen.
    pub async fn read(&mut self, database: &Database) -> Result<Batch, FeedError> {
        let rows = sqlx::query!(
            r#"select s.snapshot as "snapshot!", s.xmin as "xmin!", s.server as "server!", f.change_id as "change_id?",
                      f.org_id as "org_id?", f.kind as "kind?", f.registry_id as "registry_id?",
                      f.subject_id as "subject_id?", f.name as "name?", f.revision as "revision?"
               from (select pg_current_snapshot()::text as snapshot,
                            pg_snapshot_xmin(pg_current_snapshot())::text as xmin,
                            pg_postmaster_start_time()::text as server) s
               left join feed_read($1::text::xid8) f on true"#,
            self.low
        )
        .fetch_all(&mut database.lend().await?)
        .await
        .map_err(StoreError::from)?;
        let Some(first) = rows.first() else {
            return Err(StoreError::corrupt("outbox", "the feed answered without a snapshot").into());
        };
        let (snapshot, newest) = (first.snapshot.clone(), first.xmin.clone());
        if number(&newest)? < number(&self.low)? || first.server != self.server {
            return Err(FeedError::Restarted);
        }
        let (mut changes, mut unknown) = (Vec::new(), false);
        let mut seen = HashSet::with_capacity(rows.len());
        for row in &rows {
            let (Some(number), Some(org), Some(kind), Some(subject)) =
                (row.change_id, row.org_id, row.kind.as_deref(), row.subject_id)
            else {
                continue;
            };
            seen.insert(number);
            wharf_trial::mutant!(FeedBySequence { if self.seen.iter().any(|last| *last > number) { continue; } });
            if self.seen.contains(&number) {
                continue;
            }
            let change = match (kind, row.name.as_deref().map(CrateName::parse)) {
                ("crate", Some(Ok(name))) => Change::Crate {
                    registry: RegistryId(row.registry_id.unwrap_or_default()),
                    krate: CrateId(subject),
                    name,
                    revision: row.revision.unwrap_or_default(),
                },
                ("registry" | "org", _) => Change::Registry(RegistryId(subject)),
                ("token", _) => Change::Token(TokenId(subject)),
                ("entitlement", _) => Change::Entitlement(EntitlementId(subject)),
                ("member", _) => Change::Member(UserId(subject)),
                // Not an error: whoever stopped here would hear of nothing that follows.
                _ => {
                    tracing::warn!(kind, change = number, "a change in the feed is of no kind that this program knows");
                    unknown = true;
                    continue;
                }
            };
            changes.push((OrgId(org), change));
        }
        (self.newest, self.seen) = (newest, seen);
        wharf_trial::mutant!(HorizonBeforeReport { self.advance(); });
        Ok(Batch { changes, unknown, snapshot })
    }
}

/// Puts a replica on the list of those that writers wait for, as one that has applied nothing: whoever commits from here on
/// waits for its first [`report`].
pub async fn enlist(database: &Database, replica: Uuid, service: &str, now: Timestamp) -> Result<(), StoreError> {
    // 3 is the number of the first transaction that a cluster gives away.
    sqlx::query!(
        "insert into replica (replica_id, service, applied, seen_at) values ($1, $2, '3:3:', $3)
         on conflict (replica_id) do update set applied = excluded.applied, seen_at = excluded.seen_at",
        replica,
        service,
        now.inner(),
    )
    .execute(&mut database.lend().await?)
    .await?;
    Ok(())
}

/// Tells the writers how far a replica has come, and that it lives. `false`: it is no longer on the list.
pub async fn report(database: &Database, replica: Uuid, snapshot: &str, now: Timestamp) -> Result<bool, StoreError> {
    let told = sqlx::query!(
        "update replica set applied = $2::text::pg_snapshot, seen_at = $3 where replica_id = $1",
        replica,
        snapshot,
        now.inner(),
    )
    .execute(&mut database.lend().await?)
    .await?;
    Ok(told.rows_affected() == 1)
}

/// Takes a replica off the list; writers no longer wait for it.
pub async fn retire(database: &Database, replica: Uuid) -> Result<(), StoreError> {
    sqlx::query!("delete from replica where replica_id = $1", replica).execute(&mut database.lend().await?).await?;
    Ok(())
}

/// How many replicas that reported since `alive_since` have not applied the change at `position`.
pub async fn lagging_any_org(
    database: &Database,
    position: &FeedPosition,
    alive_since: Timestamp,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from replica
           where seen_at >= $1 and not pg_visible_in_snapshot($2::text::xid8, applied)"#,
        alive_since.inner(),
        position.0,
    )
    .fetch_one(&mut database.lend().await?)
    .await?)
}
