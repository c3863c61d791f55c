//! A view in memory: files by path, and the objects they make.

use std::collections::{BTreeMap, HashSet};

use wharf_git_wire::entry::stored;
use wharf_git_wire::object::{commit, id, tree};
use wharf_git_wire::{Deflater, Framing, Kind, Mode, ObjectId, PackStream, TreeEntry};

/// A view and its objects in the order of a pack: commit, trees, blobs.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) commit: ObjectId,
    pub(crate) objects: Vec<(ObjectId, Kind, Vec<u8>)>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Snapshot {
    pub(crate) fn of(files: &BTreeMap<String, Vec<u8>>) -> Snapshot {
        let (mut trees, mut blobs) = (Vec::new(), Vec::new());
        let root = directory("", files, &mut trees, &mut blobs);
        let content = commit(root);
        let commit = id(Kind::Commit, &content).unwrap();
        let mut objects = vec![(commit, Kind::Commit, content)];
        objects.extend(trees.into_iter().rev());
        objects.extend(blobs);
        let mut seen = HashSet::new();
        objects.retain(|(id, ..)| seen.insert(*id));
        Snapshot { commit, objects, files: files.clone() }
    }

    /// `config.json` and `count` crates whose files depend on `salt`; every tenth file spans several zlib blocks.
    pub(crate) fn sample(count: usize, salt: &str) -> Snapshot {
        let mut files = BTreeMap::from([("config.json".to_owned(), b"{\"dl\":\"x\"}".to_vec())]);
        files.insert("1/a".to_owned(), b"one".to_vec());
        files.insert("3/f/foo".to_owned(), Vec::new());
        for i in 0..count {
            let name = format!("{}{}-crate{i}", char::from(b'a' + (i % 7) as u8), char::from(b'a' + (i % 3) as u8));
            let line = format!("{{\"name\":\"{name}\",\"vers\":\"{i}.0.0\",\"cksum\":\"{}\"}}\n", i * 7919);
            let repeat = if i % 10 == 0 { 3000 } else { i % 5 + 1 };
            let content = if i == 1 { format!("{line}{salt}") } else { line.repeat(repeat) };
            files.insert(format!("{}/{}/{name}", &name[..2], &name[2..4]), content.into_bytes());
        }
        Snapshot::of(&files)
    }

    /// The objects that `other` has not, as a pack.
    pub(crate) fn pack(&self, other: Option<&Snapshot>, framing: Framing, out: &mut Vec<u8>) -> usize {
        let theirs: HashSet<_> = other.iter().flat_map(|other| &other.objects).map(|(id, ..)| *id).collect();
        let mut deflater = Deflater::new();
        let entries: Vec<_> = self
            .objects
            .iter()
            .filter(|(id, ..)| !theirs.contains(id))
            .map(|(_, kind, content)| match kind {
                Kind::Blob => deflater.entry(*kind, content).unwrap(),
                Kind::Tree | Kind::Commit => stored(*kind, content),
            })
            .collect();
        let mut pack = PackStream::begin(u32::try_from(entries.len()).unwrap(), framing, out);
        for entry in &entries {
            pack.entry(entry, out).unwrap();
        }
        pack.finish(out).unwrap();
        entries.len()
    }
}

type Objects = Vec<(ObjectId, Kind, Vec<u8>)>;

fn directory(prefix: &str, files: &BTreeMap<String, Vec<u8>>, trees: &mut Objects, blobs: &mut Objects) -> ObjectId {
    let mut children = BTreeMap::new();
    for (path, content) in files.range(prefix.to_owned()..).take_while(|(path, _)| path.starts_with(prefix)) {
        match path[prefix.len()..].split_once('/') {
            Some((name, _)) => children.insert(name.to_owned(), None),
            None => children.insert(path[prefix.len()..].to_owned(), Some(content)),
        };
    }
    let mut entries = Vec::new();
    for (name, content) in &children {
        let (mode, child) = match content {
            Some(content) => {
                let child = id(Kind::Blob, content).unwrap();
                blobs.push((child, Kind::Blob, content.to_vec()));
                (Mode::File, child)
            }
            None => (Mode::Directory, directory(&format!("{prefix}{name}/"), files, trees, blobs)),
        };
        entries.push(TreeEntry { name, mode, id: child });
    }
    let content = tree(entries).unwrap();
    let own = id(Kind::Tree, &content).unwrap();
    trees.push((own, Kind::Tree, content));
    own
}
