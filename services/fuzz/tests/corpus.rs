//! The kept inputs of every fuzz target, and some thousand random changes of them. `./deploy/fuzz` looks further.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use wharf_fuzz::targets::{ALL, Target};
use wharf_testkit::chance::{Chance, runs, seeds};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn kept(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = folder().join(target.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut kept: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    kept.sort_unstable();
    kept
}

fn judge(target: &Target, name: &str, bytes: &[u8]) {
    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| (target.check)(bytes))) {
        let text = bytes.escape_ascii();
        panic!("{} breaks on {name}: {:?}\ninput: b\"{text}\"", target.name, cause.downcast_ref::<String>());
    }
}

#[test]
fn every_kept_input_holds() {
    for target in ALL {
        let kept = kept(target);
        assert!(kept.len() >= 5, "{} has hardly a corpus", target.name);
        for (name, bytes) in &kept {
            assert!(bytes.len() <= 16 * 1024, "{}/{name} is too large to keep", target.name);
            judge(target, name, bytes);
        }
    }
    let mut folders: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort_unstable();
    let mut names: Vec<_> = ALL.iter().map(|target| target.name.to_owned()).collect();
    names.sort_unstable();
    assert_eq!(folders, names, "a folder without a target, or the reverse");
}

#[test]
fn random_changes_of_kept_inputs_hold() {
    let rounds = runs(3_000, 100_000);
    for seed in seeds("random_changes_of_kept_inputs_hold", 1) {
        for target in ALL {
            let kept: Vec<Vec<u8>> = kept(target).into_iter().map(|(_, bytes)| bytes).collect();
            let mut chance = Chance::new(seed);
            for round in 0..rounds {
                let changed = change(&mut chance, &kept, target);
                judge(target, &format!("round {round} of seed {seed}"), &changed);
            }
        }
    }
}

/// One of the kept inputs after some changes.
fn change(chance: &mut Chance, kept: &[Vec<u8>], target: &Target) -> Vec<u8> {
    let mut bytes = chance.pick(kept).clone();
    for _ in 0..chance.within(1, 6) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.within(1, 16)).min(bytes.len());
        match chance.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = *chance.pick(&[0, 1, 0x7f, 0x80, 0xff, b'/', b'"', b'\n', b' ', b'-']),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copied = bytes[at..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, copied);
            }
            4 => {
                let other = chance.pick(kept);
                let from = chance.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            5 => bytes.truncate(at),
            _ if target.words.is_empty() => bytes.insert(at, u8::try_from(chance.below(256)).unwrap()),
            6 => bytes.splice(at..at, chance.pick(target.words).bytes()).for_each(drop),
            _ => bytes.splice(at..end, chance.pick(target.words).bytes()).for_each(drop),
        }
    }
    bytes.truncate(target.max_bytes);
    bytes
}
