//! The table of archives: every verdict, and what four extractors make of the accepted ones.

#![allow(clippy::unwrap_used, reason = "tests")]

mod extractors;

use extractors::{Package, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use wharf_cargo_wire::{Archive, ArchiveError};
use wharf_domain::{CrateName, CrateVersion};
use wharf_fuzz::archives::build::VERSION;
use wharf_fuzz::archives::{Row, Verdict, all};
use wharf_fuzz::reading;
use wharf_testkit::chance::runs;

fn inspect(row: &Row, name: &str, archive: &[u8]) -> Result<Archive, ArchiveError> {
    let version = CrateVersion::parse(VERSION).unwrap();
    Archive::inspect(archive, &CrateName::parse(name).unwrap(), &version, &row.limits)
}

#[test]
fn every_archive_gets_its_verdict() {
    let long = runs(0, 1) == 1;
    let rows = all();
    let mut names = BTreeSet::new();
    for row in &rows {
        assert!(names.insert(&row.name), "two rows are called {:?}", row.name);
    }
    let refused = rows.iter().filter(|row| row.verdict != Verdict::Accepted).count();
    assert!(
        rows.len() >= 250 && refused >= 150 && rows.len() - refused >= 80,
        "{} rows, {refused} refused",
        rows.len()
    );
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| long || !row.large) {
        // Names of two lengths: what is right for one root is not right by accident.
        for name in ["c001", "Longer_name-of-a-crate"] {
            match (inspect(row, name, &row.archive(name)), row.verdict) {
                (Ok(_), Verdict::Accepted) => {}
                (Err(error), Verdict::Refused(why)) if error.to_string().contains(why) => {}
                (found, _) => wrong.push(format!("{}: {:?} was to be, {found:?} is", row.name, row.verdict)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// What an accepted archive holds by the plain reader, which shares no code with the judge.
fn expected(archive: &[u8]) -> Tree {
    let entries = reading::tar_entries(&reading::gunzip(archive).unwrap()).unwrap();
    let mut tree = Tree::default();
    for entry in entries {
        let path = String::from_utf8(entry.path).unwrap();
        let path = path.trim_end_matches('/');
        for (at, _) in path.match_indices('/') {
            tree.insert_directory(&path[..at]);
        }
        match entry.flag {
            b'5' => tree.insert_directory(path),
            _ => tree.insert_file(path, entry.mode & 0o100 != 0, &entry.data),
        }
    }
    tree
}

#[test]
fn accepted_archives_unpack_to_the_same_files_everywhere() {
    let long = runs(0, 1) == 1;
    let mut packages = Vec::new();
    let mut trees = BTreeMap::new();
    for (number, row) in all().into_iter().enumerate() {
        if row.verdict != Verdict::Accepted || (row.large && !long) {
            continue;
        }
        let name = format!("c{number:03}");
        let archive = row.archive(&name);
        let accepted = inspect(&row, &name, &archive).unwrap_or_else(|error| panic!("{}: {error}", row.name));
        let tree = expected(&archive);
        assert_eq!((accepted.file_count, accepted.unpacked_bytes), tree.files_and_bytes(), "{}", row.name);
        trees.insert(name.clone(), (row.name, tree));
        packages.push(Package { name, archive });
    }

    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("canary"), "alive").unwrap();
    let mut wrong = Vec::new();
    for (extractor, unpack) in extractors::ALL {
        let folder = base.path().join(extractor);
        fs::create_dir(&folder).unwrap();
        let roots = unpack(&folder, &packages);
        for (name, root) in roots {
            let (row, tree) = &trees[&name];
            match root.map(|root| Tree::of(&root)) {
                Err(error) => wrong.push(format!("{extractor} fails on {row}: {error}")),
                Ok(found) if found == *tree => {}
                Ok(found) => wrong.push(format!("{extractor} on {row}: {}", tree.difference(&found))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(children(base.path()), ["bsdtar", "canary", "cargo", "gnu-tar", "python"], "something lies outside");
    assert_eq!(fs::read(base.path().join("canary")).unwrap(), b"alive");
}

fn children(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}
