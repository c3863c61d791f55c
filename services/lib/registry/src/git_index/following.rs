//! The index of one registry, loaded at one number of changes and brought forward from there.
//!
//! The feed only says that something changed. What did is read from the numbered changes, in one snapshot each time, so
//! that the index is always exactly what the rows were after some change, and the same on every replica.

use super::GitIndexes;
use super::pieces::{CRATES_AT_ONCE, LINE_BYTES_AT_ONCE, Pieces};
use super::sharing::Shared;
use crate::catalog::RegistryEntry;
use crate::{Error, Result, Site};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::JoinSet;
use wharf_domain::{OrgId, RegistryId};
use wharf_git_index::{Change, Error as GitError, File, Index, Line, Memory};
use wharf_store::TenantTx;
use wharf_store::directory::RegistryAddress;
use wharf_store::git_index::{IndexedCrate, IndexedLine};

/// Pieces that are being deflated at one time.
const PIECES_AT_ONCE: usize = 4;
/// Registries that are being loaded at one time.
static LOADS: Semaphore = Semaphore::const_new(2);
/// Registries that are being brought forward at one time while nobody asks for them.
static UNASKED: Semaphore = Semaphore::const_new(2);

/// What happened lately that an index has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// What the feed spoke of.
    Heard,
    /// Whatever had happened at the moment of the call.
    All,
}

/// A registry that somebody asked for by git.
pub(super) struct Following {
    pub(super) org: OrgId,
    pub(super) registry: RegistryId,
    index: OnceLock<Index>,
    /// Counts what the feed said. What was said before the index was read is in it.
    heard: AtomicU64,
    /// Told of each count, and when this is let go.
    told: Arc<Notify>,
    /// Up to which count the index is read. Locked by whoever is reading.
    reading: Mutex<()>,
    reflected: AtomicU64,
    /// Reads of what the feed may not have spoken of yet. Anybody can provoke them, so they make nobody wait who does not.
    unheard: Shared<bool>,
}

impl Following {
    pub(super) fn new(address: &RegistryAddress) -> Self {
        Self {
            org: address.org,
            registry: address.registry,
            index: OnceLock::new(),
            heard: AtomicU64::new(1),
            told: Arc::default(),
            reading: Mutex::default(),
            reflected: AtomicU64::new(0),
            unheard: Shared::default(),
        }
    }

    pub(super) fn hear(&self) {
        self.heard.fetch_add(1, Ordering::SeqCst);
        self.told.notify_one();
    }

    /// The index, once `Site::follow` returned.
    pub(super) fn index(&self) -> Result<&Index> {
        self.index.get().ok_or_else(|| Error::internal("a git index is used before it is loaded"))
    }

    /// Bytes of its files and names; none before it is loaded.
    pub(super) fn held_bytes(&self) -> u64 {
        self.index.get().map_or(0, Index::held_bytes)
    }

    fn is_current(&self) -> bool {
        self.reflected.load(Ordering::SeqCst) >= self.heard.load(Ordering::SeqCst)
    }

    /// Reads these news, unless somebody else did meanwhile; `false` when that cannot be told any more.
    async fn catch_up(self: &Arc<Self>, site: &Arc<Site>, news: News) -> Result<bool> {
        match news {
            News::Heard => self.read_on(site, || self.is_current()).await,
            News::All => self.unheard.work(self.read_on(site, || false)).await,
        }
    }

    async fn read_on(self: &Arc<Self>, site: &Arc<Site>, is_enough: impl Fn() -> bool) -> Result<bool> {
        let _reading = self.reading.lock().await;
        if is_enough() {
            return Ok(true);
        }
        let heard = self.heard.load(Ordering::SeqCst);
        if !self.read(site).await? {
            return Ok(false);
        }
        self.reflected.store(heard, Ordering::SeqCst);
        Ok(true)
    }

    /// From now on reads what the feed speaks of when it does: else the next reader would wait for it, and could measure
    /// what happens to crates that it does not see. No writer waits for this.
    fn keep_up(self: &Arc<Self>, site: &Arc<Site>) {
        let (told, following, site) = (Arc::clone(&self.told), Arc::downgrade(self), Arc::downgrade(site));
        let _until_it_is_let_go = tokio::spawn(async move {
            loop {
                told.notified().await;
                let Ok(_turn) = UNASKED.acquire().await else { return };
                let (Some(following), Some(site)) = (following.upgrade(), site.upgrade()) else { return };
                if let Err(error) = site.bring_forward(&following, News::Heard).await {
                    let cause = &error as &dyn std::error::Error;
                    tracing::debug!(cause, "a git index is left to its next reader to bring forward");
                }
            }
        });
    }

    async fn read(self: &Arc<Self>, site: &Arc<Site>) -> Result<bool> {
        let Some(index) = self.index.get() else {
            let index = self.load(site).await?;
            // Whoever holds the lock is alone in setting it.
            let _same = self.index.set(index);
            site.git_indexes.followed.count_load();
            self.keep_up(site);
            return Ok(true);
        };
        let mut transaction = TenantTx::begin_snapshot(&site.database, self.org).await?;
        let seq = transaction.get_index_seq(self.registry).await?;
        let known = i64::try_from(index.seq()).map_err(Error::internal)?;
        if seq == known {
            return Ok(true);
        }
        let changes = transaction.list_index_changes(self.registry, known, seq).await?;
        if i64::try_from(changes.len()).map_err(Error::internal)? != seq - known {
            // Nothing was heard for so long that they were pruned.
            return Ok(false);
        }
        let mut pieces = Pieces::new(self.registry, changes.iter().map(|change| change.krate));
        let mut files = Vec::new();
        while let Some(crates) = pieces.next(&mut transaction).await? {
            files.extend(deflate(Arc::clone(&site.git_indexes.memory), crates).await?);
        }
        index.apply(number(seq)?, files);
        Ok(true)
    }

