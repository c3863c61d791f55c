//! What a serving process holds in memory: registries by address, the names in each, and index files.
//!
//! Registries are few and all held. Names of a registry are loaded when it is first asked for, and held: without them an
//! absent name could not be told from a cold one without asking the database. Index files are loaded when first asked for
//! and held within a stated number of bytes. Nothing is ever invalidated by removing it: each name carries the newest
//! revision heard of, and a file of an older revision is simply not used, so no order of loading and hearing can leave a
//! stale file in service.
//!
//! Names that a view hides are refused before anything is looked up. Where a view may hide all versions of a crate, that is
//! decided by numbers held of all crates, and an absent crate is judged, too: neither the database nor a file that
//! somebody else's request left in memory has a part in it, or they would tell the two apart by time and when they are away.

mod directory;
mod index_file;
mod names;
mod table;

pub use directory::RegistryEntry;
pub use index_file::{Body, IndexFile, IndexedVersion, Variant};

use crate::flights::Flights;
use crate::{Error, Result, Site};
use directory::Directory;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Memory;
use names::{Found, Listed, Names};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use wharf_domain::view::VersionFilter;
use wharf_domain::{CanonicalName, CrateId, OrgId, RegistryId, Sight, View};
use wharf_store::{Change, Database, StoreError, TenantTx, directory::list_any_org};

/// A larger index file is made away from the threads that serve requests.
const ASIDE_BYTES: usize = 64 << 10;
/// Crates whose numbers are read in one piece.
const NUMBERED_AT_ONCE: usize = 1_000;

/// A crate at a revision, and the digest of a version filter.
type PartKey = (CrateId, i64, [u8; 32]);

/// Bytes of a [`PartKey`] that is held.
const PART_KEY_BYTES: u64 = 128;

/// What of an index file one version filter leaves.
#[derive(Clone)]
enum Filtered {
    Nothing,
    Everything,
    Part(Arc<Body>),
}

/// The memory of one process.
pub struct Catalog {
    directory: RwLock<Option<Arc<Directory>>>,
    files: Memory<CrateId, Arc<IndexFile>>,
    parts: Memory<PartKey, Filtered>,
    /// Where nothing is left, of crates and of names that nobody has. By themselves: whoever asks for a million names takes the
    /// room of no file.
    nothings: Memory<PartKey, ()>,
    /// Files being read, each at a revision that was heard of before.
    pending: Flights<(CrateId, i64), Arc<IndexFile>>,
}

/// A version as a principal may have it.
#[derive(Clone, Debug)]
pub struct VisibleVersion {
    /// SHA-256 of the crate file.
    pub cksum: [u8; 32],
    /// Length of the crate file, in bytes.
    pub size_bytes: u64,
}

impl Catalog {
    pub(crate) fn new(cache_bytes: u64) -> Self {
        // Three quarters for whole files, one for the filtered ones. The one unused for longest makes room: by default a large
        // file would not be taken in among small ones that were used more often, and be read anew for each request.
        let files = Memory::builder()
            .eviction_policy(EvictionPolicy::lru())
            .weigher(|_, file: &Arc<IndexFile>| file.weight())
            .max_capacity(cache_bytes / 4 * 3);
        let parts = Memory::builder()
            .eviction_policy(EvictionPolicy::lru())
            .weigher(|_, part: &Filtered| match part {
                Filtered::Part(body) => body.weight(),
                Filtered::Nothing | Filtered::Everything => 64,
            })
            .max_capacity(cache_bytes / 4);
        let nothings = Memory::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity((cache_bytes / 32 / PART_KEY_BYTES).max(1));
        Self {
            directory: RwLock::default(),
            files: files.build(),
            parts: parts.build(),
            nothings: nothings.build(),
            pending: Flights::new(),
        }
    }

