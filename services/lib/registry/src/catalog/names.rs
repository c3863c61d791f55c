//! The names in a registry, the newest revision heard of for each, and what view filters judge by.

use foldhash::fast::FixedState;
use semver::Version;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::OnceCell;
use uuid::Uuid;
use wharf_domain::{CanonicalName, CrateId, CrateName, RegistryId, Timestamp};
use wharf_store::StoreError;
use wharf_store::crate_index::{ListedCrate, NumberedCrate};

/// The number of each version of a crate, and when it was published.
pub(crate) type Numbers = Arc<[(Version, Timestamp)]>;

/// A crate of a registry and the newest revision heard of.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) id: CrateId,
    pub(crate) name: CrateName,
    pub(crate) revision: i64,
    /// Its versions at this revision, if they are known.
    pub(crate) numbers: Option<Numbers>,
}

impl From<ListedCrate> for Listed {
    fn from(ListedCrate { id, name, revision }: ListedCrate) -> Self {
        Self { id, name, revision, numbers: None }
    }
}

impl From<NumberedCrate> for Listed {
    fn from(NumberedCrate { listed, versions }: NumberedCrate) -> Self {
        let numbers = versions.into_iter().map(|(number, published_at)| (number.semver().clone(), published_at));
        Self { numbers: Some(numbers.collect()), ..Self::from(listed) }
    }
}

/// The names of one registry. Crates are never removed and revisions only rise, so that what is heard from the feed and
/// what is loaded from the database can be merged in any order.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: RwLock<HashMap<CanonicalName, Listed>>,
    loaded: OnceCell<()>,
    numbered: OnceCell<()>,
    /// Somebody began to load numbers.
    numbers_wanted: AtomicBool,
}

impl Names {
    /// Loads all names, once; concurrent callers wait for the same load. A failed load is tried again by the next caller.
    pub(crate) async fn load_once<F, L>(&self, list: L) -> Result<(), StoreError>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Vec<ListedCrate>, StoreError>>,
    {
        self.loaded.get_or_try_init(|| async { list().await.map(|crates| self.hear(crates)) }).await.copied()
    }

    /// Loads the numbers of all versions of all crates, once, in the same way. From then on they are to be kept up to date
    /// by whoever hears of changes, before readers ask.
    pub(crate) async fn number_once<F, L>(&self, list: L) -> Result<(), StoreError>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Vec<NumberedCrate>, StoreError>>,
    {
        let load = || async {
            // Before anything is read: what changes from here on is read by whoever hears of it.
            self.numbers_wanted.store(true, Ordering::SeqCst);
            list().await.map(|crates| self.hear(crates))
        };
        self.numbered.get_or_try_init(load).await.copied()
    }

    /// Whether numbers are held or being loaded, and are to be kept up to date.
    pub(crate) fn have_numbers(&self) -> bool {
        self.numbers_wanted.load(Ordering::SeqCst)
    }

    /// Takes in what the database or the feed says of crates, whichever is newer.
    pub(crate) fn hear<L: Into<Listed>>(&self, crates: impl IntoIterator<Item = L>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for krate in crates {
            merge(&mut known, krate.into());
        }
    }

    /// The crate of this spelling, case ignored; `canonical` is the same name in canonical form.
    pub(crate) fn find(&self, name: &str, canonical: &CanonicalName) -> Option<Found> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let listed = known.get(canonical);
        // An absent name is compared, too, with itself: that takes as long as with the name of a crate.
        let spelled = listed.map_or(name, |listed| listed.name.as_str());
        let same = black_box(spelled).eq_ignore_ascii_case(name);
        listed.filter(|_| same).map(Found::from)
    }

    /// The crate of this name in any spelling.
    pub(crate) fn find_any_spelling(&self, canonical: &CanonicalName) -> Option<Found> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(canonical).map(Found::from)
    }
}

