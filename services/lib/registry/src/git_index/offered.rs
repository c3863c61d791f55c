//! Which commits a reader was offered: asked of the database, since the next request may meet another process.

use super::{EPOCH, GitVisitor, SMALL_PACK_BYTES, sending};
use crate::{Result, Site};
use moka::sync::Cache as Memory;
use std::sync::Arc;
use std::time::Duration;
use wharf_domain::RegistryId;
use wharf_git_index::{Definition, Head};
use wharf_git_wire::ObjectId;
use wharf_store::git_index::{GitReader, SeenCommit};
use wharf_store::maintenance::GIT_SEEN_LIFE;

/// Offers that this process has written down of late and need not write again.
const WRITTEN_MAX: u64 = 100_000;
/// After this long an offer is written again, so that what is offered every day is never forgotten.
const WRITTEN_LIFE: Duration = Duration::from_secs(86_400);
/// Haves asked for in one query.
const HAVES_AT_ONCE: usize = 4096;

type Offer = (RegistryId, GitReader, [u8; 20]);

/// The offers this process remembers having written.
pub(super) struct Offered {
    written: Memory<Offer, ()>,
}

impl Offered {
    pub(super) fn new() -> Self {
        Self { written: Memory::builder().max_capacity(WRITTEN_MAX).time_to_live(WRITTEN_LIFE).build() }
    }

    pub(super) fn forget_all(&self) {
        self.written.invalidate_all();
    }
}

impl Site {
    /// Remembers an offer. Failing to costs a later fetch some bytes and this one nothing.
    pub(super) async fn offer(&self, visitor: &GitVisitor, definition: &Definition, head: &Arc<Head>) {
        if let Err(error) = self.write_offer(visitor, definition, head).await {
            tracing::warn!(cause = &error as &dyn std::error::Error, "cannot remember what a git reader was offered");
        }
    }

    async fn write_offer(&self, visitor: &GitVisitor, definition: &Definition, head: &Arc<Head>) -> Result<()> {
        let address = &visitor.entry.address;
        let offer = (address.registry, visitor.reader, *head.commit().as_bytes());
        let offered = &self.git_indexes.offered;
        if offered.written.contains_key(&offer) || !sending::is_longer(head, SMALL_PACK_BYTES).await? {
            return Ok(());
        }
        let seen = SeenCommit {
            commit: offer.2,
            seq: i64::try_from(head.seq()).map_err(crate::Error::internal)?,
            view: definition.view().clone(),
            config: *head.config().as_bytes(),
        };
        let mut transaction = self.begin(address.org).await?;
        transaction.note_git_seen(address.registry, visitor.reader, &seen, EPOCH, self.clock.now()).await?;
        transaction.commit().await?;
        offered.written.insert(offer, ());
        Ok(())
    }

    /// Which of these commits the reader was offered, newest first. When nobody can tell, none.
    pub(super) async fn find_seen(&self, visitor: &GitVisitor, haves: &[ObjectId]) -> Vec<SeenCommit> {
        match self.read_seen(visitor, haves).await {
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!(cause = &error as &dyn std::error::Error, "cannot tell what a git reader was offered");
                Vec::new()
            }
        }
    }

    async fn read_seen(&self, visitor: &GitVisitor, haves: &[ObjectId]) -> Result<Vec<SeenCommit>> {
        let mut wanted: Vec<[u8; 20]> = haves.iter().map(|have| *have.as_bytes()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let address = &visitor.entry.address;
        let since = self.clock.now().minus(GIT_SEEN_LIFE);
        let mut seen = Vec::new();
        for piece in wanted.chunks(HAVES_AT_ONCE) {
            let mut transaction = self.begin(address.org).await?;
            seen.extend(transaction.find_git_seen(address.registry, visitor.reader, piece, EPOCH, since).await?);
        }
        seen.sort_by_key(|seen| std::cmp::Reverse(seen.seq));
        Ok(seen)
    }
}
