//! Ends a mutation: commit, wake the replicas, and wait until the change is in force at every one that lives.
//!
//! The wait is what makes "an acknowledged publish is visible at once" and "a revoked token is refused" true for the very
//! next request, whichever replica it meets. It is bounded: a replica that died or hangs delays an answer, never
//! prevents it, and it follows the feed by itself when it is back.

use crate::Site;
use std::time::Duration;
use wharf_store::{StoreError, TenantTx, feed};

/// A replica that has not reported for this long is not waited for.
pub(crate) const REPLICA_LIFE: Duration = Duration::from_secs(3);
/// The longest an answer waits for the replicas.
const PATIENCE: Duration = Duration::from_secs(2);
/// The topic on which replicas are woken.
pub(crate) const FEED_TOPIC: &str = "feed";

impl Site {
    /// Commits, and returns when every live replica has applied the change or patience has ended.
    ///
    /// An error means that nothing was changed, but for [`StoreError::CommitUnknown`].
    pub(crate) async fn settle(&self, mut transaction: TenantTx) -> Result<(), StoreError> {
        let position = transaction.position().await?;
        wharf_trial::moment!("settle: before commit");
        wharf_trial::mutant!(AnswerBeforeCommit { tokio::spawn(transaction.commit()); return Ok(()); });
        let committed = transaction.commit().await;
        wharf_trial::mutant!(UnknownCommitBelieved => if !matches!(committed, Err(StoreError::CommitUnknown(_))) { committed? }; committed?);
        wharf_trial::moment!("settle: committed");
        let Some(position) = position else { return Ok(()) };
        self.cache.wake(FEED_TOPIC);
        wharf_trial::mutant!(AnswerBeforeReplicas { return Ok(()); });
        wharf_trial::moment!("settle: woken");
        let waited = tokio::time::timeout(PATIENCE, async {
            let mut pause = Duration::from_millis(1);
            loop {
                let alive_since = self.clock.now().minus(REPLICA_LIFE);
                match feed::lagging_any_org(&self.database, &position, alive_since).await {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        // The change is durable; not knowing about the replicas must not turn success into failure.
                        tracing::warn!(cause = &error as &dyn std::error::Error, "cannot see the replicas' progress");
                        break;
                    }
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(25));
            }
        })
        .await;
        if waited.is_err() {
            tracing::warn!("a replica is behind; it will follow by itself");
        }
        wharf_trial::moment!("settle: followed");
        Ok(())
    }
}
