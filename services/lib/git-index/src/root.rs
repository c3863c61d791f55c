//! The root of a view, without the `config.json` that each credential may have of its own.

use crate::Error;
use crate::blob::Blob;
use crate::forest::{Directory, Tree};
use crate::gauge::{self, Gauge, Held};
use crate::name::{Name, Place};
use std::sync::Arc;
use wharf_git_wire::{Mode, ObjectId, TreeEntry, object};

const CONFIG: &str = "config.json";

/// Everything one view shows at one moment.
#[derive(Debug)]
pub(crate) struct Root {
    directories: Box<[Directory]>,
    _held: Held,
}

impl Root {
    pub(crate) fn new(directories: Vec<Directory>, gauge: &Arc<Gauge>) -> Arc<Root> {
        let directories = directories.into_boxed_slice();
        let _held = gauge.hold(gauge::shared::<Root>() + gauge::boxed::<Directory>(directories.len()));
        Arc::new(Root { directories, _held })
    }

    pub(crate) fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// Whether both are the same directories, and so the same files.
    pub(crate) fn is_same(&self, other: &Root) -> bool {
        self.directories.len() == other.directories.len()
            && self.directories.iter().zip(&other.directories).all(|(a, b)| Arc::ptr_eq(&a.tree, &b.tree))
    }

    /// The content of the root directory, once `config.json` lies in it.
    pub(crate) fn content(&self, config: ObjectId) -> Result<Vec<u8>, Error> {
        let config = TreeEntry { name: CONFIG, mode: Mode::File, id: config };
        Ok(object::tree(self.directories.iter().map(Directory::entry).chain([config]))?)
    }

    /// How many directories there are below the root, and files in them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.directories.iter().map(|directory| directory.tree.counts()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// All directories below the root in the order of paths.
    pub(crate) fn trees(&self) -> impl Iterator<Item = &Arc<Tree>> {
        self.directories.iter().flat_map(|directory| {
            std::iter::once(&directory.tree).chain(directory.tree.directories().iter().map(|below| &below.tree))
        })
    }

    /// The directories of a place that exist, the upper one first.
    pub(crate) fn trees_at(&self, place: Place) -> impl Iterator<Item = &Arc<Tree>> {
        let top = find(&self.directories, place.top);
        let below = top.zip(place.below).and_then(|(top, below)| find(top.directories(), below));
        [top, below].into_iter().flatten()
    }

    /// What is shown of a crate.
    pub(crate) fn find(&self, name: &Name) -> Option<&Arc<Blob>> {
        let place = name.place();
        let depth = 1 + usize::from(place.below.is_some());
        let files = self.trees_at(place).nth(depth - 1)?.files();
        files.binary_search_by(|leaf| leaf.name.by_path(name)).ok().map(|found| &files[found].blob)
    }
}

fn find(directories: &[Directory], name: crate::name::DirectoryName) -> Option<&Arc<Tree>> {
    directories.binary_search_by_key(&name, |directory| directory.name).ok().map(|found| &directories[found].tree)
}
