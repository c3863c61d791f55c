//! How many large packs may be on their way at one time: in all, to the readers of one org, and to one reader.
//!
//! A slow client holds its place for minutes. So that none keeps others out by cloning a lot, whoever wants one waits for a
//! place of its own first, and only then for one of those that all share.

use super::GitVisitor;
use crate::{Error, Kind, Result};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use wharf_domain::OrgId;
use wharf_store::git_index::GitReader;

/// Places for each processor.
const LARGE_PACKS_PER_PROCESSOR: usize = 16;
/// One org takes at most this part of them, and one at least.
const PART_OF_ORG: usize = 2;
/// One reader takes at most this part of them, and one at least.
const PART_OF_READER: usize = 4;
/// How long a client waits for a place.
const PLACE_PATIENCE: Duration = Duration::from_secs(20);
/// For how long a place is lent. Whoever reads longer goes on without one, so that slow readers keep nobody out.
const PLACE_TIME: Duration = Duration::from_secs(300);

/// All places of a process.
pub(super) struct Places {
    all: Arc<Semaphore>,
    of_orgs: Keyed<OrgId>,
    of_readers: Keyed<GitReader>,
}

impl Places {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let all = processors * LARGE_PACKS_PER_PROCESSOR;
        Self {
            all: Arc::new(Semaphore::new(all)),
            of_orgs: Keyed::new((all / PART_OF_ORG).max(1)),
            of_readers: Keyed::new((all / PART_OF_READER).max(1)),
        }
    }

    /// A place, when it is the visitor's turn.
    pub(super) async fn take(&self, visitor: &GitVisitor) -> Result<Place> {
        let until = Instant::now() + PLACE_PATIENCE;
        let of_reader = permit(self.of_readers.of(visitor.reader), until).await?.ok_or_else(|| {
            too_many(
                "git_clones_of_reader",
                "too many large clones are under way for this entitlement or token, or, where all may read, for this \
                 registry: let one of them end and fetch again, and keep clones, since a fetch into one is small",
            )
        })?;
        let of_org = permit(self.of_orgs.of(visitor.entry.address.org), until).await?.ok_or_else(|| {
            too_many(
                "git_clones_of_org",
                "too many large clones are under way from the registries of this org: fetch again when some have ended, and \
                 keep clones, since a fetch into one is small",
            )
        })?;
        let of_all = permit(Arc::clone(&self.all), until)
            .await?
            .ok_or_else(|| Error::unavailable("too many large packs at one time"))?;
        Ok(Place::lend([of_reader, of_org, of_all]))
    }
}

fn too_many(code: &'static str, text: &'static str) -> Error {
    Error::new(Kind::Limited, code, text)
}

/// A permit, unless there is none until then.
async fn permit(of: Arc<Semaphore>, until: Instant) -> Result<Option<OwnedSemaphorePermit>> {
    timeout_at(until, of.acquire_owned()).await.ok().transpose().map_err(Error::internal)
}

/// As many permits for each key, which take no memory for keys that nobody holds or awaits a permit of.
struct Keyed<K> {
    permits: usize,
    semaphores: Mutex<HashMap<K, Weak<Semaphore>>>,
}

impl<K: Eq + Hash> Keyed<K> {
    fn new(permits: usize) -> Self {
        Self { permits, semaphores: Mutex::default() }
    }

    fn of(&self, key: K) -> Arc<Semaphore> {
        let mut semaphores = self.semaphores.lock().unwrap_or_else(PoisonError::into_inner);
        // Few: each of them is in the hands of a client that is connected.
        semaphores.retain(|_, semaphore| semaphore.strong_count() > 0);
        if let Some(semaphore) = semaphores.get(&key).and_then(Weak::upgrade) {
            return semaphore;
        }
        let semaphore = Arc::new(Semaphore::new(self.permits));
        semaphores.insert(key, Arc::downgrade(&semaphore));
        semaphore
    }
}

/// One of the places.
#[derive(Debug)]
pub(super) struct Place {
    lent: AbortHandle,
}

impl Place {
    fn lend(permits: [OwnedSemaphorePermit; 3]) -> Self {
        let lend = async move {
            tokio::time::sleep(PLACE_TIME).await;
            drop(permits);
        };
        Self { lent: tokio::spawn(lend).abort_handle() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lent.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_are_bounded_apart_and_forgotten_when_unused() {
        let keyed = Keyed::new(2);
        let at_once = Instant::now();
        let take = async |key: &'static str| permit(keyed.of(key), at_once).await.unwrap();
        let (one, two) = (take("a").await, take("a").await);
        assert!(one.is_some() && two.is_some());
        assert!(take("a").await.is_none(), "a third");
        let other = take("b").await;
        assert!(other.is_some(), "of another key");
        drop(one);
        let again = take("a").await;
        assert!(again.is_some(), "given back");
        drop((two, other, again));
        let _kept = take("c").await;
        let semaphores = keyed.semaphores.lock().unwrap();
        assert_eq!(semaphores.keys().copied().collect::<Vec<_>>(), ["c"]);
    }
}
