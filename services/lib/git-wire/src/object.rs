//! Objects: their kinds, their ids, and the bytes of the trees and commits a view is made of.
//!
//! A view is one commit without parents over one tree, so equal content has equal ids on every replica and in every
//! history. Nothing here takes a date, a counter or a name of a caller. Names that `git fsck --strict` or a
//! case-insensitive client would stumble over are refused, since a whole view would stop working with them.
//!
//! SHA-1 is broken for bytes that an adversary chooses, and publishers choose the bytes of index files. Ids therefore go
//! through `sha1-checked`, which notices the known collision attacks; such bytes get no id. `sha1` alone, four times
//! faster, hashes only whole packs, where nobody gains from a collision ([`crate::pack`]).

use sha1_checked::{Digest, Sha1};

use crate::oid::ObjectId;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A snapshot of a view.
    Commit,
    /// A directory.
    Tree,
    /// A file.
    Blob,
}

impl Kind {
    /// The word in front of the bytes that are hashed.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
        }
    }
}

/// Bytes that were made to share their SHA-1 with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content carries the marks of a SHA-1 collision attack")]
pub struct CollisionError;

/// The id of an object with this content.
pub fn id(kind: Kind, content: &[u8]) -> Result<ObjectId, CollisionError> {
    checked(&[kind.name().as_bytes(), format!(" {}\0", content.len()).as_bytes(), content])
}

fn checked(parts: &[&[u8]]) -> Result<ObjectId, CollisionError> {
    let mut hash = Sha1::builder().detect_collision(true).safe_hash(false).build();
    for part in parts {
        hash.update(part);
    }
    let result = hash.try_finalize();
    if result.has_collision() { Err(CollisionError) } else { Ok(ObjectId::new((*result.hash()).into())) }
}

/// What a name in a tree stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A plain file.
    File,
    /// Another tree.
    Directory,
}

/// One name in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// One component of a path.
    pub name: &'a str,
    /// File or directory.
    pub mode: Mode,
    /// The blob or tree behind the name.
    pub id: ObjectId,
}

/// Why entries do not make a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Git has no empty directories.
    #[error("a tree needs an entry")]
    Empty,
    /// A name that is no single plain component.
    #[error("a name in the tree is not allowed")]
    Name,
    /// The same name twice, be it once as file and once as directory.
    #[error("a name occurs twice in the tree")]
    Duplicate,
}

/// The content of a tree; the order of `entries` does not matter.
pub fn tree<'a>(entries: impl IntoIterator<Item = TreeEntry<'a>>) -> Result<Vec<u8>, TreeError> {
    let mut entries: Vec<_> = entries.into_iter().collect();
    if entries.is_empty() {
        return Err(TreeError::Empty);
    }
    if !entries.iter().all(|entry| is_plain(entry.name)) {
        return Err(TreeError::Name);
    }
    entries.sort_unstable_by(|a, b| order(a.name, a.mode).cmp(order(b.name, b.mode)));
    if entries.windows(2).any(|pair| pair[0].name == pair[1].name && pair[0].mode == pair[1].mode) {
        return Err(TreeError::Duplicate);
    }
    // A file `a` and a directory `a` need not be neighbours: `a-b` and `a.b` sort between them.
    let is_file_too = |name| entries.binary_search_by(|e| order(e.name, e.mode).cmp(order(name, Mode::File))).is_ok();
    if entries.iter().any(|entry| entry.mode == Mode::Directory && is_file_too(entry.name)) {
        return Err(TreeError::Duplicate);
    }
    let mut out = Vec::with_capacity(entries.iter().map(|entry| entry.name.len() + 28).sum());
    for entry in &entries {
        out.extend_from_slice(match entry.mode {
            Mode::File => b"100644 ",
            Mode::Directory => b"40000 ",
        });
        out.extend_from_slice(entry.name.as_bytes());
        out.push(0);
        out.extend_from_slice(entry.id.as_bytes());
    }
    Ok(out)
}

/// Git's order: bytewise, with a slash behind the names of directories.
fn order(name: &str, mode: Mode) -> impl Iterator<Item = u8> {
    name.bytes().chain((mode == Mode::Directory).then_some(b'/'))
}

/// Names of crates, their directories and `config.json`. No leading dot: `.git` in any spelling is an attack on clients.
fn is_plain(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// The content of the commit over a root tree: constant but for the tree, and without parents.
pub fn commit(root: ObjectId) -> Vec<u8> {
    const WHO: &str = "Wharf <index@wharf.invalid> 1577836800 +0000";
    format!("tree {root}\nauthor {WHO}\ncommitter {WHO}\n\nIndex\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: ObjectId = ObjectId::new([7; 20]);

    fn file(name: &str) -> TreeEntry<'_> {
        TreeEntry { name, mode: Mode::File, id: ID }
    }

    fn directory(name: &str) -> TreeEntry<'_> {
        TreeEntry { name, mode: Mode::Directory, id: ID }
    }

    #[test]
    fn ids_that_everyone_knows() {
        assert_eq!(id(Kind::Blob, b"").unwrap().to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(id(Kind::Tree, b"").unwrap().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(id(Kind::Blob, b"test content\n").unwrap().to_string(), "d670460b4b4aece5915caf5c68d12f560a9fe3e4");
    }

    /// From Leurent and Peyrin, "SHA-1 is a Shambles". No collision with git's head in front is public, so the head is
    /// left out.
    #[test]
    fn a_known_attack_is_noticed() {
        let attack = include_bytes!("../vectors/sha-mbles-1.bin");
        assert_eq!(checked(&[attack]), Err(CollisionError));
        assert_eq!(checked(&[&attack[..100], &attack[100..]]), Err(CollisionError));
        assert!(id(Kind::Blob, attack).is_ok(), "harmless behind another beginning");
    }

    #[test]
    fn directories_sort_as_if_they_ended_in_a_slash() {
        let bytes = tree([directory("ab"), file("ab-c"), file("ab.c"), file("ab0"), file("aa"), file("Z")]).unwrap();
        let names: Vec<_> = bytes
            .split(|byte| *byte == 7)
            .filter(|part| !part.is_empty())
            .map(|part| String::from_utf8(part[..part.len() - 1].to_vec()).unwrap())
            .collect();
        assert_eq!(names, ["100644 Z", "100644 aa", "100644 ab-c", "100644 ab.c", "40000 ab", "100644 ab0"]);
    }

    #[test]
    fn what_makes_no_tree() {
        assert_eq!(tree([]), Err(TreeError::Empty));
        let long = "a".repeat(256);
        for name in ["", ".", "..", ".git", ".GIT", "a/b", "a\0b", "a\\b", "git~1", "ä", "a b", &long] {
            assert_eq!(tree([file(name)]), Err(TreeError::Name), "{name:?}");
        }
        assert_eq!(tree([file("a"), file("a")]), Err(TreeError::Duplicate));
        assert_eq!(tree([directory("a"), directory("a")]), Err(TreeError::Duplicate));
        assert_eq!(tree([file("a"), directory("a"), file("a-b"), file("a.b")]), Err(TreeError::Duplicate));
    }

    proptest! {
        #[test]
        fn order_of_arrival_is_forgotten(mut names in proptest::collection::btree_set("[a-c.-]{0,3}[a-c]", 1..20)
            .prop_map(|set| set.into_iter().filter(|name| !name.starts_with('.')).collect::<Vec<_>>()))
        {
            prop_assume!(!names.is_empty());
            let of = |names: &[String]| tree(names.iter().map(|name| file(name)));
            let forward = of(&names);
            names.reverse();
            prop_assert_eq!(forward, of(&names));
        }
    }
}
