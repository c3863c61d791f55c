//! Packs as git's plumbing reads them: `index-pack --strict`, `fsck --strict`, `ls-tree`, `mktree`.

use tempfile::TempDir;
use wharf_git_wire::object::{id, tree};
use wharf_git_wire::{Framing, Kind, Mode, ObjectId, TreeEntry};

use crate::git::{git, try_git};
use crate::snapshot::Snapshot;

fn repository() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    git(directory.path(), &["init", "--bare", "-q", "."], b"");
    directory
}

#[test]
fn git_accepts_packs_and_reads_every_file_back() {
    for count in [0, 1, 300] {
        let snapshot = Snapshot::sample(count, "");
        let repository = repository();
        let path = repository.path();
        let mut pack = Vec::new();
        let objects = snapshot.pack(None, Framing::Raw, &mut pack);
        assert_eq!(objects, snapshot.objects.len());
        git(path, &["index-pack", "--strict", "--stdin"], &pack);
        git(path, &["update-ref", "refs/heads/master", &snapshot.commit.to_string()], b"");
        assert_eq!(git(path, &["fsck", "--strict", "--full", "--no-dangling", "--no-progress"], b""), "");
        let listed = git(path, &["ls-tree", "-r", "master"], b"");
        let expected: String = snapshot
            .files
            .iter()
            .map(|(path, content)| format!("100644 blob {}\t{path}\n", id(Kind::Blob, content).unwrap()))
            .collect();
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&listed), sorted(&expected));
        assert!(git(path, &["count-objects", "-v"], b"").contains(&format!("in-pack: {objects}\n")));
    }
}

#[test]
fn an_incremental_pack_completes_what_is_there() {
    let (old, new) = (Snapshot::sample(120, ""), Snapshot::sample(120, "published"));
    let repository = repository();
    let path = repository.path();
    let (mut full, mut step) = (Vec::new(), Vec::new());
    old.pack(None, Framing::Raw, &mut full);
    // Commit, root, two directories, one file.
    assert_eq!(new.pack(Some(&old), Framing::Raw, &mut step), 5);
    // On its own it is not enough for a connected history.
    assert!(!try_git(path, &["index-pack", "--strict", "--stdin"], &step).0);
    git(path, &["index-pack", "--strict", "--stdin"], &full);
    git(path, &["index-pack", "--strict", "--stdin"], &step);
    git(path, &["update-ref", "refs/heads/master", &new.commit.to_string()], b"");
    assert_eq!(git(path, &["fsck", "--strict", "--full", "--no-dangling", "--no-progress"], b""), "");
}

#[test]
fn one_wrong_byte_is_noticed() {
    let mut pack = Vec::new();
    Snapshot::sample(20, "").pack(None, Framing::Raw, &mut pack);
    for at in [8, 40, pack.len() / 2, pack.len() - 1] {
        let mut broken = pack.clone();
        broken[at] ^= 1;
        let repository = repository();
        assert!(!try_git(repository.path(), &["index-pack", "--strict", "--stdin"], &broken).0, "{at}");
    }
}

#[test]
fn mktree_sorts_and_names_as_we_do() {
    let repository = repository();
    let path = repository.path();
    let blob = git(path, &["hash-object", "-w", "--stdin"], b"x");
    let blob = blob.trim();
    let empty = git(path, &["mktree"], b"");
    let empty = empty.trim();
    let parse = |hex: &str| ObjectId::from_hex(hex.as_bytes()).unwrap();
    let names = ["ab", "ab-c", "ab.c", "ab0", "a", "Z", "ab_", "config.json", "1", "co"];
    for directories in 0_u32..64 {
        let mut entries = Vec::new();
        let mut input = String::new();
        for (bit, name) in names.iter().enumerate() {
            let is_directory = directories >> (bit % 6) & 1 == 1;
            let (mode, hex) = if is_directory { (Mode::Directory, empty) } else { (Mode::File, blob) };
            let head = if is_directory { "040000 tree" } else { "100644 blob" };
            entries.push(TreeEntry { name, mode, id: parse(hex) });
            input.push_str(&format!("{head} {hex}\t{name}\n"));
        }
        let ours = id(Kind::Tree, &tree(entries).unwrap()).unwrap();
        assert_eq!(git(path, &["mktree"], input.as_bytes()).trim(), ours.to_string());
    }
}
