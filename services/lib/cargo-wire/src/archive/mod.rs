//! The package archive (`.crate`): a gzipped tar, checked as an attacker's work before anyone may download it.
//!
//! Streams; keeps no file but the `Cargo.toml`. Never writes to disk. Two independent readers, the strict one in
//! `blocks` and the `tar` crate that cargo unpacks with, must list the same members at the same places: an archive that
//! two programs read differently can show a reviewer one crate and a compiler another (CVE-2021-29482, CVE-2025-62518).

mod blocks;
mod gunzip;
mod paths;

use crate::dependency::shorten;
use blocks::{Kind, Member};
use gunzip::Gunzip;
use std::io::{self, BufReader};
use wharf_domain::{CrateName, CrateVersion};

pub use paths::PathFault;

/// Largest `Cargo.toml` inside a package, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;

const STREAM_BUFFER_BYTES: usize = 64 * 1024;

/// How much an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishLimits {
    /// Most bytes the archive may inflate to.
    pub unpacked_bytes: u64,
    /// Most bytes per byte of archive, beyond [`PublishLimits::ratio_free_bytes`].
    pub ratio: u64,
    /// Size up to which the ratio does not matter.
    pub ratio_free_bytes: u64,
    /// Most members, extension headers included.
    pub entries: usize,
}

impl PublishLimits {
    fn inflated_bytes(&self, archive: usize) -> u64 {
        let by_ratio = u64::try_from(archive).unwrap_or(u64::MAX).saturating_mul(self.ratio);
        self.unpacked_bytes.min(by_ratio.max(self.ratio_free_bytes))
    }
}

impl Default for PublishLimits {
    fn default() -> Self {
        // Cargo itself refuses to unpack more than this.
        Self { unpacked_bytes: 512 * 1024 * 1024, ratio: 20, ratio_free_bytes: 16 * 1024 * 1024, entries: 20_000 }
    }
}

/// Why a package archive is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Not gzip, or damaged.
    #[error("the package is not a sound gzip file ({0}); package it again with `cargo publish`")]
    Gzip(String),
    /// Something follows the one gzip member.
    #[error("the package has bytes after its gzip data; package it again with `cargo publish`")]
    TrailingBytes,
    /// Inflates to too much.
    #[error("the package unpacks to more than {limit} bytes; leave files out with `package.exclude` in Cargo.toml")]
    TooLarge {
        /// The limit for an archive of this size.
        limit: u64,
    },
    /// More members than allowed.
    #[error("the package has more than {0} files; leave some out with `package.exclude` in Cargo.toml")]
    TooManyEntries(usize),
    /// The tar data ends early.
    #[error("the package is cut off: its tar data ends without an end mark; package it again with `cargo publish`")]
    Truncated,
    /// Something follows the end mark, or the end mark is incomplete.
    #[error("the package has data after the end mark of its tar data; package it again with `cargo publish`")]
    AfterEnd,
    /// A tar header is malformed.
    #[error("the package has a malformed tar header: {0}; package it again with `cargo publish`")]
    Header(&'static str),
    /// A pax header is malformed, or says something a package has no need to say.
    #[error("the package has a pax header that is not allowed: {0}; package it again with `cargo publish`")]
    Pax(String),
    /// Neither a regular file nor a directory.
    #[error("`{path}` in the package is a {kind}; only regular files and directories are allowed")]
    EntryType {
        /// The member.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A path breaks a rule.
    #[error("the path `{path}` in the package is not allowed: {fault}; rename or exclude the file")]
    Path {
        /// The member.
        path: String,
        /// The rule.
        fault: PathFault,
    },
    /// Two paths that are one on some file system, or a file where another member needs a directory.
    #[error("`{0}` and `{1}` in the package cannot both exist on every file system; rename or exclude one")]
    Collision(String, String),
    /// A permission bit that has no place in a package.
    #[error(
        "`{path}` in the package has mode {mode:o}; setuid, setgid, sticky and world-writable are not allowed, run `chmod o-w,-s,-t` on it"
    )]
    Mode {
        /// The member.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// No `Cargo.toml` directly below the root.
    #[error("the package has no `{0}/Cargo.toml`; package it again with `cargo publish`")]
    NoManifest(String),
    /// `Cargo.toml` in another spelling, or not a file.
    #[error("`{0}` in the package has to be a file named exactly `Cargo.toml`")]
    ManifestName(String),
    /// `Cargo.toml` is above [`MANIFEST_BYTES_MAX`].
    #[error("Cargo.toml in the package is {0} bytes; at most {MANIFEST_BYTES_MAX} are allowed")]
    ManifestTooLarge(u64),
    /// `Cargo.toml` is not UTF-8.
    #[error("Cargo.toml in the package is not UTF-8 text; save it as UTF-8")]
    ManifestText,
    /// Two tar readers see different things.
    #[error("the package is ambiguous: two tar readers list different files; package it again with `cargo publish`")]
    Ambiguous,
}

