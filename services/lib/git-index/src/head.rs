//! One state of one repository: a commit, and everything below it.

use crate::{Error, Pack};
use wharf_domain::ViewId;
use wharf_git_wire::ObjectId;

/// What a credential gets to see at one moment: a commit without parents, its root, its `config.json`, and every
/// directory and file below. Complete in itself: it can be served for as long as it is held, whatever happens meanwhile.
#[derive(Debug)]
pub struct Head {
    seq: u64,
    view: ViewId,
    commit: ObjectId,
    root: ObjectId,
    config: ObjectId,
}

impl Head {
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

    /// A change after which this was the state. It may have been the state before and may still be it: later changes
    /// that this view does not show leave a head as it is. Never to be shown to a client.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Everything, in the one order: commit, root, config, directories, files, the latter two by path.
    pub fn full(self: &std::sync::Arc<Self>) -> Result<Pack, Error> {
        todo!()
    }
}
