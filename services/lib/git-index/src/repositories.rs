//! The repositories in use: for each view and `config.json` the state of the view and the last few commits.
//!
//! A commit that was given out is kept for a while, since a client asks for it in a second request, and a publish may
//! come between.

use crate::Memory;
use crate::gauge::{self, Held};
use crate::head::Head;
use crate::lru::Lru;
use crate::shown::Shown;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use wharf_domain::ViewId;
use wharf_git_wire::ObjectId;

/// Commits kept of each repository.
pub(crate) const HEADS_KEPT: usize = 8;

/// A view within one index; indexes that were loaded one after the other for a registry do not share states.
pub(crate) type ViewKey = (u64, ViewId);

/// A view and the id of its `config.json`.
pub(crate) type Key = (ViewKey, ObjectId);

#[derive(Debug)]
struct Repository {
    shown: Arc<Shown>,
    /// The newest first.
    heads: VecDeque<Arc<Head>>,
    _held: Held,
}

#[derive(Debug, Default)]
struct Tables {
    used: Lru<Key, Repository>,
    /// Views are shared by repositories that differ in `config.json` alone.
    views: HashMap<ViewKey, Weak<Shown>>,
}

#[derive(Debug, Default)]
pub(crate) struct Repositories(Mutex<Tables>);

impl Repositories {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.tables().used.len()
    }

    /// The state of a view and the newest commit of its repository; a repository that is not there is begun.
    pub(crate) fn open(&self, key: Key, memory: &Memory) -> (Arc<Shown>, Option<Arc<Head>>) {
        let mut tables = self.tables();
        if let Some(repository) = tables.used.get(&key) {
            return (Arc::clone(&repository.shown), repository.heads.front().cloned());
        }
        let known = tables.views.get(&key.0).and_then(Weak::upgrade);
        let shown = known.unwrap_or_default();
        tables.views.insert(key.0, Arc::downgrade(&shown));
        let bytes = gauge::shared::<Shown>()
            + gauge::entry::<Key, (u64, Repository)>()
            + gauge::entry::<ViewKey, Weak<Shown>>()
            + 2 * size_of::<(u64, Key)>()
            + gauge::boxed::<Arc<Head>>(HEADS_KEPT);
        let _held = memory.repositories_gauge().hold(bytes);
        let heads = VecDeque::with_capacity(HEADS_KEPT);
        tables.used.insert(key, Repository { shown: Arc::clone(&shown), heads, _held });
        (shown, None)
    }

    /// Keeps a commit that is about to be given out; when another thread was faster, its equal is given out instead.
    pub(crate) fn keep(&self, key: Key, head: Arc<Head>) -> Arc<Head> {
        let mut tables = self.tables();
        let Some(repository) = tables.used.get(&key) else { return head };
        if let Some(newest) = repository.heads.front().filter(|newest| newest.shown().is_same(head.shown())) {
            newest.is_still(head.seq());
            return Arc::clone(newest);
        }
        let forgotten = if repository.heads.len() == HEADS_KEPT { repository.heads.pop_back() } else { None };
        repository.heads.push_front(Arc::clone(&head));
        drop(tables);
        drop(forgotten);
        head
    }

    /// A commit that was kept.
    pub(crate) fn recall(&self, key: Key, commit: ObjectId) -> Option<Arc<Head>> {
        self.tables().used.get(&key)?.heads.iter().find(|head| head.commit() == commit).cloned()
    }

    /// Forgets what was used longest ago until the limit is kept.
    pub(crate) fn trim(&self, memory: &Memory) {
        while memory.repositories_gauge().bytes() > memory.limits().repositories_bytes {
            let mut tables = self.tables();
            if tables.used.len() <= 1 {
                return;
            }
            let forgotten = tables.used.pop();
            drop(tables);
            self.close(forgotten.map(|(key, repository)| (key.0, repository)));
        }
    }

    /// Forgets everything of one index.
    pub(crate) fn forget(&self, index: u64) {
        let mut tables = self.tables();
        let forgotten = tables.used.remove_if(|((owner, _), _)| *owner == index);
        tables.views.retain(|(owner, _), _| *owner != index);
        drop(tables);
        drop(forgotten);
    }

    /// Lets go of a repository, and of the entry of its view when it was the last one of it.
    fn close(&self, forgotten: Option<(ViewKey, Repository)>) {
        let Some((view, repository)) = forgotten else { return };
        // Outside of the lock: a large view takes a while to fall apart.
        drop(repository);
        let mut tables = self.tables();
        if tables.views.get(&view).is_some_and(|shown| shown.strong_count() == 0) {
            tables.views.remove(&view);
        }
    }
}
