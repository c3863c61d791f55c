//! The same repositories made the slow way: plain maps, gitoxide's trees and hashes, differences of sets.

use std::collections::{BTreeMap, HashSet};

use gix_object::WriteTo;
use gix_object::tree::EntryKind;
use wharf_domain::View;
use wharf_git_wire::{Inflater, ObjectId};

use wharf_git_index::Pack;

use crate::fixture::{Registry, crate_name, line};

const SHA1: gix_hash::Kind = gix_hash::Kind::Sha1;

/// A kind of object and its content.
pub(crate) type Object = (gix_object::Kind, Vec<u8>);

/// Everything a clone gets, in the order of a full pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) commit: ObjectId,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) objects: Vec<Object>,
}

pub(crate) fn id((kind, content): &Object) -> ObjectId {
    ObjectId::new(gix_object::compute_hash(SHA1, *kind, content).unwrap().as_slice().try_into().unwrap())
}

fn path(name: &str) -> String {
    match name.len() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

impl Repository {
    /// What a view shows of a registry.
    pub(crate) fn of(registry: &Registry, view: &View, config: &str) -> Repository {
        let mut files = BTreeMap::from([("config.json".to_owned(), config.as_bytes().to_vec())]);
        for (name, versions) in registry {
            let sight = view.sight(&crate_name(name).canonical());
            let shown = versions.iter().filter(|version| sight.shows(&version.number, version.at));
            let content: Vec<_> = shown.flat_map(|version| line(name, version)).collect();
            if !content.is_empty() {
                files.insert(path(&name.to_ascii_lowercase()), content);
            }
        }
        let (mut trees, mut blobs) = (Vec::new(), Vec::new());
        let root = directory("", &files, &mut trees, &mut blobs);
        let commit = (gix_object::Kind::Commit, wharf_git_wire::object::commit(root));
        let config = (gix_object::Kind::Blob, files["config.json"].clone());
        let mut objects = vec![commit.clone(), trees.remove(0), config.clone()];
        objects.append(&mut trees);
        objects.extend(blobs.into_iter().filter(|blob| *blob != config));
        Repository { commit: id(&commit), files, objects }
    }

    /// What `other` lacks, in the order of a pack.
    pub(crate) fn without(&self, other: &Repository) -> Vec<Object> {
        let theirs: HashSet<_> = other.objects.iter().map(id).collect();
        self.objects.iter().filter(|object| !theirs.contains(&id(object))).cloned().collect()
    }
}

/// Adds a directory and all below it in the order of paths; gives its id.
fn directory(
    prefix: &str,
    files: &BTreeMap<String, Vec<u8>>,
    trees: &mut Vec<Object>,
    blobs: &mut Vec<Object>,
) -> ObjectId {
    let mut children = BTreeMap::new();
    for (path, content) in files.iter().filter(|(path, _)| path.starts_with(prefix)) {
        match path[prefix.len()..].split_once('/') {
            // The slash makes the order of the map that of git.
            Some((name, _)) => children.insert(format!("{name}/"), None),
            None => children.insert(path[prefix.len()..].to_owned(), Some(content)),
        };
    }
    let place = trees.len();
    trees.push((gix_object::Kind::Tree, Vec::new()));
    let mut tree = gix_object::Tree { entries: Vec::new() };
    for (name, content) in &children {
        let (mode, child) = match content {
            Some(content) => {
                blobs.push((gix_object::Kind::Blob, content.to_vec()));
                (EntryKind::Blob, id(blobs.last().unwrap()))
            }
            None => (EntryKind::Tree, directory(&format!("{prefix}{name}"), files, trees, blobs)),
        };
        let filename = name.trim_end_matches('/').into();
        let oid = gix_hash::ObjectId::from_bytes_or_panic(child.as_bytes());
        tree.entries.push(gix_object::tree::Entry { mode: mode.into(), filename, oid });
    }
    assert!(tree.entries.is_sorted(), "gitoxide's order");
    tree.write_to(&mut trees[place].1).unwrap();
    id(&trees[place])
}

/// The objects of a pack, opened.
pub(crate) fn open(pack: Pack) -> Vec<Object> {
    let announced = pack.objects();
    let mut inflater = Inflater::new();
    let objects: Vec<_> = pack
        .map(|entry| {
            let entry = entry.unwrap();
            let kind = match entry[0] >> 4 & 7 {
                1 => gix_object::Kind::Commit,
                2 => gix_object::Kind::Tree,
                3 => gix_object::Kind::Blob,
                other => panic!("kind {other}"),
            };
            (kind, inflater.content(&entry).unwrap())
        })
        .collect();
    assert_eq!(usize::try_from(announced).unwrap(), objects.len(), "as many as announced");
    objects
}
