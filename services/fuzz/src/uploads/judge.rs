//! What holds for every upload, whatever was done to it.

use super::{Fate, Upload};
use crate::reading;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use toml::Table;
use wharf_cargo_wire::{
    FrameLimits, OwnIndexUrls, PublishError, PublishFrame, PublishLimits, PublishMetadata, Submission,
};
use wharf_domain::Timestamp;

/// The address of the registry that is published to.
pub const OWN_INDEX: &str = "sparse+https://index.test/acme/private/";

/// What a reader does who is refused: at least one of these stands in every refusal.
const ADVICE: &[&str] = &[
    "run `",
    "again",
    "leave ",
    "shorten",
    "write ",
    "rename",
    "correct ",
    "choose",
    "use ",
    "remove ",
    "save it",
    "has to be",
    "at most",
    "only works in",
    "are allowed",
    "package it with",
    "upload with",
    "has 1 to",
    "starts with",
    "holds only",
    "split the list",
    "start with",
];

/// Publishes a body as far as that can be done without a registry.
pub fn submit(body: &[u8]) -> Result<Submission, PublishError> {
    let frame = PublishFrame::parse(&Bytes::copy_from_slice(body), &FrameLimits::default())?;
    let head = PublishMetadata::parse(&frame.metadata)?;
    Submission::check(head, &frame.archive, &OwnIndexUrls::new([OWN_INDEX]), &PublishLimits::default())
}

/// What is wrong with a refusal, if anything: it is short, safe on a terminal, and says what to do.
#[must_use]
pub fn presentable(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.len() > 1024 {
        Some("empty or too long")
    } else if text.contains(char::is_control) {
        Some("holds a control character")
    } else if !ADVICE.iter().any(|advice| text.contains(advice)) {
        Some("does not say what to do")
    } else {
        None
    }
}

/// Publishes an upload and asserts its fate and every promise.
pub fn judge(upload: &Upload) {
    match submit(&upload.body) {
        Err(error) => {
            let said = error.to_string();
            assert_eq!(presentable(&said), None, "{said}");
            match &upload.fate {
                Fate::Accepted => panic!("refused: {said}"),
                Fate::Refused(reasons) => {
                    assert!(reasons.iter().any(|reason| said.contains(reason)), "{said:?} is none of {reasons:?}");
                }
                Fate::Open => {}
            }
        }
        Ok(submission) => {
            assert!(!matches!(upload.fate, Fate::Refused(_)), "accepted, although {:?}", upload.fate);
            keeps_every_promise(&upload.body, &submission);
        }
    }
}

/// Reads an accepted body once more, by other means, and compares what is to be stored with it.
fn keeps_every_promise(body: &[u8], submission: &Submission) {
    let length = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap()) as usize;
    let (head, archive) = (&body[4..4 + length(0)], &body[8 + length(0)..]);
    assert_eq!(archive.len(), length(4 + length(0)), "the frame has another end");
    let head: Value = serde_json::from_slice(head).expect("an accepted head is JSON");

    // Names agree: head, directory, manifest, and what is stored.
    let (name, version) = (submission.name.as_str(), submission.version.to_string());
    assert_eq!((head["name"].as_str(), head["vers"].as_str()), (Some(name), Some(version.as_str())));
    let root = format!("{name}-{version}");
    let tar = reading::gunzip(archive).expect("an accepted archive inflates");
    let entries = reading::tar_entries(&tar).expect("an accepted tar can be walked");
    reading::archive_rules(&entries, &root);
    let files: BTreeMap<&[u8], &[u8]> =
        entries.iter().filter(|entry| entry.flag != b'5').map(|entry| (&*entry.path, &*entry.data)).collect();
    assert_eq!(submission.file_count, files.len());
    assert_eq!(submission.unpacked_bytes, files.values().map(|data| data.len() as u64).sum::<u64>());
    assert_eq!(files, by_tar_crate(&tar).iter().map(|(path, data)| (&path[..], &data[..])).collect());
    let manifest = std::str::from_utf8(files[format!("{root}/Cargo.toml").as_bytes()]).expect("a manifest is text");
    let table: Table = manifest.parse().expect("an accepted manifest is TOML");
    assert_eq!(table["package"]["name"].as_str(), Some(name));
    assert_eq!(table["package"]["version"].as_str(), Some(version.as_str()));

    assert_eq!(submission.archive_bytes, archive.len() as u64);
    assert_eq!(submission.cksum, <[u8; 32]>::from(Sha256::digest(archive)));
    let rendered = submission.index_line(Timestamp::from_unix(1_900_000_000)).render();
    assert!(!rendered.contains(['\n', '\r']));
    let line: Value = serde_json::from_str(&rendered).expect("a line is JSON");
    let client: crates_index::Version = serde_json::from_str(&rendered).expect("the client reads the line");
    assert_eq!((client.name(), client.version(), client.checksum()), (name, version.as_str(), &submission.cksum));
    comes_from_the_manifest(&line, &table, manifest);
    assert_eq!(head["deps"].as_array().map_or(0, Vec::len), reading::dependencies(manifest).len());
}

