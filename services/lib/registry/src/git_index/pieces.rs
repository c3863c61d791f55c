//! Reads crates and their lines a piece at a time: what is in memory at once is bounded by bytes, whatever was published.

use crate::Result;
use wharf_domain::{CrateId, RegistryId};
use wharf_store::TenantTx;
use wharf_store::git_index::IndexedCrate;

/// Crates read from the database in one piece.
pub(super) const CRATES_AT_ONCE: u16 = 500;
/// Bytes of their lines, unless those of one crate are more.
pub(super) const LINE_BYTES_AT_ONCE: i64 = 32 << 20;

/// Some crates of a registry, those that have versions, as they are in one transaction.
pub(super) struct Pieces {
    registry: RegistryId,
    /// Sorted.
    wanted: Vec<CrateId>,
    /// So many of them were read.
    read: usize,
}

impl Pieces {
    pub(super) fn new(registry: RegistryId, crates: impl IntoIterator<Item = CrateId>) -> Self {
        let mut wanted: Vec<CrateId> = crates.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        Self { registry, wanted, read: 0 }
    }

    /// The next piece; `None` after the last.
    pub(super) async fn next(&mut self, transaction: &mut TenantTx) -> Result<Option<Vec<IndexedCrate>>> {
        while self.read < self.wanted.len() {
            let rest = &self.wanted[self.read..];
            let asked = &rest[..rest.len().min(usize::from(CRATES_AT_ONCE))];
            let piece = transaction.find_indexed_crates(self.registry, asked, LINE_BYTES_AT_ONCE).await?;
            let Some(last) = piece.last() else {
                // None of them has versions.
                self.read += asked.len();
                continue;
            };
            self.read += asked.partition_point(|id| *id <= last.id);
            return Ok(Some(piece));
        }
        Ok(None)
    }
}
