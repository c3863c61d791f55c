//! Background work that belongs to no request: pruning, and collecting crate files that no version needs.

use crate::{Error, Result};
use bytes::Bytes;
use std::time::Duration;
use wharf_blob::Blobs;
use wharf_domain::Clock;
use wharf_store::Database;
use wharf_store::maintenance::{OrphanCheck, prune_any_org};

/// A file younger than this may belong to a publish that is still under way.
const ORPHAN_AGE: Duration = Duration::from_secs(86_400);
/// Files judged in one transaction.
const ORPHANS_AT_ONCE: usize = 200;

/// Removes rows that are no longer needed.
pub async fn prune(worker: &Database, clock: &dyn Clock) -> Result<()> {
    let pruned = prune_any_org(worker, clock.now()).await?;
    tracing::debug!(?pruned, "pruned");
    Ok(())
}

/// Deletes crate files that no version needs: what a failed publish left behind. Returns how many.
pub async fn collect_orphans(worker: &Database, blobs: &Blobs, clock: &dyn Clock) -> Result<u64> {
    let oldest = clock.now().minus(ORPHAN_AGE);
    let mut after = None;
    let mut collected = blobs.collect(oldest).await.map_err(Error::unavailable)?;
    loop {
        let page = blobs.list(after).await.map_err(Error::unavailable)?;
        let old: Vec<[u8; 32]> =
            page.blobs.iter().filter(|blob| blob.stored_at < oldest).map(|blob| blob.sha256).collect();
        for candidates in old.chunks(ORPHANS_AT_ONCE) {
            wharf_trial::moment!("collector: listed");
            let mut check = OrphanCheck::begin(worker).await?;
            for orphan in check.orphans_any_org(candidates).await? {
                wharf_trial::moment!("collector: orphan found");
                let file = read(blobs, orphan).await;
                check.still_holds().await?;
                blobs.delete(orphan).await.map_err(Error::unavailable)?;
                wharf_trial::moment!("collector: orphan deleted");
                if let Err(error) = check.has_held().await {
                    // A publish of the same bytes may have found them before they were deleted, and been acknowledged.
                    if let Some(file) = file {
                        blobs.put(orphan, file).await.map_err(Error::unavailable)?;
                    }
                    return Err(error.into());
                }
                collected += 1;
            }
            check.end().await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(collected);
        }
    }
}

/// The bytes of a file, to put them back if need be; `None` when they cannot be read, and so could not be served either.
async fn read(blobs: &Blobs, sha256: [u8; 32]) -> Option<Bytes> {
    let bytes = match blobs.get(sha256, None).await {
        Ok(Some(file)) => file.collect().await,
        Ok(None) => return None,
        Err(error) => Err(error),
    };
    bytes
        .inspect_err(|error| {
            tracing::warn!(cause = error as &dyn std::error::Error, "a file that no version needs cannot be read");
        })
        .ok()
}
