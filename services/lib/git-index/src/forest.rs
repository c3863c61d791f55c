//! Directories, each once: equal ones are the same object, whichever view they were made for.
//!
//! Directories are never changed. [`Forest::edit`] makes the few that are new when files change and shares all others, so
//! a view from nothing and a view brought up to date are the work of the same lines, and of equal content.

use crate::Error;
use crate::blob::Blob;
use crate::gauge::{self, Gauge, Held};
use crate::name::{DirectoryName, Name};
use crate::root::Root;
use bytes::Bytes;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use wharf_git_wire::{Kind, Mode, ObjectId, TreeEntry, entry, object};

/// A directory below the root.
#[derive(Debug)]
pub(crate) struct Tree {
    oid: ObjectId,
    entry: Bytes,
    children: Children,
    forest: Arc<Forest>,
    _held: Held,
}

/// What a directory holds. None has both kinds, and none is empty.
#[derive(Debug)]
pub(crate) enum Children {
    Directories(Box<[Directory]>),
    Files(Box<[Leaf]>),
}

/// A directory and its name.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) name: DirectoryName,
    pub(crate) tree: Arc<Tree>,
}

/// A file and the crate it speaks of.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) name: Arc<Name>,
    pub(crate) blob: Arc<Blob>,
}

/// What a crate shows from now on.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) name: Arc<Name>,
    pub(crate) blob: Option<Arc<Blob>>,
}

impl Tree {
    pub(crate) fn entry(&self) -> &Bytes {
        &self.entry
    }

    pub(crate) fn directories(&self) -> &[Directory] {
        match &self.children {
            Children::Directories(directories) => directories,
            Children::Files(_) => &[],
        }
    }

    pub(crate) fn files(&self) -> &[Leaf] {
        match &self.children {
            Children::Directories(_) => &[],
            Children::Files(files) => files,
        }
    }

    /// Itself and the directories below it, and the files in them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let below = self.directories();
        let files = below.iter().map(|directory| directory.tree.files().len()).sum::<usize>();
        (1 + below.len(), self.files().len() + files)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let mut trees = self.forest.trees();
        // Another thread may have made the same directory again between the last reference and this moment.
        if trees.get(&self.oid).is_some_and(|known| known.strong_count() == 0) {
            trees.remove(&self.oid);
            if trees.len() < trees.capacity() / 8 {
                let room = trees.len() * 2;
                trees.shrink_to(room);
            }
        }
    }
}

/// All directories that are alive.
#[derive(Debug)]
pub(crate) struct Forest {
    trees: Mutex<HashMap<ObjectId, Weak<Tree>>>,
    gauge: Arc<Gauge>,
}

impl Forest {
    pub(crate) fn new(gauge: Arc<Gauge>) -> Arc<Forest> {
        Arc::new(Forest { trees: Mutex::default(), gauge })
    }

    fn trees(&self) -> MutexGuard<'_, HashMap<ObjectId, Weak<Tree>>> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The root with these edits made. They are sorted by path and name no crate twice.
    pub(crate) fn edit(self: &Arc<Self>, root: &Root, edits: &[Edit]) -> Result<Arc<Root>, Error> {
        let directories = merge(
            root.directories(),
            edits,
            |edit| edit.name.place().top,
            |former, edits| match edits.first().and_then(|edit| edit.name.place().below) {
                None => self.edit_files(former, edits),
                Some(_) => self.edit_directories(former, edits),
            },
        )?;
        Ok(Root::new(directories, &self.gauge))
    }

    fn edit_directories(self: &Arc<Self>, former: Option<&Tree>, edits: &[Edit]) -> Result<Option<Arc<Tree>>, Error> {
        let directories = merge(
            former.map_or(&[], Tree::directories),
            edits,
            |edit| edit.name.place().below.unwrap_or(edit.name.place().top),
            |former, edits| self.edit_files(former, edits),
        )?;
        let entries = directories.iter().map(Directory::entry);
        if directories.is_empty() {
            return Ok(None);
        }
        let content = object::tree(entries)?;
        self.intern(&content, Children::Directories(directories.into_boxed_slice())).map(Some)
    }

