//! Housekeeping across tenants, through functions that only the worker's role may call.

use crate::loan::Loan;
use crate::{Database, StoreError, TenantTx};
use sqlx::SqlSafeStr;
use std::collections::HashSet;
use wharf_domain::Timestamp;

/// How many rows one round of pruning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Changes that every reader has long seen.
    pub changes: i64,
    /// Answers kept for repeated requests.
    pub answers: i64,
    /// Replicas that stopped without saying so.
    pub replicas: i64,
    /// Commits that readers of git indexes were offered long ago.
    pub seen: i64,
    /// Changes of indexes that no such commit needs.
    pub index_changes: i64,
}

/// How long a reader of a git index who fetches again is sent the difference only.
pub const GIT_SEEN_LIFE: std::time::Duration = std::time::Duration::from_secs(90 * 86_400);

/// How long pruning may take. It says nothing until all is removed, and nobody waits for it; a bound that it could not keep on
/// a day with much to remove, it could keep on no day after.
const PRUNING: std::time::Duration = std::time::Duration::from_secs(600);

/// Removes what is no longer needed: changes and answers older than a day, replicas silent for an hour, commits offered to
/// git readers 90 days ago, and the changes that explain these, a day later.
pub async fn prune_any_org(worker: &Database, now: Timestamp) -> Result<Pruned, StoreError> {
    let (day, hour) = (std::time::Duration::from_secs(86_400), std::time::Duration::from_secs(3_600));
    let row = sqlx::query!(
        r#"select prune_outbox($1) as "changes!", prune_idempotency($1) as "answers!", prune_replicas($2) as "replicas!",
                  prune_git_seen($3) as "seen!", prune_index_changes($4) as "index_changes!""#,
        now.minus(day).inner(),
        now.minus(hour).inner(),
        now.minus(GIT_SEEN_LIFE).inner(),
        now.minus(GIT_SEEN_LIFE).minus(day).inner(),
    )
    .fetch_one(&mut worker.with_patience(PRUNING).lend().await?)
    .await?;
    Ok(Pruned {
        changes: row.changes,
        answers: row.answers,
        replicas: row.replicas,
        seen: row.seen,
        index_changes: row.index_changes,
    })
}

impl TenantTx {
    /// Announces that this transaction will make a version of the file with this digest. From here on the file cannot be
    /// collected: look whether it is (still) there, and store it again if not, before committing.
    pub async fn hold_blob(&mut self, sha256: [u8; 32]) -> Result<(), StoreError> {
        sqlx::query!("select pg_advisory_xact_lock_shared($1)", lock_of(sha256)).execute(self.connection()).await?;
        Ok(())
    }
}

/// A transaction in which files found to be orphans stay orphans: a publish of the same bytes waits until it has ended.
#[derive(Debug)]
pub struct OrphanCheck {
    loan: Loan,
}

impl OrphanCheck {
    /// Begins.
    pub async fn begin(worker: &Database) -> Result<Self, StoreError> {
        let mut loan = worker.lend().await?;
        loan.begin_with("begin".into_sql_str()).await?;
        Ok(Self { loan })
    }

    /// Which of these files no version needs. Files that a publish is about to use are not among them.
    pub async fn orphans_any_org(&mut self, candidates: &[[u8; 32]]) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut free = Vec::new();
        for sha256 in candidates {
            let locked = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "locked!""#, lock_of(*sha256))
                .fetch_one(&mut self.loan)
                .await?;
            if locked {
                free.push(*sha256);
            }
        }
        let wanted: Vec<Vec<u8>> = free.iter().map(|sha256| sha256.to_vec()).collect();
        let known: HashSet<Vec<u8>> = sqlx::query_scalar!(r#"select known_checksums($1) as "cksum!""#, &wanted)
            .fetch_all(&mut self.loan)
            .await?
            .into_iter()
            .collect();
        free.retain(|sha256| !known.contains(sha256.as_slice()));
        Ok(free)
    }

    /// Whether publishes of the orphans still wait. A session that the server or the network has ended holds nothing, and
    /// what was an orphan may be needed by now: to be asked right before each one is deleted.
    pub async fn still_holds(&mut self) -> Result<(), StoreError> {
        wharf_trial::mutant!(CollectorTrustsItsSession { return Ok(()); });
        sqlx::query_scalar!(r#"select true as "still_holds!""#).fetch_one(&mut self.loan).await?;
        Ok(())
    }

    /// Whether publishes of the orphans have waited until now; otherwise what was deleted may be needed.
    pub async fn has_held(&mut self) -> Result<(), StoreError> {
        sqlx::query_scalar!(r#"select true as "has_held!""#).fetch_one(&mut self.loan).await?;
        Ok(())
    }

    /// Ends; publishes of these files go on.
    pub async fn end(mut self) -> Result<(), StoreError> {
        Ok(self.loan.commit().await?)
    }
}

/// Two files with equal locks only wait for each other needlessly.
fn lock_of(sha256: [u8; 32]) -> i64 {
    i64::from_be_bytes(sha256[..8].try_into().expect("eight of thirty-two bytes"))
}
