//! Publish bodies with one thing wrong: everything else is what a sound body of the same crate has.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;
use wharf_testkit::CrateFixture;
use wharf_testkit::fixture::frame;

/// The crate all bodies are of, so that whatever one of them leaves behind is found under one name.
pub(super) const NAME: &str = "sound";
pub(super) const VERSION: &str = "1.0.0";
pub(super) const ROOT: &str = "sound-1.0.0";

/// A publish request.
pub(super) struct Upload {
    pub(super) body: Vec<u8>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

impl From<Vec<u8>> for Upload {
    fn from(body: Vec<u8>) -> Self {
        Self { body, headers: Vec::new() }
    }
}

/// The JSON head of the sound body.
pub(super) fn head() -> Value {
    CrateFixture::new(NAME, VERSION).metadata()
}

/// The Cargo.toml of the sound body, followed by more lines.
pub(super) fn manifest(more: &str) -> String {
    format!("[package]\nname = \"{NAME}\"\nversion = \"{VERSION}\"\nedition = \"2021\"\n{more}")
}

/// The sound body.
pub(super) fn sound() -> Vec<u8> {
    with_members(&[])
}

/// Another JSON head.
pub(super) fn with_head(change: impl FnOnce(&mut Value)) -> Upload {
    let mut head = head();
    change(&mut head);
    with_text(&head.to_string())
}

/// Another text in place of the JSON head.
pub(super) fn with_text(head: &str) -> Upload {
    frame(head.as_bytes(), &archive(&[])).into()
}

/// More lines in Cargo.toml.
pub(super) fn with_manifest(more: &str) -> Upload {
    frame(head().to_string().as_bytes(), &archive_of(&manifest(more), &[])).into()
}

/// The same dependencies in both places.
pub(super) fn with_dependency(name: &str, registry: &str, in_toml: &str) -> Upload {
    let mut head = head();
    head["deps"] = json!([{
        "name": name, "version_req": "^1", "features": [], "optional": false, "default_features": true, "target": null,
        "kind": "normal", "registry": registry,
    }]);
    let manifest = manifest(&format!("[dependencies.{name}]\nversion = \"1\"\n{in_toml}"));
    frame(head.to_string().as_bytes(), &archive_of(&manifest, &[])).into()
}

/// More members in the archive.
pub(super) fn with_members(members: &[Vec<u8>]) -> Vec<u8> {
    frame(head().to_string().as_bytes(), &archive(members))
}

/// These members and no others.
pub(super) fn with_only(members: &[Vec<u8>]) -> Upload {
    with_tar(&tar_of(members))
}

/// Another tar.
pub(super) fn with_tar(tar: &[u8]) -> Upload {
    with_archive(&gzip(tar))
}

/// Other bytes in place of the archive.
pub(super) fn with_archive(archive: &[u8]) -> Upload {
    frame(head().to_string().as_bytes(), archive).into()
}

/// The sound archive with more members.
pub(super) fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    archive_of(&manifest(""), members)
}

fn archive_of(manifest: &str, members: &[Vec<u8>]) -> Vec<u8> {
    let mut all = vec![cargo_toml(manifest.as_bytes()), file("src/lib.rs")];
    all.extend_from_slice(members);
    gzip(&tar_of(&all))
}

/// The member that is the manifest.
pub(super) fn cargo_toml(text: &[u8]) -> Vec<u8> {
    member(format!("{ROOT}/Cargo.toml").as_bytes(), b'0', 0o644, text)
}

/// A small file below the root.
pub(super) fn file(path: &str) -> Vec<u8> {
    raw_file(format!("{ROOT}/{path}").as_bytes())
}

/// A small file at any path.
pub(super) fn raw_file(path: &[u8]) -> Vec<u8> {
    member(path, b'0', 0o644, b"data")
}

/// A small file with a path that no header can hold, by a GNU long name.
pub(super) fn long_file(path: &[u8]) -> Vec<u8> {
    let mut name = path.to_vec();
    name.push(0);
    [member(b"././@LongLink", b'L', 0, &name), raw_file(b"short")].concat()
}

/// A pax header for the member that follows.
pub(super) fn pax(records: &str) -> Vec<u8> {
    member(b"PaxHeaders/x", b'x', 0o644, records.as_bytes())
}

/// The tar of these members, with its end mark.
pub(super) fn tar_of(members: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = members.concat();
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// One gzip member.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One member with a GNU header, its data and padding.
pub(super) fn member(path: &[u8], flag: u8, mode: u32, data: &[u8]) -> Vec<u8> {
    member_with(path, flag, mode, data, |_| ())
}

/// Like [`member`], with a last change to the header before its checksum is set.
pub(super) fn member_with(
    path: &[u8],
    flag: u8,
    mode: u32,
    data: &[u8],
    change: impl FnOnce(&mut [u8; 512]),
) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::new(flag));
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_size(data.len() as u64);
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    change(header.as_mut_bytes());
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}
