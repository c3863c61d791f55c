//! One state of one repository: a commit, and everything below it.

use crate::gauge::{self, Held};
use crate::pack::{FRONT, Pack};
use crate::root::Root;
use crate::{Error, Memory};
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use wharf_domain::ViewId;
use wharf_git_wire::{Kind, ObjectId, entry, object};

/// What a credential gets to see at one moment: a commit without parents, its root, its `config.json`, and every
/// directory and file below. Complete in itself: it can be served for as long as it is held, whatever happens meanwhile.
///
/// Ids derive from the visible bytes and the config alone; the sequence numbers have no part in them.
#[derive(Debug)]
pub struct Head {
    view: ViewId,
    seq: AtomicU64,
    commit: ObjectId,
    root: ObjectId,
    config: ObjectId,
    config_entry: Bytes,
    shown: Arc<Root>,
    /// The end of the full pack, once it was sent in full. Half of the work of the next clone is saved.
    trailer: OnceLock<[u8; 20]>,
    memory: Arc<Memory>,
    _held: Held,
}

impl Head {
    pub(crate) fn new(
        view: ViewId,
        seq: u64,
        config: &[u8],
        shown: Arc<Root>,
        memory: &Arc<Memory>,
    ) -> Result<Head, Error> {
        let config_entry = Bytes::from(entry::stored(Kind::Blob, config).into_boxed_slice());
        let config = object::id(Kind::Blob, config)?;
        let root = object::id(Kind::Tree, &shown.content(config)?)?;
        let commit = object::id(Kind::Commit, &object::commit(root))?;
        let bytes = gauge::shared::<Head>() + gauge::bytes(config_entry.len());
        Ok(Head {
            view,
            seq: AtomicU64::new(seq),
            commit,
            root,
            config,
            config_entry,
            shown,
            trailer: OnceLock::new(),
            memory: Arc::clone(memory),
            _held: memory.repositories_gauge().hold(bytes),
        })
    }

    /// The id to advertise.
    #[must_use]
    pub fn commit(&self) -> ObjectId {
        self.commit
    }

    /// The id of the root directory.
    #[must_use]
    pub fn root(&self) -> ObjectId {
        self.root
    }

    /// The id of `config.json`; with [`Head::view`] and [`Head::seq`] it makes the row to remember a commit by.
    #[must_use]
    pub fn config(&self) -> ObjectId {
        self.config
    }

    /// The view that is shown.
    #[must_use]
    pub fn view(&self) -> ViewId {
        self.view
    }

    /// The newest change after which this is known to have been the state. Never to be shown to a client.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq.load(Ordering::Relaxed)
    }

    /// How many objects there are in all: commit, root, config, directories and files.
    pub fn objects(&self) -> Result<u32, Error> {
        let (directories, files) = self.shown.counts();
        u32::try_from(FRONT.len() + directories + files).map_err(|_| Error::TooLarge)
    }

    /// Everything, in the one order: commit, root, config, directories, files, the latter two by path.
    pub fn full(self: &Arc<Self>) -> Result<Pack, Error> {
        Pack::full(self)
    }

    /// Takes notice that nothing visible changed since.
    pub(crate) fn is_still(&self, seq: u64) {
        self.seq.fetch_max(seq, Ordering::Relaxed);
    }

    pub(crate) fn shown(&self) -> &Arc<Root> {
        &self.shown
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn trailer(&self) -> &OnceLock<[u8; 20]> {
        &self.trailer
    }

    pub(crate) fn commit_entry(&self) -> Bytes {
        entry::stored(Kind::Commit, &object::commit(self.root)).into()
    }

    pub(crate) fn config_entry(&self) -> Bytes {
        self.config_entry.clone()
    }

    /// Made when it is sent: thousands of credentials may share a view, and the root of a large one has 20 KB.
    pub(crate) fn root_entry(&self) -> Result<Bytes, Error> {
        Ok(entry::stored(Kind::Tree, &self.shown.content(self.config)?).into())
    }
}
