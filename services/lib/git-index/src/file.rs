//! Index files as objects: the whole file of a crate, and the versions in it.

use crate::{Error, Memory};
use semver::Version;
use std::sync::Arc;
use wharf_domain::{CrateName, Timestamp, View};
use wharf_git_wire::ObjectId;

/// One version of a crate, as the sparse index shows it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The number of the version.
    pub number: &'a Version,
    /// When it was published.
    pub published_at: Timestamp,
    /// The bytes of its line, line feed included. A file is its lines one after the other and nothing else, so that the
    /// renderer of the sparse index stays the only one.
    pub bytes: &'a [u8],
}

/// The whole index file of a crate, deflated once.
#[derive(Debug)]
pub struct File {
    oid: ObjectId,
}

impl File {
    /// Hashes and deflates the file of these lines; `None` without lines, since a crate without versions is no crate.
    ///
    /// Costs some 100 µs; call it outside of any lock, from as many threads as there are.
    pub fn new(memory: &Memory, lines: &[Line<'_>]) -> Result<Option<Arc<File>>, Error> {
        let _ = (memory, lines);
        todo!()
    }

    /// The id of the file as a blob.
    #[must_use]
    pub fn oid(&self) -> ObjectId {
        self.oid
    }
}

/// The id of the blob by which a view shows a crate with these lines; `None` when it shows nothing.
///
/// For the old states in [`crate::Was`]: the same rules and the same bytes as in [`crate::Index::head`].
pub fn visible_oid(view: &View, name: &CrateName, lines: &[Line<'_>]) -> Result<Option<ObjectId>, Error> {
    let _ = (view, name, lines);
    todo!()
}
