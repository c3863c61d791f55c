//! The names in a registry, and the newest revision heard of for each.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;
use std::sync::{PoisonError, RwLock};
use tokio::sync::OnceCell;
use uuid::Uuid;
use wharf_domain::{CanonicalName, CrateId, CrateName, RegistryId};
use wharf_store::StoreError;
use wharf_store::crate_index::ListedCrate;

/// A crate of a registry and the newest revision heard of.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The crate.
    pub id: CrateId,
    /// Its name as published.
    pub name: CrateName,
    /// The newest revision heard of.
    pub revision: i64,
}

/// The names of one registry. Crates are never removed and revisions only rise, so that what is heard from the feed and
/// what is loaded from the database can be merged in any order.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: RwLock<HashMap<CanonicalName, Listed>>,
    loaded: OnceCell<()>,
}

impl Names {
    /// Loads all names, once; concurrent callers wait for the same load. A failed load is tried again by the next caller.
    pub(crate) async fn load_once<F, L>(&self, list: L) -> Result<(), StoreError>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Vec<ListedCrate>, StoreError>>,
    {
        self.loaded
            .get_or_try_init(|| async {
                let crates = list().await?;
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.reserve(crates.len());
                for ListedCrate { id, name, revision } in crates {
                    merge(&mut known, Listed { id, name, revision });
                }
                Ok(())
            })
            .await
            .copied()
    }

    /// Takes in what the feed says.
    pub(crate) fn hear(&self, listed: Listed) {
        merge(&mut self.known.write().unwrap_or_else(PoisonError::into_inner), listed);
    }

    /// The crate of this spelling, case ignored; `canonical` is the same name in canonical form.
    pub(crate) fn find(&self, name: &str, canonical: &CanonicalName) -> Option<Found> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let listed = known.get(canonical);
        // An absent name is compared, too, with itself: that takes as long as with the name of a crate.
        let spelled = listed.map_or(name, |listed| listed.name.as_str());
        let same = black_box(spelled).eq_ignore_ascii_case(name);
        listed.filter(|_| same).map(|listed| Found { id: listed.id, revision: listed.revision })
    }

    /// The crate of this name in any spelling.
    pub(crate) fn find_any_spelling(&self, canonical: &CanonicalName) -> Option<Found> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(canonical).map(|listed| Found { id: listed.id, revision: listed.revision })
    }
}

/// What is known of a name: a crate and the newest revision heard of, or what stands in for an absent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: CrateId,
    pub(crate) revision: i64,
}

impl Found {
    /// Stands in for a crate that does not exist: a crate without versions, under an id that no crate has.
    ///
    /// Where a crate may be hidden by its versions, an absent one must cost what that one costs, in the first request and
    /// in later ones; so it is looked for in the database and remembered, as that one is.
    pub(crate) fn stand_in(registry: RegistryId, canonical: &CanonicalName) -> Self {
        let mut hash = DefaultHasher::new();
        (registry, canonical).hash(&mut hash);
        let hash = hash.finish();
        // All bits of the version are set: no random UUID is like this.
        Self { id: CrateId(Uuid::from_u64_pair(hash | 0xf000, hash)), revision: 0 }
    }
}

fn merge(known: &mut HashMap<CanonicalName, Listed>, fresh: Listed) {
    let held = known.entry(fresh.name.canonical()).or_insert_with(|| fresh.clone());
    held.revision = held.revision.max(fresh.revision);
}

/// The canonical form of a name that came in a request; a text that is no name becomes one that no crate has.
pub(crate) fn canonical(name: &str) -> CanonicalName {
    match CrateName::parse(name) {
        Ok(name) => name.canonical(),
        Err(_) => CrateName::parse("config-json").expect("well formed").canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, revision: i64) -> Listed {
        Listed { id: CrateId(uuid::Uuid::from_u128(7)), name: CrateName::parse(name).unwrap(), revision }
    }

    #[tokio::test]
    async fn hearing_and_loading_merge_in_any_order() {
        let names = Names::default();
        names.hear(listed("Foo_Bar", 5));
        let load = || async {
            let Listed { id, name, revision } = listed("Foo_Bar", 3);
            Ok(vec![ListedCrate { id, name, revision }])
        };
        names.load_once(load).await.unwrap();
        let find = |name: &str| names.find(name, &canonical(name));
        assert_eq!(find("foo_bar").unwrap().revision, 5);
        names.hear(listed("Foo_Bar", 4));
        assert_eq!(find("FOO_BAR").unwrap().revision, 5);
        assert!(find("foo-bar").is_none(), "clients probe the other spelling by themselves");
        assert_eq!(names.find_any_spelling(&canonical("foo-bar")).unwrap().revision, 5);
    }

    #[test]
    fn nobody_has_the_id_of_a_stand_in() {
        let stand_in = |registry, name| Found::stand_in(RegistryId(Uuid::from_u128(registry)), &canonical(name)).id;
        assert_eq!(stand_in(1, "foo-bar"), stand_in(1, "Foo_Bar"));
        assert_ne!(stand_in(1, "foo-bar"), stand_in(2, "foo-bar"));
        assert_ne!(stand_in(1, "foo-bar"), stand_in(1, "foo-baz"));
        assert_eq!(stand_in(1, "foo-bar").0.get_version_num(), 15);
    }
}