/// What is known of a name: a crate and the newest revision heard of, or what stands in for an absent one.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: CrateId,
    pub(crate) revision: i64,
    pub(crate) numbers: Option<Numbers>,
}

impl From<&Listed> for Found {
    fn from(listed: &Listed) -> Self {
        Self { id: listed.id, revision: listed.revision, numbers: listed.numbers.clone() }
    }
}

impl Found {
    /// Stands in for a crate that does not exist: a crate without versions, under an id that no crate has.
    ///
    /// Where a crate may be hidden by its versions, an absent one must cost what that one costs, in the first request and
    /// in later ones; so it is judged and remembered, as that one is.
    pub(crate) fn stand_in(registry: RegistryId, canonical: &CanonicalName) -> Self {
        // Quickly made, for what is there needs none. Whoever finds two names of one hash has found two absent names.
        let hash = FixedState::default().hash_one((registry, canonical));
        // All bits of the version are set: no random UUID is like this.
        let id = CrateId(Uuid::from_u64_pair(hash | 0xf000, hash));
        Self { id, revision: 0, numbers: Some(Numbers::default()) }
    }
}

fn merge(known: &mut HashMap<CanonicalName, Listed>, fresh: Listed) {
    match known.entry(fresh.name.canonical()) {
        Entry::Vacant(free) => drop(free.insert(fresh)),
        Entry::Occupied(mut held) => {
            let held = held.get_mut();
            if fresh.revision > held.revision || (fresh.revision == held.revision && held.numbers.is_none()) {
                (held.revision, held.numbers) = (fresh.revision, fresh.numbers);
            }
        }
    }
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
    use wharf_domain::CrateVersion;

    fn listed(name: &str, revision: i64) -> ListedCrate {
        ListedCrate { id: CrateId(uuid::Uuid::from_u128(7)), name: CrateName::parse(name).unwrap(), revision }
    }

    fn numbered(name: &str, revision: i64, numbers: &[&str]) -> NumberedCrate {
        let version = |number: &&str| (CrateVersion::parse(number).unwrap(), Timestamp::from_unix(0));
        NumberedCrate { listed: listed(name, revision), versions: numbers.iter().map(version).collect() }
    }

    #[tokio::test]
    async fn hearing_and_loading_merge_in_any_order() {
        let names = Names::default();
        names.hear([listed("Foo_Bar", 5)]);
        names.load_once(|| async { Ok(vec![listed("Foo_Bar", 3)]) }).await.unwrap();
        let find = |name: &str| names.find(name, &canonical(name));
        assert_eq!(find("foo_bar").unwrap().revision, 5);
        names.hear([listed("Foo_Bar", 4)]);
        assert_eq!(find("FOO_BAR").unwrap().revision, 5);
        assert!(find("foo-bar").is_none(), "clients probe the other spelling by themselves");
        assert_eq!(names.find_any_spelling(&canonical("foo-bar")).unwrap().revision, 5);
    }

    #[tokio::test]
    async fn numbers_are_those_of_the_newest_revision_or_unknown() {
        let names = Names::default();
        let count = || names.find("foo", &canonical("foo")).unwrap().numbers.map(|numbers| numbers.len());
        names.hear([listed("foo", 2)]);
        assert_eq!(count(), None);
        assert!(!names.have_numbers());
        let load = || async {
            assert!(names.have_numbers(), "what changes meanwhile is read with its numbers");
            Ok(vec![numbered("foo", 1, &["1.0.0"])])
        };
        names.number_once(load).await.unwrap();
        assert_eq!(count(), None, "they are older than what was heard of");
        names.hear([numbered("foo", 2, &["1.0.0", "1.1.0"])]);
        assert_eq!(count(), Some(2));
        names.hear([listed("foo", 2)]);
        assert_eq!(count(), Some(2));
        names.hear([numbered("foo", 1, &["1.0.0"])]);
        assert_eq!(count(), Some(2));
        names.hear([listed("foo", 3)]);
        assert_eq!(count(), None);
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
