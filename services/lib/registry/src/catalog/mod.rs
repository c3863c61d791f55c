//! What a serving process holds in memory: registries by address, the names in each, and index files.
//!
//! Registries are few and all held. Names of a registry are loaded when it is first asked for, and held: without them an
//! absent name could not be told from a cold one without asking the database. Index files are loaded when first asked for
//! and held within a stated number of bytes. Nothing is ever invalidated by removing it: each name carries the newest
//! revision heard of, and a file of an older revision is simply not used, so no order of loading and hearing can leave a
//! stale file in service.

mod directory;
mod index_file;
mod names;

pub use directory::RegistryEntry;
pub use index_file::{Body, IndexFile, IndexedVersion, Variant};
pub use names::Listed;

use crate::{Error, Result, Site};
use directory::Directory;
use moka::sync::Cache as Memory;
use std::sync::{Arc, PoisonError, RwLock};
use wharf_domain::{CrateId, Sight, View};
use wharf_store::{Change, StoreError, directory::list_any_org};

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
    parts: Memory<(CrateId, i64, [u8; 32]), Filtered>,
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
        // Three quarters for whole files, one for the filtered ones.
        let files =
            Memory::builder().weigher(|_, file: &Arc<IndexFile>| file.weight()).max_capacity(cache_bytes / 4 * 3);
        let parts = Memory::builder()
            .weigher(|_, part: &Filtered| match part {
                Filtered::Part(body) => body.weight(),
                Filtered::Nothing | Filtered::Everything => 64,
            })
            .max_capacity(cache_bytes / 4);
        Self { directory: RwLock::default(), files: files.build(), parts: parts.build() }
    }

    fn directory(&self) -> Option<Arc<Directory>> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes of index files held now, for metrics.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.files.weighted_size() + self.parts.weighted_size()
    }

    /// Whether the registries are known, so that requests can be answered.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.directory().is_some()
    }

    /// Forgets everything, so that it is loaded anew.
    pub(crate) fn forget_all(&self) {
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.files.invalidate_all();
        self.parts.invalidate_all();
    }

    /// Takes in a change that concerns names; registries are [`Site::load_directory`]'s.
    pub(crate) fn hear(&self, change: &Change) {
        if let Change::Crate { registry, krate, name, revision } = change
            && let Some(entry) = self.directory().and_then(|directory| directory.by_id(*registry))
        {
            entry.names.hear(Listed { id: *krate, name: name.clone(), revision: *revision });
        }
    }
}

impl Site {
    /// The memory of this process.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Reads the registries anew; what is known of their names is kept.
    pub(crate) async fn load_directory(&self) -> std::result::Result<(), StoreError> {
        let addresses = list_any_org(&self.database).await?;
        let known = self.catalog.directory();
        let fresh = Arc::new(Directory::new(addresses, known.as_deref()));
        *self.catalog.directory.write().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(())
    }

    /// The registry at an address; `None` when there is none. Says nothing about whether anyone may know of it.
    pub fn place(&self, org: &str, registry: &str) -> Result<Option<Arc<RegistryEntry>>> {
        let directory =
            self.catalog.directory().ok_or_else(|| Error::unavailable("the registries are not loaded yet"))?;
        Ok(directory.by_address(org, registry))
    }

    /// The crate of this spelling, if the registry has one; case is ignored, `-` and `_` are not: clients ask for the
    /// other spelling by themselves.
    async fn listed(&self, entry: &RegistryEntry, name: &str) -> Result<Option<Listed>> {
        let names = &entry.names;
        names
            .load_once(|| async {
                let mut transaction = self.begin(entry.address.org).await?;
                transaction.list_index_crates(entry.address.registry).await
            })
            .await?;
        Ok(names.find(name))
    }

    /// The index file of a listed crate, at least as new as the listing.
    async fn file(&self, entry: &RegistryEntry, listed: &Listed) -> Result<Option<Arc<IndexFile>>> {
        if let Some(file) = self.catalog.files.get(&listed.id)
            && file.revision() >= listed.revision
        {
            return Ok(Some(file));
        }
        let mut transaction = self.begin(entry.address.org).await?;
        let Some((krate, versions)) = transaction.read_index_file(entry.address.registry, listed.id).await? else {
            return Ok(None);
        };
        let file = Arc::new(IndexFile::new(krate.revision, versions));
        self.catalog.files.insert(listed.id, Arc::clone(&file));
        Ok(Some(file))
    }

    /// What a view shows of a crate's index file; `None` when the crate is hidden or absent, which is the same.
    ///
    /// `name` is the lower-case name an index path spells.
    pub async fn read_index(&self, entry: &RegistryEntry, view: &View, name: &str) -> Result<Option<Arc<Body>>> {
        // Both look-ups happen for hidden and absent names alike: no early return may tell them apart.
        let listed = self.listed(entry, name).await?;
        let sight = view.sight(&names::canonical(name));
        let Some(listed) = listed else { return Ok(None) };
        let filter = match sight {
            Sight::Hidden => return Ok(None),
            Sight::Whole => return Ok(self.file(entry, &listed).await?.and_then(|file| file.whole())),
            Sight::Part(filter) => filter,
        };
        let Some(file) = self.file(entry, &listed).await? else { return Ok(None) };
        let key = (listed.id, file.revision(), filter.digest());
        let filtered = match self.catalog.parts.get(&key) {
            Some(filtered) => filtered,
            None => {
                let shown = file.select(|number, published_at| filter.admits(number, published_at));
                let filtered = match shown.len() {
                    0 => Filtered::Nothing,
                    all if all == file.versions().len() => Filtered::Everything,
                    _ => Filtered::Part(Arc::new(file.extract(&shown))),
                };
                self.catalog.parts.insert(key, filtered.clone());
                filtered
            }
        };
        Ok(match filtered {
            Filtered::Nothing => None,
            Filtered::Everything => file.whole(),
            Filtered::Part(body) => Some(body),
        })
    }

    /// A version that a view holds; `None` when it is hidden or absent. Asks the same sight as [`Site::read_index`].
    pub async fn find_visible_version(
        &self,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
        number: &str,
    ) -> Result<Option<VisibleVersion>> {
        let listed = self.listed(entry, name).await?;
        let sight = view.sight(&names::canonical(name));
        let (Some(listed), false) = (listed, sight == Sight::Hidden) else { return Ok(None) };
        let Some(file) = self.file(entry, &listed).await? else { return Ok(None) };
        Ok(file
            .versions()
            .iter()
            .find(|version| version.text == number)
            .filter(|version| sight.shows(&version.number, version.published_at))
            .map(|version| VisibleVersion { cksum: version.cksum, size_bytes: version.size_bytes }))
    }
}
