//! The registries that are followed: those that somebody asked for by git, as many as may be held.
//!
//! A registry that is let go costs its next reader the time to load it, and nothing else: a commit is a pure function of
//! what is seen, and what a reader was offered stands in the database.

use super::following::Following;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use wharf_domain::RegistryId;
use wharf_store::directory::RegistryAddress;

struct Place {
    following: Arc<Following>,
    /// How many uses of any registry there had been at this one's last.
    used: AtomicU64,
}

/// The registries in memory.
pub(super) struct Followed {
    files_bytes_max: u64,
    uses: AtomicU64,
    loads: AtomicU64,
    registries: RwLock<HashMap<RegistryId, Place>>,
}

impl Followed {
    /// Nothing yet; index files and names of at most so many bytes.
    pub(super) fn new(files_bytes_max: u64) -> Self {
        Self { files_bytes_max, uses: AtomicU64::default(), loads: AtomicU64::default(), registries: RwLock::default() }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<RegistryId, Place>> {
        self.registries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<RegistryId, Place>> {
        self.registries.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A registry, which is the one used last from now on; followed from now on if it was not.
    pub(super) fn open(&self, address: &RegistryAddress) -> Arc<Following> {
        let used = self.uses.fetch_add(1, Ordering::Relaxed);
        if let Some(place) = self.read().get(&address.registry) {
            place.used.fetch_max(used, Ordering::Relaxed);
            return Arc::clone(&place.following);
        }
        let begin = || Place { following: Arc::new(Following::new(address)), used: AtomicU64::new(used) };
        Arc::clone(&self.write().entry(address.registry).or_insert_with(begin).following)
    }

    /// Takes note that something in a registry changed.
    pub(super) fn hear(&self, registry: RegistryId) {
        if let Some(place) = self.read().get(&registry) {
            place.following.hear();
        }
    }

    /// Lets a registry be loaded anew, if this is what is followed now.
    pub(super) fn give_up(&self, following: &Arc<Following>) {
        let mut registries = self.write();
        if registries.get(&following.registry).is_some_and(|held| Arc::ptr_eq(&held.following, following)) {
            registries.remove(&following.registry);
        }
    }

    /// Lets all of them be loaded anew.
    pub(super) fn clear(&self) {
        self.write().clear();
    }

    /// Takes note that a registry was loaded.
    pub(super) fn count_load(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    /// How often a registry was loaded.
    pub(super) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Lets registries go, those unused for longest first, until the rest keeps the bound. The one used last stays, however
    /// large it is: to let it go would only make its next reader load it again.
    ///
    /// Returns what was let go, for whoever may take the time to drop it. Who is at work with one of them goes on with it.
    /// `files_bytes` is what all of them hold at most: while that keeps the bound, none is looked at.
    #[must_use]
    pub(super) fn trim(&self, files_bytes: u64) -> Vec<Arc<Following>> {
        if files_bytes <= self.files_bytes_max {
            return Vec::new();
        }
        // Looked at outside of the lock that every request takes: one that is taking in changes may let us wait.
        let followed: Vec<_> = self
            .read()
            .values()
            .map(|place| (place.used.load(Ordering::Relaxed), Arc::clone(&place.following)))
            .collect();
        let mut loaded: Vec<_> = followed
            .into_iter()
            .map(|(used, following)| (used, following.held_bytes(), following))
            .filter(|(_, bytes, _)| *bytes > 0)
            .collect();
        loaded.sort_unstable_by_key(|(used, ..)| *used);
        let mut bytes: u64 = loaded.iter().map(|(_, bytes, _)| bytes).sum();
        loaded.pop();
        let mut gone = Vec::new();
        for (_, held, following) in loaded {
            if bytes <= self.files_bytes_max {
                break;
            }
            bytes -= held;
            self.give_up(&following);
            gone.push(following);
        }
        gone
    }
}