    fn replace_directory(&self, fresh: Directory) {
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(fresh));
    }

    fn directory(&self) -> Option<Arc<Directory>> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes of index files held now, for metrics.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.files.weighted_size() + self.parts.weighted_size() + self.nothings.entry_count() * PART_KEY_BYTES
    }

    /// Whether the registries are known, so that requests can be answered.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.directory().is_some()
    }
}

impl Site {
    /// The memory of this process.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Reads the registries anew, waiting as `database` does; what is known of their names is kept.
    pub(crate) async fn load_directory(&self, database: &Database) -> std::result::Result<(), StoreError> {
        let addresses = list_any_org(database).await?;
        let known = self.catalog.directory();
        self.catalog.replace_directory(Directory::new(addresses, known.as_deref()));
        Ok(())
    }

    /// Reads the registries anew, and lets go of all names and files.
    pub(crate) async fn reload_directory(&self, database: &Database) -> std::result::Result<(), StoreError> {
        self.catalog.replace_directory(Directory::new(list_any_org(database).await?, None));
        self.catalog.files.invalidate_all();
        self.catalog.parts.invalidate_all();
        self.catalog.nothings.invalidate_all();
        Ok(())
    }

    /// Takes in changes that concern names; registries are [`Site::load_directory`]'s. Where numbers are held they are read
    /// here and now, and not by the next reader, whose waiting would tell of what is hidden from it.
    pub(crate) async fn hear_crates(
        &self,
        database: &Database,
        changes: &[(OrgId, Change)],
    ) -> std::result::Result<(), StoreError> {
        let Some(directory) = self.catalog.directory() else { return Ok(()) };
        let mut numbered: HashMap<RegistryId, Vec<CrateId>> = HashMap::new();
        for (_, change) in changes {
            let Change::Crate { registry, krate, name, revision } = change else { continue };
            let Some(entry) = directory.by_id(*registry) else { continue };
            if wharf_trial::mutant!(NumbersReadByNextReader => false; entry.names.have_numbers()) {
                numbered.entry(*registry).or_default().push(*krate);
            } else {
                let listed = Listed { id: *krate, name: name.clone(), revision: *revision, numbers: None };
                entry.names.hear([listed]);
            }
        }
        for (registry, crates) in numbered {
            let Some(entry) = directory.by_id(registry) else { continue };
            let mut transaction = TenantTx::begin(database, entry.address.org).await?;
            for crates in crates.chunks(NUMBERED_AT_ONCE) {
                entry.names.hear(transaction.find_numbered_crates(registry, crates).await?);
            }
        }
        Ok(())
    }

    /// The registry at an address; `None` when there is none. Says nothing about whether anyone may know of it.
    pub fn place(&self, org: &str, registry: &str) -> Result<Option<Arc<RegistryEntry>>> {
        let entry = self.place_or_nowhere(org, registry)?;
        Ok(Some(entry).filter(|entry| entry.exists()))
    }

    /// The registry at an address, or the one that is nowhere: no org's, of which nobody sees anything. For those who must
    /// not tell an absent registry from one that is closed to them.
    pub fn place_or_nowhere(&self, org: &str, registry: &str) -> Result<Arc<RegistryEntry>> {
        let directory =
            self.catalog.directory().ok_or_else(|| Error::unavailable("the registries are not loaded yet"))?;
        Ok(directory.by_address(org, registry))
    }

