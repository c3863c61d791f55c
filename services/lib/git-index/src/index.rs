//! The index of one registry, and the heads of its views.

use crate::{Definition, DeltaError, Error, File, Head, Memory, Pack};
use std::sync::Arc;
use wharf_domain::{CrateName, RegistryId, ViewId};
use wharf_git_wire::ObjectId;

/// A crate and its file from now on.
#[derive(Clone, Debug)]
pub struct Change {
    /// The name as published. Paths are lower case; rules compare the canonical form.
    pub name: CrateName,
    /// The file; `None` when the crate has no version left.
    pub file: Option<Arc<File>>,
}

/// What an old state showed of one crate.
#[derive(Clone, Debug)]
pub struct Was {
    /// The crate.
    pub name: CrateName,
    /// The blob that was seen ([`crate::visible_oid`]); `None` when nothing was.
    pub oid: Option<ObjectId>,
}

/// An old state that a client has, as far as the difference to it is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// The rules by which it was shown.
    pub definition: &'a Definition,
    /// The id of its `config.json`.
    pub config: ObjectId,
    /// Exactly what it showed of every crate that changed after it, up to [`Base::covers`]. Hidden crates may be in it
    /// with `None` or be left out; crates that did not change may be in it too.
    pub was: &'a [Was],
    /// The newest change that `was` takes into account.
    pub covers: u64,
}

/// The files of one registry, and what its views are made of. Shared between threads; every method takes `&self`.
#[derive(Debug)]
pub struct Index {
    memory: Arc<Memory>,
    registry: RegistryId,
}

impl Index {
    /// The registry as it is after change `seq`.
    #[must_use]
    pub fn load(
        memory: Arc<Memory>,
        registry: RegistryId,
        seq: u64,
        crates: impl IntoIterator<Item = Change>,
    ) -> Index {
        let _ = (seq, crates.into_iter().count());
        Index { memory, registry }
    }

    /// Takes in what changed up to and with `seq`; all of it at once, or nothing: `false` when the index is there already.
    ///
    /// Numbers rise by commits, so a batch that was read in one snapshot of the database is complete. No view is touched:
    /// each catches up when it is next asked for.
    pub fn apply(&self, seq: u64, changes: impl IntoIterator<Item = Change>) -> bool {
        let _ = (seq, changes.into_iter().count());
        todo!()
    }

    /// The newest change that is taken in.
    #[must_use]
    pub fn seq(&self) -> u64 {
        todo!()
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> RegistryId {
        self.registry
    }

    /// What the view shows now, with this `config.json`.
    ///
    /// Microseconds when nothing visible changed. The first head of a view costs up to 100 ms for one that shows
    /// everything, and seconds for one that filters the versions of everything: call it where that hurts nobody.
    pub fn head(&self, definition: &Definition, config: &[u8]) -> Result<Arc<Head>, Error> {
        let _ = (definition, config, &self.memory);
        todo!()
    }

    /// A head of this view and this `config.json` that was given out before, if it is among the last of them.
    ///
    /// Whether the one who wants the commit was ever offered it is the caller's to know.
    #[must_use]
    pub fn recall(&self, view: ViewId, config: ObjectId, commit: ObjectId) -> Option<Arc<Head>> {
        let _ = (view, config, commit);
        todo!()
    }

    /// What a client that has the old state lacks for the head; nothing at all when both are equal.
    ///
    /// A pure function of what the old state showed and what the head shows: crates that look the same in both are
    /// dropped before their directories are collected, so what happens to hidden crates changes no byte.
    ///
    /// `definition` is the head's own.
    pub fn delta(&self, head: &Arc<Head>, definition: &Definition, base: &Base<'_>) -> Result<Pack, DeltaError> {
        let _ = (head, definition, base);
        todo!()
    }
}
