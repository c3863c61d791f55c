//! The names in a registry, the newest revision heard of for each, and what view filters judge by.

use super::table::{self, Table};
use semver::Version;
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
    known: RwLock<Table<CanonicalName, Listed>>,
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
    pub(crate) fn find(&self, registry: RegistryId, name: &str, canonical: &CanonicalName) -> Found {
        self.find_if(registry, canonical, |listed| black_box(listed.name.as_str()).eq_ignore_ascii_case(name))
    }

    /// The crate of this name in any spelling.
    pub(crate) fn find_any_spelling(&self, registry: RegistryId, canonical: &CanonicalName) -> Found {
        self.find_if(registry, canonical, |_| true)
    }

    /// Whatever is there, the same is done and as much is fetched from memory.
    fn find_if(&self, registry: RegistryId, canonical: &CanonicalName, is_meant: impl Fn(&Listed) -> bool) -> Found {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let stand_in = black_box(stand_in_id(registry, canonical));
        let (listed, is_there) = match known.find(canonical) {
            table::Found::There(listed) => (listed, true),
            table::Found::Absent(Some(another)) => (another, false),
            table::Found::Absent(None) => return Found { id: stand_in, revision: 0, numbers: None, exists: false },
        };
        let Listed { id, revision, numbers, .. } = listed;
        let numbers = numbers.clone();
        if black_box(is_meant(listed)) & is_there {
            Found { id: *id, revision: *revision, numbers, exists: true }
        } else {
            Found { id: stand_in, revision: 0, numbers, exists: false }
        }
    }
}

/// What is known of a name: a crate and the newest revision heard of, or what stands in for an absent one.
///
/// Where a crate may be hidden by its versions, an absent one must cost what that one costs, in the first request and in
/// later ones; so it is judged and remembered, as that one is, by an id that no crate has and numbers of another crate.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: CrateId,
    pub(crate) revision: i64,
    numbers: Option<Numbers>,
    /// Whether this is a crate.
    pub(crate) exists: bool,
}

impl Found {
    /// Whether something of it is shown by a judgement of numbers; `None` if its numbers were not known.
    pub(crate) fn shows(&self, admits: impl Fn(&Version, Timestamp) -> bool) -> Option<bool> {
        // A crate has at least one version. How many the other crate has must not be told by an absent name.
        let judged = if self.exists { usize::MAX } else { 1 };
        let numbers = match &self.numbers {
            Some(numbers) => numbers.iter().take(judged),
            None if self.exists => return None,
            None => [].iter().take(judged),
        };
        Some(numbers.fold(false, |shows, (number, at)| shows | admits(number, *at)) & self.exists)
    }
}

/// The id of a crate that does not exist, by its name.
fn stand_in_id(registry: RegistryId, canonical: &CanonicalName) -> CrateId {
    // Whoever finds two names of one hash has found two absent names.
    let hash = table::quick_hash(&(registry, canonical));
    // All bits of the version are set: no random UUID is like this.
    CrateId(Uuid::from_u64_pair(hash | 0xf000, hash))
}

fn merge(known: &mut Table<CanonicalName, Listed>, fresh: Listed) {
    let canonical = fresh.name.canonical();
    match known.get_mut(&canonical) {
        None => known.insert(canonical, fresh),
        Some(held) => {
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

    const REGISTRY: RegistryId = RegistryId(Uuid::nil());

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
        let find = |name: &str| Some(names.find(REGISTRY, name, &canonical(name))).filter(|found| found.exists);
        assert_eq!(find("foo_bar").unwrap().revision, 5);
        names.hear([listed("Foo_Bar", 4)]);
        assert_eq!(find("FOO_BAR").unwrap().revision, 5);
        assert!(find("foo-bar").is_none(), "clients probe the other spelling by themselves");
        assert_eq!(names.find_any_spelling(REGISTRY, &canonical("foo-bar")).revision, 5);
    }

    #[tokio::test]
    async fn numbers_are_those_of_the_newest_revision_or_unknown() {
        let names = Names::default();
        let count = || names.find(REGISTRY, "foo", &canonical("foo")).numbers.map(|numbers| numbers.len());
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
    fn what_is_absent_shows_nothing_by_the_numbers_of_another() {
        let names = Names::default();
        names.hear([numbered("foo", 1, &["1.0.0", "1.1.0", "1.2.0"])]);
        let judged = |name: &str| {
            let judged = std::cell::Cell::new(0);
            let admits = |_: &Version, _| {
                judged.set(judged.get() + 1);
                true
            };
            (names.find(REGISTRY, name, &canonical(name)).shows(admits), judged.get())
        };
        assert_eq!(judged("foo"), (Some(true), 3));
        assert_eq!(judged("bar"), (Some(false), 1), "a crate has at least one version");
    }

    #[test]
    fn nobody_has_the_id_of_a_stand_in() {
        let stand_in = |registry, name| stand_in_id(RegistryId(Uuid::from_u128(registry)), &canonical(name));
        assert_eq!(stand_in(1, "foo-bar"), stand_in(1, "Foo_Bar"));
        assert_ne!(stand_in(1, "foo-bar"), stand_in(2, "foo-bar"));
        assert_ne!(stand_in(1, "foo-bar"), stand_in(1, "foo-baz"));
        assert_eq!(stand_in(1, "foo-bar").0.get_version_num(), 15);
    }
}
