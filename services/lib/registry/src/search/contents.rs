//! What a view shows, as far as a search asks: the names, and of each crate the version that stands for it.
//!
//! A search reads nothing else, so neither its hits, nor its total, nor its time tells of what is out of view. Contents are made
//! when a view is first searched, held in memory within a stated number of bytes, and brought forward by the numbered
//! changes of the registry's index: each search asks for the newest number, so that it finds what was published before it.

use crate::catalog::RegistryEntry;
use crate::{Error, Result, Site};
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Memory;
use std::sync::Arc;
use tokio::sync::Mutex;
use wharf_domain::view::ViewId;
use wharf_domain::{CanonicalName, CrateId, RegistryId, Sight, VersionId, View};
use wharf_store::TenantTx;
use wharf_store::view_contents::{HeldCrate, HeldVersion, Narrowing};

/// Crates read from the database at once.
const CHUNK: i64 = 500;
/// Most views of which the turn to read is known.
const TURNS: u64 = 10_000;
/// What a crate takes besides its name: its pointer and length, the id of a version, two counts before the name, and what an
/// allocator keeps for itself.
const CRATE_BYTES: usize = 64;

/// What a view showed after one change of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// The number of that change; changes after it may be in already.
    seq: i64,
    /// The crates of which it shows something, each with the version that stands for it; in the order of names.
    crates: Vec<(CanonicalName, VersionId)>,
}

impl Contents {
    pub(super) fn crates(&self) -> &[(CanonicalName, VersionId)] {
        &self.crates
    }

    fn bytes(&self) -> u32 {
        let crates = self.crates.iter().map(|(name, _)| CRATE_BYTES + name.as_str().len()).sum::<usize>();
        u32::try_from(size_of::<Self>() + crates).unwrap_or(u32::MAX)
    }

    /// Takes in what a crate is now.
    fn put(&mut self, name: CanonicalName, shown: Option<VersionId>) {
        match (self.crates.binary_search_by(|(known, _)| known.cmp(&name)), shown) {
            (Ok(at), Some(version)) => self.crates[at].1 = version,
            (Ok(at), None) => drop(self.crates.remove(at)),
            (Err(at), Some(version)) => self.crates.insert(at, (name, version)),
            (Err(_), None) => {}
        }
    }
}

/// The version that stands for a crate: the newest that is seen, stable before pre-release, yanked only when there is nothing
/// else.
fn shown(versions: &[HeldVersion], sight: &Sight) -> Option<VersionId> {
    let seen = versions.iter().filter(|version| {
        wharf_trial::mutant!(SearchShowsHiddenVersion { return true; });
        sight.shows(version.number.semver(), version.published_at)
    });
    let best =
        |version: &&HeldVersion| (!version.yanked, version.number.semver().pre.is_empty(), version.number.clone());
    seen.max_by_key(best).map(|version| version.id)
}

/// The contents of views that were searched, as long as there is room.
pub(crate) struct SearchedViews {
    held: Memory<ViewId, Arc<Contents>>,
    /// One at a time makes the contents of a view.
    turns: Memory<ViewId, Arc<Mutex<()>>>,
}

impl SearchedViews {
    pub(crate) fn new(bytes: u64) -> Self {
        // By default a large view would not be taken in among small ones that were searched more often.
        let held = Memory::builder()
            .eviction_policy(EvictionPolicy::lru())
            .weigher(|_, contents: &Arc<Contents>| contents.bytes())
            .max_capacity(bytes);
        Self { held: held.build(), turns: Memory::new(TURNS) }
    }

    /// Forgets everything, so that it is read anew.
    pub(crate) fn forget_all(&self) {
        self.held.invalidate_all();
    }

    /// What is held of a view.
    fn get(&self, view: ViewId) -> Option<Arc<Contents>> {
        self.held.get(&view)
    }
}

impl Site {
    /// What a view shows now, and the transaction that knows it to be so.
    pub(super) async fn contents(&self, entry: &RegistryEntry, view: &View) -> Result<(TenantTx, Arc<Contents>)> {
        let registry = entry.address.registry;
        let id = wharf_trial::mutant!(SearchRemembersAnotherView => View::everything().id(registry); view.id(registry));
        let is_current =
            |contents: &Contents, seq| wharf_trial::mutant!(SearchForgetsToLook => true; contents.seq == seq);
        let mut transaction = self.begin(entry.address.org).await?;
        let seq = transaction.get_index_seq(registry).await?;
        if let Some(contents) = self.searched.get(id).filter(|contents| is_current(contents, seq)) {
            return Ok((transaction, contents));
        }
        // A connection is not held while others have their turn.
        drop(transaction);
        let turn = self.searched.turns.get_with(id, Arc::default);
        let _turn = turn.lock().await;
        let mut transaction = self.begin(entry.address.org).await?;
        let seq = transaction.get_index_seq(registry).await?;
        let contents = match self.searched.get(id) {
            Some(contents) if is_current(&contents, seq) => return Ok((transaction, contents)),
            Some(contents) if contents.seq < seq => advance(&mut transaction, registry, view, &contents, seq).await?,
            _ => None,
        };
        let contents = Arc::new(match contents {
            Some(contents) => contents,
            None => read(&mut transaction, registry, view, seq).await?,
        });
        self.searched.held.insert(id, Arc::clone(&contents));
        Ok((transaction, contents))
    }
}

