//! The one interface of all backends.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use wharf_domain::{Clock, Timestamp};

use crate::config::BlobConfig;
use crate::digest;
use crate::directory::Directory;
use crate::error::{BlobError, OpenError};
use crate::memory::Memory;
use crate::range::Range;
use crate::s3::S3;
use crate::stream::BlobStream;

/// The most blobs in one page of a listing.
pub const PAGE: usize = 1_000;

/// What a put found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The blob was written. A damaged one may have stood in its place, and an S3 server that ignores `If-None-Match`
    /// gives this answer for every put.
    Created,
    /// The same bytes were there already. Their age in a listing is not renewed: whoever deletes by age has to make sure
    /// by other means that no publish has just found them.
    Existed,
}

/// A blob in a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its digest.
    pub sha256: [u8; 32],
    /// Its size in bytes.
    pub len: u64,
    /// When it was last written.
    pub stored_at: Timestamp,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most [`PAGE`] blobs, in the order of their digests.
    pub blobs: Vec<Listed>,
    /// What to list after for the next page; none on the last.
    pub next: Option<[u8; 32]>,
}

impl Page {
    /// Makes a page from up to [`PAGE`] blobs, and one more when there are more.
    pub(crate) fn cut(mut blobs: Vec<Listed>) -> Self {
        let more = blobs.len() > PAGE;
        blobs.truncate(PAGE);
        let next = blobs.last().filter(|_| more).map(|last| last.sha256);
        Self { blobs, next }
    }
}

/// Crate files by SHA-256. Share it through an `Arc`.
// The SDK's futures are boxed: their types nest so deep that a caller's, around them, would reach the compiler's limit.
pub enum Blobs {
    /// On a local disk.
    Directory(Directory),
    /// In a bucket.
    S3(S3),
    /// In memory, for tests.
    Memory(Memory),
}

impl Blobs {
    /// Sets up the backend a configuration names. S3 is not contacted: see [`Blobs::check`].
    pub fn open(config: &BlobConfig) -> Result<Self, OpenError> {
        match config {
            BlobConfig::Directory { path } => Directory::open(path).map(Self::Directory),
            BlobConfig::S3(config) => S3::open(config).map(Self::S3),
        }
    }

    /// Prepares the place a configuration names for an installation that has no files yet: makes a directory. A bucket is
    /// made by whoever gives the keys to it.
    pub fn prepare(config: &BlobConfig) -> Result<(), OpenError> {
        match config {
            BlobConfig::Directory { path } => Directory::prepare(path),
            BlobConfig::S3(_) => Ok(()),
        }
    }

    /// A backend in memory; the clock gives the ages.
    #[must_use]
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        Self::Memory(Memory::new(clock))
    }

    /// Stores bytes under their digest. When this returns, they are durable.
    ///
    /// Repeating it is harmless. A damaged blob in the same place is noticed and replaced.
    pub async fn put(&self, sha256: [u8; 32], bytes: Bytes) -> Result<Put, BlobError> {
        let actual = digest::sha256(&bytes).await?;
        if actual != sha256 {
            return Err(BlobError::WrongDigest { expected: sha256, actual });
        }
        match self {
            Self::Directory(directory) => directory.put(sha256, bytes).await,
            Self::S3(s3) => Box::pin(s3.put(sha256, bytes)).await,
            Self::Memory(memory) => Ok(memory.put(sha256, bytes)),
        }
    }

    /// Opens a blob, or a part of it, for reading.
    pub async fn get(&self, sha256: [u8; 32], range: Option<Range>) -> Result<Option<BlobStream>, BlobError> {
        match self {
            Self::Directory(directory) => directory.get(sha256, range).await,
            Self::S3(s3) => Box::pin(s3.get(sha256, range)).await,
            Self::Memory(memory) => memory.get(sha256, range),
        }
    }

    /// The size of a blob.
    pub async fn stat(&self, sha256: [u8; 32]) -> Result<Option<u64>, BlobError> {
        match self {
            Self::Directory(directory) => directory.stat(sha256).await,
            Self::S3(s3) => Box::pin(s3.stat(sha256)).await,
            Self::Memory(memory) => Ok(memory.stat(sha256)),
        }
    }

    /// Removes a blob; one that is not there is removed already.
    pub async fn delete(&self, sha256: [u8; 32]) -> Result<(), BlobError> {
        match self {
            Self::Directory(directory) => directory.delete(sha256).await,
            Self::S3(s3) => Box::pin(s3.delete(sha256)).await,
            Self::Memory(memory) => {
                memory.delete(sha256);
                Ok(())
            }
        }
    }

    /// Lists blobs in the order of their digests, from the one after `after`. What is not a blob of ours is passed over.
    pub async fn list(&self, after: Option<[u8; 32]>) -> Result<Page, BlobError> {
        match self {
            Self::Directory(directory) => directory.list(after).await,
            Self::S3(s3) => Box::pin(s3.list(after)).await,
            Self::Memory(memory) => Ok(memory.list(after)),
        }
    }

    /// Removes what writers that died before `older_than` left behind, and says how much that was.
    pub async fn collect(&self, older_than: Timestamp) -> Result<u64, BlobError> {
        match self {
            Self::Directory(directory) => directory.collect(older_than).await,
            // A put is one request, which the server takes as a whole or not at all.
            Self::S3(_) | Self::Memory(_) => Ok(0),
        }
    }

    /// Whether the backend can be used right now; for readiness.
    pub async fn check(&self) -> Result<(), BlobError> {
        match self {
            Self::Directory(directory) => directory.check().await,
            Self::S3(s3) => Box::pin(s3.check()).await,
            Self::Memory(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory(_) => "Blobs::Directory",
            Self::S3(_) => "Blobs::S3",
            Self::Memory(_) => "Blobs::Memory",
        })
    }
}
