//! Packages for the tests of this crate: sound ones as cargo builds them, and members with any header one likes.

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;

/// A publish body.
pub(crate) fn frame(metadata: &[u8], archive: &[u8]) -> Bytes {
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap().to_le_bytes();
    [&length(metadata)[..], metadata, &length(archive)[..], archive].concat().into()
}

/// A JSON head with every key cargo sends.
pub(crate) fn metadata(name: &str, version: &str) -> Value {
    json!({
        "name": name, "vers": version, "deps": [], "features": {}, "authors": ["Ann"], "description": "d",
        "documentation": null, "homepage": "https://example.test", "readme": "# R", "readme_file": "README.md",
        "keywords": ["k"], "categories": ["c"], "license": "MIT", "license_file": null,
        "repository": "https://example.test/r", "badges": {"x": {"y": "z"}}, "links": null, "rust_version": "1.70",
    })
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A package as cargo builds it: GNU headers through the `tar` crate, `L` for long names.
pub(crate) fn package(name: &str, version: &str, manifest: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, data) in [("Cargo.toml", manifest.as_bytes())].iter().chain(files) {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1);
        builder.append_data(&mut header, format!("{name}-{version}/{path}"), *data).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

/// One member with a GNU header, its data and padding.
pub(crate) fn member(path: &[u8], flag: u8, mode: u32, data: &[u8]) -> Vec<u8> {
    member_with(path, flag, mode, data, |_| ())
}

/// Like [`member`], with a last change to the header before its checksum is set.
pub(crate) fn member_with(
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