/// What is known about an archive that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Text of the `Cargo.toml` directly below the root.
    pub manifest: String,
    /// Number of regular files.
    pub file_count: usize,
    /// Sum of their sizes.
    pub unpacked_bytes: u64,
}

impl Archive {
    /// Checks an archive against every rule.
    pub fn inspect(
        archive: &[u8],
        name: &CrateName,
        version: &CrateVersion,
        limits: &PublishLimits,
    ) -> Result<Self, ArchiveError> {
        let root = format!("{name}-{version}");
        let manifest_path = format!("{root}/Cargo.toml");
        let inflated_max = limits.inflated_bytes(archive.len());
        let stream = BufReader::with_capacity(STREAM_BUFFER_BYTES, Gunzip::new(archive, inflated_max));
        let mut reader = blocks::Reader::new(stream, limits.entries);
        let mut members = Vec::new();
        let mut names = paths::Names::default();
        let mut manifest = None;
        while let Some(member) = reader.next()? {
            let path = paths::check(&member.path, member.kind, &root)
                .map_err(|fault| ArchiveError::Path { path: shown(&member.path), fault })?;
            if member.mode & 0o7002 != 0 {
                return Err(ArchiveError::Mode { path: shown(&member.path), mode: member.mode & 0o7777 });
            }
            if paths::fold(path) == paths::fold(&manifest_path) {
                if path != manifest_path || member.kind != Kind::File {
                    return Err(ArchiveError::ManifestName(shorten(path)));
                }
                if member.size > MANIFEST_BYTES_MAX {
                    return Err(ArchiveError::ManifestTooLarge(member.size));
                }
                let mut bytes = Vec::new();
                reader.data(&member, |part| bytes.extend_from_slice(part))?;
                manifest = Some(bytes);
            } else {
                reader.data(&member, |_| ())?;
            }
            names.add(path, member.kind);
            members.push(member);
        }
        reader.into_inner().into_inner().finish()?;
        names.check()?;
        let manifest = manifest.ok_or(ArchiveError::NoManifest(root))?;
        let manifest = String::from_utf8(manifest).map_err(|_| ArchiveError::ManifestText)?;
        second_opinion(archive, inflated_max, &members)?;
        let files = || members.iter().filter(|member| member.kind == Kind::File);
        Ok(Self { manifest, file_count: files().count(), unpacked_bytes: files().map(|member| member.size).sum() })
    }
}

fn shown(path: &[u8]) -> String {
    shorten(&String::from_utf8_lossy(path))
}

/// Lists the archive with the `tar` crate and demands the list of the strict reader.
fn second_opinion(archive: &[u8], inflated_max: u64, ours: &[Member]) -> Result<(), ArchiveError> {
    let mut reader =
        tar::Archive::new(BufReader::with_capacity(STREAM_BUFFER_BYTES, Gunzip::new(archive, inflated_max)));
    let entries = reader.entries().map_err(|_| ArchiveError::Ambiguous)?;
    let theirs = entries.map(|entry| {
        let entry = entry?;
        let kind = match entry.header().entry_type() {
            tar::EntryType::Regular => Kind::File,
            tar::EntryType::Directory => Kind::Directory,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        Ok(Member {
            path: entry.path_bytes().into_owned(),
            kind,
            size: entry.size(),
            mode: entry.header().mode()?,
            data_at: entry.raw_file_position(),
        })
    });
    compare(ours, theirs)
}

fn compare(ours: &[Member], mut theirs: impl Iterator<Item = io::Result<Member>>) -> Result<(), ArchiveError> {
    // An error of the second reader is a difference too: the first one found nothing wrong.
    let agreed = ours.iter().all(|member| theirs.next().is_some_and(|their| their.is_ok_and(|their| their == *member)));
    if agreed && theirs.next().is_none() { Ok(()) } else { Err(ArchiveError::Ambiguous) }
}

#[cfg(test)]
mod tests;