/// The contents of a view, read whole. What is committed meanwhile may be in them or not; it will be read again.
async fn read(transaction: &mut TenantTx, registry: RegistryId, view: &View, seq: i64) -> Result<Contents> {
    let mut contents = Contents { seq, crates: Vec::new() };
    let narrowing = Narrowing::of_views([view]);
    let mut after = String::new();
    while !narrowing.is_empty() {
        let piece = transaction.list_contents(registry, &narrowing, &after, CHUNK).await?;
        let Some(last) = piece.last() else { break };
        last.name.canonical().as_str().clone_into(&mut after);
        contents.crates.extend(piece.into_iter().filter_map(|held| {
            let name = held.name.canonical();
            shown(&held.versions, &view.sight(&name)).map(|version| (name, version))
        }));
    }
    contents.crates.shrink_to_fit();
    Ok(contents)
}

/// The contents after later changes; `None` when these are not known any more.
async fn advance(
    transaction: &mut TenantTx,
    registry: RegistryId,
    view: &View,
    former: &Contents,
    seq: i64,
) -> Result<Option<Contents>> {
    let changes = transaction.list_index_changes(registry, former.seq, seq).await?;
    if i64::try_from(changes.len()).map_err(Error::internal)? != seq - former.seq {
        return Ok(None);
    }
    let mut touched: Vec<CrateId> = changes.iter().map(|change| change.krate).collect();
    touched.sort_unstable();
    touched.dedup();
    let mut contents = Contents { seq, ..former.clone() };
    for piece in touched.chunks(usize::try_from(CHUNK).map_err(Error::internal)?) {
        let names = transaction.list_crate_names(registry, piece).await?;
        let names: Vec<CanonicalName> = names.into_iter().map(|(_, name)| name.canonical()).collect();
        let in_sight: Vec<&CanonicalName> = names.iter().filter(|name| view.sight(name) != Sight::Hidden).collect();
        if in_sight.is_empty() {
            continue;
        }
        let narrowing = Narrowing::of_names(in_sight);
        for HeldCrate { name, versions, .. } in transaction.list_contents(registry, &narrowing, "", CHUNK).await? {
            let name = name.canonical();
            let shown = shown(&versions, &view.sight(&name));
            contents.put(name, shown);
        }
    }
    Ok(Some(contents))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::view::Rule;
    use wharf_domain::{CrateName, CratePattern, CrateVersion, Timestamp};

    fn name(text: &str) -> CanonicalName {
        CrateName::parse(text).unwrap().canonical()
    }

    fn version(id: usize) -> VersionId {
        VersionId(uuid::Uuid::from_u128(id as u128))
    }

    #[test]
    fn the_shown_version() {
        let best = |versions: &[(&str, bool)], sight: &Sight| {
            let held: Vec<HeldVersion> = versions
                .iter()
                .enumerate()
                .map(|(id, (number, yanked))| HeldVersion {
                    id: version(id),
                    number: CrateVersion::parse(number).unwrap(),
                    published_at: Timestamp::from_unix(0),
                    yanked: *yanked,
                    line: None,
                })
                .collect();
            shown(&held, sight).map(|best| versions[usize::try_from(best.0.as_u128()).unwrap()].0.to_owned())
        };
        let whole = |versions: &[(&str, bool)]| best(versions, &Sight::Whole).unwrap();
        assert_eq!(whole(&[("1.9.0", false), ("1.10.0", false)]), "1.10.0");
        assert_eq!(whole(&[("1.0.0", false), ("2.0.0-rc", false)]), "1.0.0");
        assert_eq!(whole(&[("1.0.0", false), ("2.0.0", true)]), "1.0.0");
        assert_eq!(whole(&[("1.0.0-rc", false), ("2.0.0", true)]), "1.0.0-rc");
        assert_eq!(whole(&[("1.0.0", true), ("2.0.0", true)]), "2.0.0");

        let below_two = View::new([Rule {
            allow: vec![CratePattern::all()],
            versions: Some("<2".parse().unwrap()),
            ..Rule::default()
        }]);
        let part = below_two.sight(&name("foo"));
        assert_eq!(best(&[("1.0.0", false), ("2.0.0", false)], &part).unwrap(), "1.0.0");
        assert_eq!(best(&[("2.0.0", false)], &part), None);
        assert_eq!(best(&[("1.0.0", false)], &Sight::Hidden), None);
    }

    #[test]
    fn crates_come_change_and_go_in_the_order_of_names() {
        let mut contents = Contents::default();
        for (text, shown) in
            [("b", Some(1)), ("a-c", Some(2)), ("c", Some(3)), ("b", Some(4)), ("c", None), ("x", None)]
        {
            contents.put(name(text), shown.map(version));
        }
        assert_eq!(contents.crates(), [(name("a-c"), version(2)), (name("b"), version(4))]);
        assert!(contents.bytes() > 2 * 64);
    }
}