    fn edit_files(self: &Arc<Self>, former: Option<&Tree>, edits: &[Edit]) -> Result<Option<Arc<Tree>>, Error> {
        let old = former.map_or(&[][..], Tree::files);
        let mut files = Vec::with_capacity(old.len() + edits.len());
        let (mut old, mut new) = (old.iter().peekable(), edits.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.name.by_path(&new.name),
            };
            if order.is_lt() {
                files.extend(old.next().cloned());
                continue;
            }
            if order.is_eq() {
                old.next();
            }
            if let Some(Edit { name, blob: Some(blob) }) = new.next() {
                files.push(Leaf { name: Arc::clone(name), blob: Arc::clone(blob) });
            }
        }
        if files.is_empty() {
            return Ok(None);
        }
        let content = object::tree(files.iter().map(Leaf::entry))?;
        self.intern(&content, Children::Files(files.into_boxed_slice())).map(Some)
    }

    fn intern(self: &Arc<Self>, content: &[u8], children: Children) -> Result<Arc<Tree>, Error> {
        let oid = object::id(Kind::Tree, content)?;
        if let Some(known) = self.trees().get(&oid).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let entry = Bytes::from(entry::stored(Kind::Tree, content).into_boxed_slice());
        let children_bytes = match &children {
            Children::Directories(directories) => gauge::boxed::<Directory>(directories.len()),
            Children::Files(files) => gauge::boxed::<Leaf>(files.len()),
        };
        let bytes = gauge::shared::<Tree>()
            + gauge::bytes(entry.len())
            + children_bytes
            + gauge::entry::<ObjectId, Weak<Tree>>();
        let _held = self.gauge.hold(bytes);
        // Made before the lock is taken, and dropped after if it is not wanted: the end of a directory takes the lock too.
        let fresh = Arc::new(Tree { oid, entry, children, forest: Arc::clone(self), _held });
        let mut trees = self.trees();
        if let Some(known) = trees.get(&oid).and_then(Weak::upgrade) {
            drop(trees);
            return Ok(known);
        }
        trees.insert(oid, Arc::downgrade(&fresh));
        drop(trees);
        Ok(fresh)
    }
}

impl Directory {
    pub(crate) fn entry(&self) -> TreeEntry<'_> {
        TreeEntry { name: self.name.as_str(), mode: Mode::Directory, id: self.tree.oid }
    }
}

impl Leaf {
    fn entry(&self) -> TreeEntry<'_> {
        TreeEntry { name: self.name.lower(), mode: Mode::File, id: self.blob.oid() }
    }
}

/// The directories after edits: those that nothing touches as they are, the others as `edited` makes them, and none that
/// became empty.
fn merge(
    old: &[Directory],
    edits: &[Edit],
    name: impl Fn(&Edit) -> DirectoryName,
    edited: impl Fn(Option<&Tree>, &[Edit]) -> Result<Option<Arc<Tree>>, Error>,
) -> Result<Vec<Directory>, Error> {
    let mut new = Vec::with_capacity(old.len() + 1);
    let mut old = old.iter().peekable();
    for group in edits.chunk_by(|a, b| name(a) == name(b)) {
        let name = name(&group[0]);
        while let Some(untouched) = old.next_if(|directory| directory.name < name) {
            new.push(untouched.clone());
        }
        let former = old.next_if(|directory| directory.name == name);
        if let Some(tree) = edited(former.map(|directory| &*directory.tree), group)? {
            new.push(Directory { name, tree });
        }
    }
    new.extend(old.cloned());
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::CrateName;

    fn edits(names: &[&str]) -> Vec<Edit> {
        let blob = Arc::new(Blob::whole(ObjectId::new([7; 20]), Bytes::from_static(b"entry")));
        let name = |text| Arc::new(Name::new(&CrateName::parse(text).unwrap()));
        names.iter().map(|text| Edit { name: name(text), blob: Some(Arc::clone(&blob)) }).collect()
    }

    #[test]
    fn directories_are_shared_while_they_live_and_forgotten_with_the_last_view() {
        let gauge = Arc::new(Gauge::default());
        let forest = Forest::new(Arc::clone(&gauge));
        let empty = Root::new(Vec::new(), &gauge);
        let bytes = gauge.bytes();
        let one = forest.edit(&empty, &edits(&["a", "abcd", "abce", "bacd"])).unwrap();
        assert_eq!((one.counts(), forest.trees().len()), ((6, 4), 6));
        let other = forest.edit(&empty, &edits(&["abcd", "abce", "back"])).unwrap();
        // `ab` and the two below it are the same objects; `ba` and `ba/ck` are not.
        assert_eq!(forest.trees().len(), 8);
        let shared: Vec<_> = one.trees().filter(|tree| other.trees().any(|other| Arc::ptr_eq(tree, other))).collect();
        assert_eq!(shared.len(), 3);
        drop(one);
        assert_eq!(forest.trees().len(), 5);
        drop(other);
        assert_eq!((forest.trees().len(), gauge.bytes()), (0, bytes));
        assert!(forest.trees().capacity() < 16);
    }
}
