//! What an index was after an earlier change, told by undoing the changes since.
//!
//! A version's line is written once and only `yanked` in it ever changes, so each change has exactly one inverse, and an
//! old file comes out as it was sent, byte for byte.

use super::following::{Following, number, with_lines};
use super::pieces::Pieces;
use crate::{Error, Result, Site};
use std::collections::HashMap;
use std::sync::Arc;
use wharf_cargo_wire::with_yanked;
use wharf_domain::{CrateId, Sight, View};
use wharf_git_index::{Base, Definition, DeltaError, Head, Pack, Was, visible_oid};
use wharf_git_wire::ObjectId;
use wharf_store::TenantTx;
use wharf_store::git_index::{IndexedCrate, SeenCommit};
use wharf_store::index_change::{IndexChange, IndexEvent};

/// How often a difference is begun again because the index moved on meanwhile.
const ATTEMPTS: usize = 5;

/// Takes a change back.
fn undo(krate: &mut IndexedCrate, change: &IndexChange) -> Result<()> {
    let Some(at) = krate.lines.iter().position(|line| line.version == change.version) else {
        return Err(Error::internal("a version that changed is not in its crate"));
    };
    let yanked = match change.event {
        IndexEvent::Published => {
            krate.lines.remove(at);
            return Ok(());
        }
        IndexEvent::Yanked => false,
        IndexEvent::Unyanked => true,
    };
    let line = &mut krate.lines[at].line;
    *line = with_yanked(line, yanked).map_err(Error::internal)?;
    Ok(())
}

impl Site {
    /// Hands out the crates that changed after change `since`, as they were after change `then`. Tells the newest change
    /// that is taken into account, or `None` when changes are no longer kept. Crates that `view` hides are left out.
    pub(super) async fn past(
        &self,
        following: &Following,
        view: &View,
        since: i64,
        then: i64,
        mut each: impl FnMut(IndexedCrate) -> Result<()>,
    ) -> Result<Option<u64>> {
        let registry = following.registry;
        let mut transaction = TenantTx::begin_snapshot(&self.database, following.org).await?;
        let now = transaction.get_index_seq(registry).await?;
        let changes = transaction.list_index_changes(registry, since, now).await?;
        // No number is ever left out, so any that is missing was pruned.
        if i64::try_from(changes.len()).map_err(Error::internal)? != now.saturating_sub(since) {
            return Ok(None);
        }
        let mut by_crate: HashMap<CrateId, Vec<IndexChange>> = HashMap::new();
        for change in changes {
            by_crate.entry(change.krate).or_default().push(change);
        }
        let touched: Vec<CrateId> = by_crate.keys().copied().collect();
        let names = transaction.list_crate_names(registry, &touched).await?;
        let seen = names.into_iter().filter(|(_, name)| view.sight(&name.canonical()) != Sight::Hidden);
        let mut pieces = Pieces::new(registry, seen.map(|(id, _)| id));
        while let Some(piece) = pieces.next(&mut transaction).await? {
            for mut krate in piece {
                let changes = by_crate.get(&krate.id).map(Vec::as_slice).unwrap_or_default();
                for change in changes.iter().rev().filter(|change| change.seq > then) {
                    undo(&mut krate, change)?;
                }
                each(krate)?;
            }
        }
        Ok(Some(number(now)?))
    }

    /// What a client that was offered `base` lacks for `target`; `None` when that can no longer be told.
    pub(super) async fn difference(
        &self,
        following: &Arc<Following>,
        definition: &Arc<Definition>,
        target: &Arc<Head>,
        base: &SeenCommit,
    ) -> Result<Option<Pack>> {
        // Whichever is older: a client may be ahead of what it wants, when replicas take turns.
        let since = base.seq.min(i64::try_from(target.seq()).map_err(Error::internal)?);
        let old = Arc::new(Definition::new(base.view.clone(), following.registry));
        for _ in 0..ATTEMPTS {
            let mut was = Vec::new();
            let show = |krate: IndexedCrate| {
                let oid = with_lines(&krate.lines, |lines| visible_oid(old.view(), &krate.name, lines));
                was.push(Was { name: krate.name, oid });
                Ok(())
            };
            let Some(covers) = self.past(following, old.view(), since, base.seq, show).await? else { return Ok(None) };
            let (following, definition) = (Arc::clone(following), Arc::clone(definition));
            let (target, old, config) = (Arc::clone(target), Arc::clone(&old), ObjectId::new(base.config));
            let told = tokio::task::spawn_blocking(move || {
                let base = Base { definition: &old, config, was: &was, covers };
                following.index().map(|index| index.delta(&target, &definition, &base))
            })
            .await
            .map_err(Error::internal)??;
            match told {
                Ok(pack) => return Ok(Some(pack)),
                Err(DeltaError::Behind) => {}
                Err(DeltaError::Object(error)) => return Err(Error::internal(error)),
            }
        }
        // Publishes come faster than they can be undone; the whole is right, too.
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;
    use wharf_domain::{CrateName, CrateVersion, Timestamp, VersionId};
    use wharf_store::git_index::IndexedLine;

    fn line(version: u128, yanked: bool) -> IndexedLine {
        IndexedLine {
            version: VersionId(Uuid::from_u128(version)),
            number: CrateVersion::parse(&format!("{version}.0.0")).unwrap(),
            published_at: Timestamp::from_unix(7),
            line: format!(r#"{{"vers":"{version}.0.0","yanked":{yanked}}}"#),
        }
    }

    fn change(seq: i64, version: u128, event: IndexEvent) -> IndexChange {
        IndexChange { seq, krate: CrateId(Uuid::from_u128(1)), version: VersionId(Uuid::from_u128(version)), event }
    }

    #[test]
    fn changes_are_undone_newest_first() {
        let name = CrateName::parse("a").unwrap();
        let id = CrateId(Uuid::from_u128(1));
        let mut krate = IndexedCrate { id, name, lines: vec![line(1, true), line(2, false)] };
        let history = [
            (change(6, 1, IndexEvent::Yanked), vec![line(1, false), line(2, false)]),
            (change(5, 2, IndexEvent::Unyanked), vec![line(1, false), line(2, true)]),
            (change(4, 2, IndexEvent::Yanked), vec![line(1, false), line(2, false)]),
            (change(3, 2, IndexEvent::Published), vec![line(1, false)]),
            (change(2, 1, IndexEvent::Published), vec![]),
        ];
        for (change, before) in history {
            undo(&mut krate, &change).unwrap();
            let texts = |lines: &[IndexedLine]| lines.iter().map(|line| line.line.clone()).collect::<Vec<_>>();
            assert_eq!(texts(&krate.lines), texts(&before), "before change {}", change.seq);
        }
        assert!(undo(&mut krate, &change(1, 1, IndexEvent::Published)).is_err(), "what is not there cannot be undone");
    }
}
