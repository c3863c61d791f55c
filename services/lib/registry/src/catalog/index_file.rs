//! An index file in memory: its bytes ready to send, and where each version's line lies in them.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use semver::Version;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use wharf_domain::Timestamp;
use wharf_store::crate_index::ListedVersion;

/// Bytes as sent, and the ETag that is their hash. Equal bytes have equal ETags on every replica, and nothing but the
/// bytes has a part in it: an ETag from a revision would tell of changes that the reader cannot see.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What is sent.
    pub bytes: Bytes,
    /// Its strong ETag, quotes included.
    pub etag: String,
}

impl Variant {
    fn new(bytes: Vec<u8>) -> Self {
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..16]));
        Self { bytes: bytes.into(), etag }
    }
}

/// One answer in its two encodings.
#[derive(Clone, Debug)]
pub struct Body {
    /// As it is.
    pub plain: Variant,
    /// Compressed with gzip.
    pub gzip: Variant,
}

impl Body {
    /// Compresses the bytes and hashes both forms.
    #[must_use]
    pub fn new(plain: Vec<u8>) -> Self {
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(6));
        let compressed =
            encoder.write_all(&plain).and_then(|()| encoder.finish()).expect("writing to memory cannot fail");
        Self { plain: Variant::new(plain), gzip: Variant::new(compressed) }
    }

    pub(crate) fn weight(&self) -> u32 {
        u32::try_from(self.plain.bytes.len() + self.gzip.bytes.len() + 256).unwrap_or(u32::MAX)
    }
}

/// A version and the place of its line.
#[derive(Debug)]
pub struct IndexedVersion {
    /// The number.
    pub number: Version,
    /// The number as published.
    pub text: String,
    /// When it was published.
    pub published_at: Timestamp,
    /// SHA-256 of the crate file.
    pub cksum: [u8; 32],
    /// Length of the crate file, in bytes.
    pub size_bytes: u64,
    line: Range<usize>,
}

/// The whole index file of a crate at one revision.
#[derive(Debug)]
pub struct IndexFile {
    revision: i64,
    body: Arc<Body>,
    versions: Vec<IndexedVersion>,
}

impl IndexFile {
    pub(crate) fn new(revision: i64, listed: Vec<ListedVersion>) -> Self {
        let mut bytes = Vec::with_capacity(listed.iter().map(|version| version.line.len() + 1).sum());
        let versions = listed
            .into_iter()
            .map(|version| {
                let start = bytes.len();
                bytes.extend_from_slice(version.line.as_bytes());
                bytes.push(b'\n');
                IndexedVersion {
                    number: version.number.semver().clone(),
                    text: version.number.to_string(),
                    published_at: version.published_at,
                    cksum: version.cksum,
                    size_bytes: u64::try_from(version.size_bytes).unwrap_or_default(),
                    line: start..bytes.len(),
                }
            })
            .collect();
        Self { revision, body: Arc::new(Body::new(bytes)), versions }
    }

    /// The revision of the crate this file shows.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Every version, in the order of publication.
    #[must_use]
    pub fn versions(&self) -> &[IndexedVersion] {
        &self.versions
    }

    /// The whole file; `None` when no version is published, which is the same as no crate.
    pub(crate) fn whole(&self) -> Option<Arc<Body>> {
        (!self.versions.is_empty()).then(|| Arc::clone(&self.body))
    }

    /// The versions that a rule admits.
    pub(crate) fn select(&self, admits: impl Fn(&Version, Timestamp) -> bool) -> Vec<&IndexedVersion> {
        self.versions.iter().filter(|version| admits(&version.number, version.published_at)).collect()
    }

    /// A file of these versions only.
    pub(crate) fn extract(&self, shown: &[&IndexedVersion]) -> Body {
        let whole = &self.body.plain.bytes;
        let mut bytes = Vec::with_capacity(shown.iter().map(|version| version.line.len()).sum());
        for version in shown {
            bytes.extend_from_slice(&whole[version.line.clone()]);
        }
        wharf_trial::mutant!(EtagOfEverything {
            let part = Body::new(bytes);
            return Body { plain: Variant { etag: self.body.plain.etag.clone(), ..part.plain }, ..part };
        });
        wharf_trial::mutant!(GzipOfEverything { return Body { gzip: self.body.gzip.clone(), ..Body::new(bytes) }; });
        Body::new(bytes)
    }

    pub(crate) fn weight(&self) -> u32 {
        let versions: usize = self.versions.iter().map(|version| version.text.len() + 160).sum();
        self.body.weight().saturating_add(u32::try_from(versions).unwrap_or(u32::MAX))
    }
}