    /// The names of a registry, loaded if nobody has asked for them yet.
    async fn names<'a>(&self, entry: &'a RegistryEntry) -> Result<&'a Names> {
        entry
            .names
            .load_once(|| async {
                let mut transaction = self.begin(entry.address.org).await?;
                transaction.list_index_crates(entry.address.registry).await
            })
            .await?;
        Ok(&entry.names)
    }

    /// Loads the numbers of a registry, if nobody has needed them yet.
    async fn number(&self, entry: &RegistryEntry) -> Result<()> {
        let list = || async {
            let mut transaction = self.begin(entry.address.org).await?;
            transaction.list_numbered_crates(entry.address.registry).await
        };
        Ok(entry.names.number_once(list).await?)
    }

    /// Whether a filter leaves something of a crate; `true` if its numbers were not known, so that its file would decide.
    fn may_show(&self, found: &Found, filter: &VersionFilter) -> bool {
        wharf_trial::mutant!(AbsentAnsweredEarly { return found.exists; });
        let key = (found.id, found.revision, filter.digest());
        if self.catalog.nothings.get(&key).is_some() {
            return false;
        }
        if self.catalog.parts.contains_key(&key) {
            return true;
        }
        let Some(shows) = found.shows(|number, at| filter.admits(number, at)) else { return true };
        if !shows {
            self.catalog.nothings.insert(key, ());
        }
        shows
    }

    /// The index file of a crate, if it is in memory and at least as new as what was heard of it.
    fn remembered(&self, found: &Found) -> Option<Arc<IndexFile>> {
        let file = self.catalog.files.get(&found.id)?;
        wharf_trial::mutant!(StaleFileServed => true; file.revision() >= found.revision).then_some(file)
    }

    /// The index file of a crate from the database, read once for all who ask for it at one time.
    async fn load(self: &Arc<Self>, entry: &RegistryEntry, found: &Found) -> Result<Arc<IndexFile>> {
        let (site, org, registry) = (Arc::clone(self), entry.address.org, entry.address.registry);
        let (id, heard) = (found.id, found.revision);
        let read = || async move {
            let read = site.begin(org).await?.read_index_file(registry, id).await?;
            let (revision, versions) = read.map_or((heard, Vec::new()), |(krate, versions)| (krate.revision, versions));
            let bytes: usize = versions.iter().map(|version| version.line.len()).sum();
            let make = move || Arc::new(IndexFile::new(revision, versions));
            // Compressing a large one takes a while.
            let file = if bytes < ASIDE_BYTES {
                make()
            } else {
                tokio::task::spawn_blocking(make).await.map_err(Error::internal)?
            };
            site.catalog.files.insert(id, Arc::clone(&file));
            Ok(file)
        };
        self.catalog.pending.join((id, heard), read).await
    }

    /// What is left of a file under a sight.
    fn filter(&self, id: CrateId, file: &IndexFile, sight: &Sight) -> Filtered {
        let filter = match sight {
            Sight::Hidden => return Filtered::Nothing,
            Sight::Whole if file.versions().is_empty() => return Filtered::Nothing,
            Sight::Whole => return Filtered::Everything,
            Sight::Part(filter) => filter,
        };
        let key = (id, file.revision(), wharf_trial::mutant!(PartKeyWithoutFilter => [0; 32]; filter.digest()));
        if let Some(filtered) = self.catalog.parts.get(&key) {
            return filtered;
        }
        let shown = file.select(|number, published_at| filter.admits(number, published_at));
        let filtered = match shown.len() {
            0 => return Filtered::Nothing,
            all if all == file.versions().len() => Filtered::Everything,
            _ => Filtered::Part(Arc::new(file.extract(&shown))),
        };
        self.catalog.parts.insert(key, filtered.clone());
        filtered
    }

    /// What a view holds of the crate that `find` finds; `None` when that is nothing: hidden and absent are the same, and
    /// take the same time, in the first request and in later ones.
    async fn held(
        self: &Arc<Self>,
        entry: &RegistryEntry,
        view: &View,
        canonical: &CanonicalName,
        find: impl FnOnce(&Names) -> Found,
    ) -> Result<Option<Held>> {
        let sight = view.sight(canonical);
        // Decided by the name alone, before anything is looked up that would tell a hidden crate from an absent one.
        if sight == Sight::Hidden {
            return Ok(None);
        }
        let names = self.names(entry).await?;
        if matches!(sight, Sight::Part(_)) {
            // Before anything is found, or the first to ask would be told by the file.
            self.number(entry).await?;
        }
        let found = find(names);
        if let Sight::Part(filter) = &sight {
            // Whoever sees all versions of a crate may know that it is absent. Where they may all be hidden, an absent crate
            // goes the way of one that is.
            let shows = self.may_show(&found, filter);
            wharf_trial::mutant!(ForbiddenForHidden {
                if !shows && found.exists {
                    return Err(Error::forbidden("no version of this is for you"));
                }
            });
            wharf_trial::mutant!(NotFoundSaysMore {
                if !shows {
                    let said = format!("the crate is {}", if found.exists { "not for you" } else { "not there" });
                    return Err(Error::new(crate::Kind::NotFound, "not_found", said));
                }
            });
            if !shows {
                return Ok(None);
            }
        }
        if !found.exists {
            return Ok(None);
        }
        let file = match self.remembered(&found) {
            Some(file) => file,
            None => self.load(entry, &found).await?,
        };
        let filtered = self.filter(found.id, &file, &sight);
        Ok(match filtered {
            Filtered::Nothing => None,
            filtered => Some(Held { file, sight, filtered }),
        })
    }

    /// What a view shows of a crate's index file; `None` when the crate is hidden or absent, which is the same.
    ///
    /// `name` is the lower-case name an index path spells; clients ask for the other spelling by themselves.
    pub async fn read_index(
        self: &Arc<Self>,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
    ) -> Result<Option<Arc<Body>>> {
        let canonical = names::canonical(name);
        let held =
            self.held(entry, view, &canonical, |names| names.find(entry.address.registry, name, &canonical)).await?;
        Ok(held.and_then(|held| match held.filtered {
            Filtered::Nothing => None,
            Filtered::Everything => held.file.whole(),
            Filtered::Part(body) => Some(body),
        }))
    }

    /// A version that a view holds; `None` when it is hidden or absent. Asks the same sight as [`Site::read_index`].
    pub async fn find_visible_version(
        self: &Arc<Self>,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
        number: &str,
    ) -> Result<Option<VisibleVersion>> {
        let canonical = names::canonical(name);
        let held =
            self.held(entry, view, &canonical, |names| names.find(entry.address.registry, name, &canonical)).await?;
        Ok(held.and_then(|held| {
            held.find(|version| version.text == number)
                .map(|version| VisibleVersion { cksum: version.cksum, size_bytes: version.size_bytes })
        }))
    }

    /// Refuses a crate of which the view holds no version that `matters`, in any spelling of its name.
    ///
    /// From memory, with the care of [`Site::read_index`]: verbs ask this first, so that what they then read in the
    /// database is read of visible crates only and its time tells nothing of others.
    ///
    /// Errors: [`Error::not_found`] when it is hidden or absent.
    pub(crate) async fn require_in_view(
        self: &Arc<Self>,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
        matters: impl Fn(&IndexedVersion) -> bool,
    ) -> Result<()> {
        wharf_trial::mutant!(PartlySeenMeansThere { return Ok(()); });
        let canonical = names::canonical(name);
        let held = self
            .held(entry, view, &canonical, |names| names.find_any_spelling(entry.address.registry, &canonical))
            .await?;
        held.and_then(|held| held.find(matters).map(|_| ())).ok_or_else(Error::not_found)
    }
}

/// What a view holds of a crate: at least one version.
struct Held {
    file: Arc<IndexFile>,
    sight: Sight,
    filtered: Filtered,
}

impl Held {
    /// A version that is seen. Every version is judged, and none left out because another was found: hidden ones cost
    /// what absent ones do.
    fn find(&self, wanted: impl Fn(&IndexedVersion) -> bool) -> Option<&IndexedVersion> {
        let mut chosen = None;
        for version in self.file.versions() {
            let shows = wharf_trial::mutant!(DownloadByNameAlone => true; self.sight.shows(&version.number, version.published_at));
            if shows & wanted(version) {
                chosen = Some(version);
            }
        }
        chosen
    }
}
