//! The index of one registry, and the heads of its views.

use crate::contents::Contents;
use crate::delta::delta;
use crate::name::Name;
use crate::shown::edits;
use crate::{Definition, DeltaError, Error, File, Head, Memory, Pack};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use wharf_domain::{CrateName, RegistryId, ViewId};
use wharf_git_wire::{Kind, ObjectId, object};

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
    ///
    /// If the client has a state newer than the head it wants, these are the crates that changed after the head.
    pub was: &'a [Was],
    /// The newest change that `was` takes into account.
    pub covers: u64,
}

/// The files of one registry, and what its views are made of. Shared between threads; every method takes `&self`.
#[derive(Debug)]
pub struct Index {
    memory: Arc<Memory>,
    registry: RegistryId,
    /// Tells the views of this index from those of another one, loaded earlier or later for the same registry.
    number: u64,
    contents: RwLock<Contents>,
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
        static LOADED: AtomicU64 = AtomicU64::new(0);
        let contents = RwLock::new(Contents::load(seq, crates, Arc::clone(memory.files())));
        Index { memory, registry, number: LOADED.fetch_add(1, Ordering::Relaxed), contents }
    }

    /// Takes in what changed up to and with `seq`; all of it at once, or nothing: `false` when the index is there already.
    ///
    /// Numbers rise by commits, so a batch that was read in one snapshot of the database is complete. No view is touched:
    /// each catches up when it is next asked for.
    pub fn apply(&self, seq: u64, changes: impl IntoIterator<Item = Change>) -> bool {
        self.contents.write().unwrap_or_else(PoisonError::into_inner).apply(seq, changes)
    }

    /// The newest change that is taken in.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.contents.read().unwrap_or_else(PoisonError::into_inner).seq()
    }

    /// Bytes of its files and names, which go when the index does and no head of it is held any more.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.contents.read().unwrap_or_else(PoisonError::into_inner).held_bytes()
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> RegistryId {
        self.registry
    }

    /// What the view shows now, with this `config.json`.
    ///
    /// A microsecond when nothing visible changed. At 150,000 crates the first head costs a tenth of a second for a view
    /// that shows everything, and seconds for one that filters the versions of everything; others who ask for the same
    /// view wait meanwhile. Call it where that hurts nobody.
    pub fn head(&self, definition: &Definition, config: &[u8]) -> Result<Arc<Head>, Error> {
        let memory = &self.memory;
        let view = wharf_trial::mutant!(GitStateWithoutView => ViewId([0; 32]); definition.id());
        let id = wharf_trial::mutant!(GitConfigShared => ObjectId::new([0; 20]); object::id(Kind::Blob, config)?);
        let key = ((self.number, view), id);
        let (shown, newest) = memory.repositories().open(key, memory);
        let (seq, root) = shown.now(&self.contents, definition, memory)?;
        if let Some(head) = newest.filter(|head| head.shown().is_same(&root)) {
            head.is_still(seq);
            return Ok(head);
        }
        let head = Arc::new(Head::new(definition.id(), seq, config, root, memory)?);
        let head = memory.repositories().keep(key, head);
        memory.repositories().trim(memory);
        Ok(head)
    }

    /// A head of this view and this `config.json` that was given out before, if it is among the last of them.
    ///
    /// Whether the one who wants the commit was ever offered it is the caller's to know.
    #[must_use]
    pub fn recall(&self, view: ViewId, config: ObjectId, commit: ObjectId) -> Option<Arc<Head>> {
        self.memory.repositories().recall(((self.number, view), config), commit)
    }

    /// What the view of `head` showed after change `seq`, before these crates had the files they have now. `files` are
    /// those of then; `definition` and `config` are the head's own.
    ///
    /// A client asks for a commit in a second request, which may meet a process that never gave that commit out.
    pub fn earlier(
        &self,
        head: &Head,
        definition: &Definition,
        config: &[u8],
        seq: u64,
        files: impl IntoIterator<Item = Change>,
    ) -> Result<Arc<Head>, Error> {
        let memory = &self.memory;
        let mut then: Vec<_> = files.into_iter().map(|was| (Arc::new(Name::new(&was.name)), was.file)).collect();
        then.sort_unstable_by(|(a, _), (b, _)| a.by_path(b));
        let edits = edits(then, definition.view(), head.shown(), memory)?;
        let root =
            if edits.is_empty() { Arc::clone(head.shown()) } else { memory.forest().edit(head.shown(), &edits)? };
        Ok(Arc::new(Head::new(definition.id(), seq, config, root, memory)?))
    }

    /// What a client that has the old state lacks for the head; nothing at all when both are equal.
    ///
    /// A pure function of what the old state showed and what the head shows: crates that look the same in both are
    /// dropped before their directories are collected, so what happens to hidden crates changes no byte.
    ///
    /// `definition` is the head's own.
    pub fn delta(&self, head: &Arc<Head>, definition: &Definition, base: &Base<'_>) -> Result<Pack, DeltaError> {
        if base.covers < head.seq() {
            return Err(DeltaError::Behind);
        }
        let mut was: Vec<_> = base.was.iter().map(|was| (Name::new(&was.name), was.oid)).collect();
        if base.definition.id() != head.view() {
            self.add_redefined(definition, base, &mut was)?;
        }
        Ok(delta(head, base.config, was)?)
    }

    /// Adds what the old rules showed of the crates that the new rules may show otherwise, as if none of them had changed
    /// between the states. Of those that did, `was` says better what they were, and says it first.
    fn add_redefined(
        &self,
        definition: &Definition,
        base: &Base<'_>,
        was: &mut Vec<(Name, Option<ObjectId>)>,
    ) -> Result<(), DeltaError> {
        let (old, new) = (base.definition.view(), definition.view());
        let found = {
            let contents = self.contents.read().unwrap_or_else(PoisonError::into_inner);
            if base.covers < contents.seq() {
                return Err(DeltaError::Behind);
            }
            contents.candidates(&[old, new])
        };
        for (name, file) in found {
            let sight = old.sight(name.canonical());
            if sight == new.sight(name.canonical()) {
                continue;
            }
            let oid = self.memory.parts().visible(&sight, &file, &self.memory)?.map(|blob| blob.oid());
            was.push((Name::clone(&name), oid));
        }
        Ok(())
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.memory.repositories().forget(self.number);
    }
}