    /// Reads everything, in one snapshot however long it takes.
    async fn load(&self, site: &Site) -> Result<Index> {
        let _turn = LOADS.acquire().await.map_err(Error::internal)?;
        let memory = &site.git_indexes.memory;
        let mut transaction = TenantTx::begin_snapshot(&site.database, self.org).await?;
        let seq = transaction.get_index_seq(self.registry).await?;
        let (mut crates, mut pieces, mut after) = (Vec::new(), JoinSet::new(), None);
        loop {
            let piece = transaction
                .list_indexed_crates(self.registry, after, i64::from(CRATES_AT_ONCE), LINE_BYTES_AT_ONCE)
                .await?;
            let Some(last) = piece.last() else { break };
            after = Some(last.id);
            if pieces.len() >= PIECES_AT_ONCE
                && let Some(done) = pieces.join_next().await
            {
                let done: Result<Vec<Change>> = done.map_err(Error::internal)?;
                crates.extend(done?);
            }
            pieces.spawn(deflate(Arc::clone(memory), piece));
        }
        drop(transaction);
        while let Some(done) = pieces.join_next().await {
            crates.extend(done.map_err(Error::internal)??);
        }
        let (memory, registry, seq) = (Arc::clone(memory), self.registry, number(seq)?);
        tokio::task::spawn_blocking(move || Index::load(memory, registry, seq, crates)).await.map_err(Error::internal)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.told.notify_one();
    }
}

/// Makes the files of some crates, away from the threads that serve requests.
async fn deflate(memory: Arc<Memory>, crates: Vec<IndexedCrate>) -> Result<Vec<Change>> {
    let make = move || crates.into_iter().map(|krate| file(&memory, krate)).collect();
    tokio::task::spawn_blocking(make).await.map_err(Error::internal)?
}

/// The file of a crate. One whose bytes were made to share their SHA-1 with others is left out: it can be had from the
/// sparse index, and one publisher must not take the git index from everybody.
fn file(memory: &Memory, krate: IndexedCrate) -> Result<Change> {
    let file = match with_lines(&krate.lines, |lines| File::new(memory, lines)) {
        Err(GitError::Collision(error)) => {
            tracing::error!(cause = &error as &dyn std::error::Error, "an index file is left out of the git index");
            None
        }
        made => made.map_err(Error::internal)?,
    };
    Ok(Change { name: krate.name, file })
}

/// Lends stored lines out as lines of an index file, each with its line end.
pub(super) fn with_lines<T>(stored: &[IndexedLine], use_them: impl FnOnce(&[Line<'_>]) -> T) -> T {
    let bytes: Vec<Vec<u8>> = stored.iter().map(|line| [line.line.as_bytes(), b"\n"].concat()).collect();
    let lines: Vec<Line<'_>> = stored
        .iter()
        .zip(&bytes)
        .map(|(line, bytes)| Line { number: line.number.semver(), published_at: line.published_at, bytes })
        .collect();
    use_them(&lines)
}

pub(super) fn number(seq: i64) -> Result<u64> {
    u64::try_from(seq).map_err(Error::internal)
}

impl GitIndexes {
    /// Lets go of registries above the bound. A large one takes a while to fall apart, away from the threads that serve.
    fn let_go(&self) {
        let gone = self.followed.trim(self.memory.files_bytes());
        if !gone.is_empty() {
            let registries = gone.len();
            tracing::debug!(registries, "let go of the git indexes of registries unused for longest");
            drop(tokio::task::spawn_blocking(move || drop(gone)));
        }
    }
}

impl Site {
    /// The index of a registry with these news.
    pub(super) async fn follow(self: &Arc<Self>, entry: &RegistryEntry, news: News) -> Result<Arc<Following>> {
        loop {
            let following = self.git_indexes.followed.open(&entry.address);
            if news == News::Heard && following.is_current() {
                return Ok(following);
            }
            if self.bring_forward(&following, news).await? {
                return Ok(following);
            }
        }
    }

    /// Reads these news; `false` when the registry has to be loaded anew.
    ///
    /// Reading goes on when the caller goes away: others wait for it, and the next one would begin at nothing.
    async fn bring_forward(self: &Arc<Self>, following: &Arc<Following>, news: News) -> Result<bool> {
        let (site, behind) = (Arc::clone(self), Arc::clone(following));
        tokio::spawn(async move {
            let caught_up = behind.catch_up(&site, news).await;
            // What somebody provoked and what failed takes the index from nobody.
            let is_lost = |error: &Error| news == News::Heard && error.kind() == crate::Kind::Internal;
            if caught_up.as_ref().map_or_else(is_lost, |is_caught_up| !is_caught_up) {
                site.git_indexes.followed.give_up(&behind);
            }
            site.git_indexes.let_go();
            caught_up
        })
        .await
        .map_err(Error::internal)?
    }
}
