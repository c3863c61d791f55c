use super::assert_presentable;
use crate::reading;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use wharf_cargo_wire::{Archive, ArchiveError, PublishLimits};
use wharf_domain::{CrateName, CrateVersion};

pub(super) const WORDS: &[&str] = &[
    "a-1.0.0/",
    "Cargo.toml",
    "ustar\0",
    "00",
    "ustar  \0",
    "././@LongLink",
    "path=",
    "size=",
    "mtime=",
    "linkpath=",
    "GNU.sparse.",
    "../",
    "/",
    "0000644\0",
    "00000000000\0",
    ".cargo-ok",
    "aux",
];

const ROOT: &str = "a-1.0.0";
/// Low, so that small inputs reach them.
const LIMITS: PublishLimits =
    PublishLimits { unpacked_bytes: 16 * 1024, ratio: 20, ratio_free_bytes: 8 * 1024, entries: 8 };

/// Bytes that begin like gzip are taken as an archive, others as its tar: as they are and with their sums repaired.
pub(super) fn check(bytes: &[u8]) {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        judge(bytes);
    } else {
        judge(&gzip(bytes));
        judge(&gzip(&reading::repaired(bytes)));
    }
}

fn judge(archive: &[u8]) {
    match inspect(archive) {
        Err(error) => assert_presentable(&error.to_string()),
        Ok(accepted) => {
            let tar = reading::gunzip(archive).expect("an accepted archive inflates");
            assert!(tar.len() <= 16 * 1024, "more than the limit was inflated");
            let entries = reading::tar_entries(&tar).expect("an accepted tar can be walked");
            assert!(entries.len() <= LIMITS.entries);
            reading::archive_rules(&entries, ROOT);
            let files: Vec<_> = entries.iter().filter(|entry| entry.flag != b'5').collect();
            assert_eq!(accepted.file_count, files.len());
            assert_eq!(accepted.unpacked_bytes, files.iter().map(|file| file.data.len() as u64).sum::<u64>());
            let manifest = files.iter().find(|file| file.path == b"a-1.0.0/Cargo.toml").expect("a manifest");
            assert_eq!(accepted.manifest.as_bytes(), manifest.data);

            // One archive, one spelling: nothing may follow it, and it cannot be cut.
            assert_eq!(inspect(&[archive, b"\0"].concat()), Err(ArchiveError::TrailingBytes));
            assert!(inspect(&archive[..archive.len() - 1]).is_err());
            assert_eq!(inspect(archive).as_ref(), Ok(&accepted));
        }
    }
}

fn inspect(archive: &[u8]) -> Result<Archive, ArchiveError> {
    let name = CrateName::parse("a").expect("a name");
    Archive::inspect(archive, &name, &CrateVersion::parse("1.0.0").expect("a version"), &LIMITS)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
