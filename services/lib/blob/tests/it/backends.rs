//! The backends under test, each empty and of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wharf_blob::{BlobConfig, Blobs, S3Config};
use wharf_domain::{Clock, Timestamp};

/// A clock that stands still. The suite needs one moment for the memory backend, nothing more.
pub(crate) struct Still;

/// The moment it shows.
pub(crate) const STILL: i64 = 1_900_000_000;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(STILL)
    }
}

/// A backend, and what has to live as long as it.
pub(crate) struct Backend {
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) dir: TempDir,
}

pub(crate) fn memory() -> Backend {
    Backend { blobs: Arc::new(Blobs::memory(Arc::new(Still))), dir: tempfile::tempdir().unwrap() }
}

pub(crate) fn directory() -> Backend {
    let dir = tempfile::tempdir().unwrap();
    let config = BlobConfig::Directory { path: dir.path().join("blobs") };
    Blobs::prepare(&config).unwrap();
    Backend { blobs: Arc::new(Blobs::open(&config).unwrap()), dir }
}

pub(crate) fn s3() -> Backend {
    let dir = tempfile::tempdir().unwrap();
    let config = BlobConfig::S3(s3_config(&dir));
    Backend { blobs: Arc::new(Blobs::open(&config).unwrap()), dir }
}

/// A prefix of its own in the bucket of the test server.
pub(crate) fn s3_config(dir: &TempDir) -> S3Config {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (access_key_file, secret_key_file) = (dir.path().join("access-key"), dir.path().join("secret-key"));
    std::fs::write(&access_key_file, setting("WHARF_TEST_S3_ACCESS_KEY")).unwrap();
    std::fs::write(&secret_key_file, format!("{}\n", setting("WHARF_TEST_S3_SECRET_KEY"))).unwrap();
    // The name of the temporary directory is random, so a server that keeps its data between runs does no harm.
    let run = dir.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.');
    S3Config {
        endpoint: Some(setting("WHARF_TEST_S3_ENDPOINT")),
        region: "us-east-1".to_owned(),
        bucket: setting("WHARF_TEST_S3_BUCKET"),
        prefix: format!("blob-test/{run}-{}/", NEXT.fetch_add(1, Ordering::Relaxed)),
        access_key_file,
        secret_key_file,
        path_style: true,
    }
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: these tests need a real S3 server. Run ./deploy/test, which starts one and says where it is")
    })
}

/// Bytes that differ by `seed`, and their digest.
pub(crate) fn blob(seed: u8, len: usize) -> ([u8; 32], Bytes) {
    let bytes: Vec<u8> = (0..len).map(|i| (i / 251) as u8 ^ (i % 251) as u8 ^ seed).collect();
    (Sha256::digest(&bytes).into(), bytes.into())
}
