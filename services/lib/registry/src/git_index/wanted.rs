//! Finds the commit that a client wants, which need not be the newest: between its two requests something may have been
//! published, and the second request may meet a process that never gave out what the first one offered.
//!
//! Only what this reader was offered, or what its own view showed a moment ago, is ever found.

use super::following::{Following, number, with_lines};
use super::{GitVisitor, SMALL_PACK_BYTES, sending};
use crate::{Error, Result, Site};
use std::sync::Arc;
use std::time::Duration;
use wharf_domain::Sight;
use wharf_git_index::{Change, Definition, File, Head};
use wharf_git_wire::ObjectId;
use wharf_store::TenantTx;

/// Of a small view, whose commits are not remembered, so many earlier states are looked at.
const EARLIER_STATES_MAX: usize = 8;
/// And no earlier than so long ago. A bound on the number of changes would let those that nobody sees decide.
const EARLIER_AGE: Duration = Duration::from_secs(60);

impl Site {
    /// The head of a wanted commit; `None` when it is not this reader's to want.
    pub(super) async fn find_wanted(
        &self,
        following: &Arc<Following>,
        visitor: &GitVisitor,
        definition: &Arc<Definition>,
        newest: &Arc<Head>,
        wanted: ObjectId,
    ) -> Result<Option<Arc<Head>>> {
        if newest.commit() == wanted {
            return Ok(Some(Arc::clone(newest)));
        }
        if let Some(head) = following.index()?.recall(definition.id(), newest.config(), wanted) {
            return Ok(Some(head));
        }
        // An offer made under other rules is not renewed: what was taken away stays away.
        let offered = self
            .find_seen(visitor, &[wanted])
            .await
            .into_iter()
            .find(|seen| seen.view == *definition.view() && seen.config == *newest.config().as_bytes());
        let moments = match offered {
            Some(seen) => vec![seen.seq],
            None if sending::is_longer(newest, SMALL_PACK_BYTES)? => Vec::new(),
            None => self.earlier_moments(following, definition).await?,
        };
        for moment in moments {
            let head = self.earlier(following, visitor, definition, newest, moment).await?;
            if let Some(head) = head.filter(|head| head.commit() == wanted) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// After which changes a view last had other states, newest first.
    async fn earlier_moments(&self, following: &Following, definition: &Definition) -> Result<Vec<i64>> {
        let mut transaction = TenantTx::begin_snapshot(&self.database, following.org).await?;
        let now = transaction.get_index_seq(following.registry).await?;
        let since = transaction.get_index_seq_before(following.registry, self.clock.now().minus(EARLIER_AGE)).await?;
        let changes = transaction.list_index_changes(following.registry, since, now).await?;
        let crates: Vec<_> = changes.iter().map(|change| change.krate).collect();
        let names = transaction.list_crate_names(following.registry, &crates).await?;
        let shown: std::collections::HashSet<_> = names
            .into_iter()
            .filter(|(_, name)| definition.view().sight(&name.canonical()) != Sight::Hidden)
            .map(|(id, _)| id)
            .collect();
        let of_view = changes.iter().rev().filter(|change| shown.contains(&change.krate));
        Ok(of_view.map(|change| change.seq - 1).take(EARLIER_STATES_MAX).collect())
    }

    /// What the view showed after a change; `None` when that can no longer be told.
    async fn earlier(
        &self,
        following: &Arc<Following>,
        visitor: &GitVisitor,
        definition: &Arc<Definition>,
        newest: &Arc<Head>,
        moment: i64,
    ) -> Result<Option<Arc<Head>>> {
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
        let (following, definition) = (Arc::clone(following), Arc::clone(definition));
        let (newest, config, moment) = (Arc::clone(newest), Arc::clone(&visitor.config), number(moment)?);
        tokio::task::spawn_blocking(move || {
            let index = following.index()?;
            index.earlier(&newest, &definition, &config, moment, files).map(Some).map_err(Error::internal)
        })
        .await
        .map_err(Error::internal)?
    }
}