/// The library that cargo unpacks with.
fn by_tar_crate(tar: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).unwrap();
        (entry.header().entry_type(), entry.path_bytes().into_owned(), data)
    });
    entries.filter(|(kind, _, _)| kind.is_file()).map(|(_, path, data)| (path, data)).collect()
}

/// Everything in the line by which cargo resolves stands in `Cargo.toml`.
fn comes_from_the_manifest(line: &Value, table: &Table, manifest: &str) {
    let package = &table["package"];
    let text = |key: &str| package.get(key).and_then(toml::Value::as_str);
    assert_eq!((line["links"].as_str(), line["rust_version"].as_str()), (text("links"), text("rust-version")));

    let bare = |target: &str| target.chars().filter(|c| !c.is_whitespace()).collect::<String>().replace(",)", ")");
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut of_line: Vec<_> = line["deps"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|dep| {
            let alias = dep["name"].as_str().unwrap().to_owned();
            let name = dep["package"].as_str().map_or_else(|| alias.clone(), str::to_owned);
            let words = format!("{} {alias} = {name} {}", dep["kind"].as_str().unwrap(), dep["req"].as_str().unwrap());
            let target = dep["target"].as_str().map(bare);
            let registry = dep["registry"].as_str().map(str::to_owned);
            let flags = (dep["optional"].as_bool(), dep["default_features"].as_bool());
            (words, target, registry, flags, strings(&dep["features"]))
        })
        .collect();
    let own = OwnIndexUrls::new([OWN_INDEX]);
    let mut of_manifest: Vec<_> = reading::dependencies(manifest)
        .into_iter()
        .map(|dep| {
            let words = format!("{} {} = {} {}", dep.kind, dep.alias, dep.name, dep.req);
            let registry = match dep.registry {
                None => Some(crates_index::git::URL.to_owned()),
                Some(url) if own.contains(&url) => None,
                other => other,
            };
            let flags = (Some(dep.optional), Some(dep.default_features));
            (words, dep.target.as_deref().map(bare), registry, flags, dep.features)
        })
        .collect();
    of_line.sort_unstable();
    of_manifest.sort_unstable();
    assert_eq!(of_line, of_manifest);

    let both = ["features", "features2"].into_iter().filter_map(|key| line[key].as_object()).flatten();
    let of_line: BTreeMap<String, Vec<String>> = both.map(|(name, entries)| (name.clone(), strings(entries))).collect();
    let of_manifest: BTreeMap<String, Vec<String>> = table
        .get("features")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flatten()
        .map(|(name, entries)| {
            let entries = entries.as_array().expect("an accepted feature is a list");
            (name.clone(), entries.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(of_line, of_manifest);
}
