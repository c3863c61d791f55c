//! Finds the commit that a client wants, which need not be the newest: between its two requests something may have been
//! published, and the second request may meet a process that never gave out what the first one offered.
//!
//! Only what this reader was offered, or what its own view showed a moment ago, is ever found.

use super::following::{number, with_lines};
use super::pieces::Pieces;
use super::{GitVisitor, Now};
use crate::{Error, Result, Site};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use wharf_domain::{CrateId, Sight, VersionId};
use wharf_git_index::{Change, File, Head};
use wharf_git_wire::ObjectId;
use wharf_store::TenantTx;
use wharf_store::git_index::IndexedCrate;

/// So many earlier states are looked at where nothing is remembered, as of views that were small when they were offered.
const EARLIER_STATES_MAX: usize = 8;
/// And no earlier than so long ago. A bound on the number of changes would let those that nobody sees decide.
const EARLIER_AGE: Duration = Duration::from_secs(60);
/// Changes looked at in one piece.
const CHANGES_AT_ONCE: usize = 500;

impl Site {
    /// The head of a wanted commit; `None` when it is not this reader's to want.
    pub(super) async fn find_wanted(
        &self,
        now: &Now,
        visitor: &GitVisitor,
        wanted: ObjectId,
    ) -> Result<Option<Arc<Head>>> {
        if now.newest.commit() == wanted {
            return Ok(Some(Arc::clone(&now.newest)));
        }
        if let Some(head) = now.recall(wanted)? {
            return Ok(Some(head));
        }
        // An offer made under other rules is not renewed: what was taken away stays away.
        let offered = self
            .find_seen(visitor, &[wanted])
            .await
            .into_iter()
            .find(|seen| seen.view == *now.definition.view() && seen.config == *now.newest.config().as_bytes());
        let moments = match offered {
            Some(seen) => vec![seen.seq],
            None => self.earlier_moments(now).await?,
        };
        for moment in moments {
            let head = self.earlier(now, visitor, moment).await?;
            if let Some(head) = head.filter(|head| head.commit() == wanted) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// After which changes a view last had other states, newest first. Changes of what it does not show count for nothing.
    async fn earlier_moments(&self, Now { following, definition, .. }: &Now) -> Result<Vec<i64>> {
        let (registry, view) = (following.registry, definition.view());
        let mut transaction = TenantTx::begin_snapshot(&self.database, following.org).await?;
        let now = transaction.get_index_seq(registry).await?;
        let since = transaction.get_index_seq_before(registry, self.clock.now().minus(EARLIER_AGE)).await?;
        let changes = transaction.list_index_changes(registry, since, now).await?;
        let mut moments = Vec::new();
        for piece in changes.rchunks(CHANGES_AT_ONCE) {
            let touched: Vec<CrateId> = piece.iter().map(|change| change.krate).collect();
            let names = transaction.list_crate_names(registry, &touched).await?;
            let seen = names.into_iter().filter(|(_, name)| view.sight(&name.canonical()) != Sight::Hidden);
            let mut pieces = Pieces::new(registry, seen.map(|(id, _)| id));
            let mut shown: HashSet<VersionId> = HashSet::new();
            while let Some(crates) = pieces.next(&mut transaction).await? {
                for IndexedCrate { name, lines, .. } in crates {
                    let sight = view.sight(&name.canonical());
                    let lines = lines.iter().filter(|line| sight.shows(line.number.semver(), line.published_at));
                    shown.extend(lines.map(|line| line.version));
                }
            }
            let of_view = piece.iter().rev().filter(|change| shown.contains(&change.version));
            moments.extend(of_view.map(|change| change.seq - 1).take(EARLIER_STATES_MAX - moments.len()));
            if moments.len() == EARLIER_STATES_MAX {
                break;
            }
        }
        Ok(moments)
    }

    /// What the view showed after a change; `None` when that can no longer be told.
    async fn earlier(&self, now: &Now, visitor: &GitVisitor, moment: i64) -> Result<Option<Arc<Head>>> {
        let Now { following, definition, newest } = now;
        let memory = &self.git_indexes.memory;
        let mut files = Vec::new();
        let make = |krate: wharf_store::git_index::IndexedCrate| {
            let file = with_lines(&krate.lines, |lines| File::new(memory, lines)).map_err(Error::internal)?;
            files.push(Change { name: krate.name, file });
            Ok(())
        };
        // The newest head may itself be from before the latest changes; what changed after it is undone all the same.
        if self.past(following, definition.view(), moment, moment, make).await?.is_none() {
            return Ok(None);
        }
        let (following, definition, newest) = (Arc::clone(following), Arc::clone(definition), Arc::clone(newest));
        let (config, moment) = (Arc::clone(&visitor.config), number(moment)?);
        tokio::task::spawn_blocking(move || {
            let index = following.index()?;
            index.earlier(&newest, &definition, &config, moment, files).map(Some).map_err(Error::internal)
        })
        .await
        .map_err(Error::internal)?
    }
}
