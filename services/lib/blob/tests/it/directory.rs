//! What is special to a directory.

use std::path::PathBuf;

use wharf_blob::{BlobConfig, BlobError, Blobs, OpenError, Put, Range};
use wharf_domain::Timestamp;

use crate::backends::{Backend, blob, directory};

fn path(backend: &Backend, sha256: &[u8; 32]) -> PathBuf {
    let hex = hex::encode(sha256);
    backend.dir.path().join("blobs/sha256").join(&hex[..2]).join(&hex[2..4]).join(hex)
}

#[tokio::test]
async fn the_layout_is_as_promised_and_nothing_else_stays() {
    let backend = directory();
    let (sha256, bytes) = blob(1, 100);
    backend.blobs.put(sha256, bytes.clone()).await.unwrap();
    let path = path(&backend, &sha256);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let beside: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(beside.len(), 1);
    // A blob survives the process.
    let config = BlobConfig::Directory { path: backend.dir.path().join("blobs") };
    let again = Blobs::open(&config).unwrap();
    assert_eq!(again.put(sha256, bytes).await.unwrap(), Put::Existed);
}

#[tokio::test]
async fn a_torn_file_is_never_served_whole_and_is_mended_by_a_put() {
    let (sha256, bytes) = blob(2, 400_000);
    let mut flipped = bytes.to_vec();
    flipped[399_999] ^= 1;
    for damaged in [bytes[..300_000].to_vec(), Vec::new(), flipped, [&bytes[..], b"more"].concat()] {
        let backend = directory();
        backend.blobs.put(sha256, bytes.clone()).await.unwrap();
        std::fs::write(path(&backend, &sha256), &damaged).unwrap();

        let opened = backend.blobs.get(sha256, None).await.unwrap().unwrap();
        match opened.collect().await {
            Err(error @ BlobError::Corrupt { sha256: named, .. }) => {
                assert_eq!(named, sha256);
                assert!(!error.is_retryable());
            }
            other => panic!("{} bytes: {other:?}", damaged.len()),
        }
        assert_eq!(backend.blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Created);
        assert_eq!(backend.blobs.get(sha256, None).await.unwrap().unwrap().collect().await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_file_cut_while_it_is_read_ends_in_an_error() {
    let backend = directory();
    let (sha256, bytes) = blob(3, 2_000_000);
    backend.blobs.put(sha256, bytes).await.unwrap();
    for range in [None, Some(Range::From(1))] {
        let opened = backend.blobs.get(sha256, range).await.unwrap().unwrap();
        std::fs::OpenOptions::new().write(true).open(path(&backend, &sha256)).unwrap().set_len(1_000_000).unwrap();
        let result = opened.collect().await;
        assert!(matches!(result, Err(BlobError::Corrupt { .. })), "{range:?}");
        let (_, bytes) = blob(3, 2_000_000);
        backend.blobs.put(sha256, bytes).await.unwrap();
    }
}

#[tokio::test]
async fn unfinished_files_are_not_blobs_and_are_collected_by_age() {
    let backend = directory();
    let (sha256, bytes) = blob(4, 100);
    backend.blobs.put(sha256, bytes.clone()).await.unwrap();
    let place = path(&backend, &sha256).parent().unwrap().to_owned();
    let leftovers = [place.join(".put-abc"), place.join(".put-def"), backend.dir.path().join("blobs/sha256/.put-ghi")];
    for leftover in &leftovers {
        std::fs::write(leftover, "half a cra").unwrap();
    }
    // Neither these nor what others laid there is listed.
    std::fs::write(place.join("notes.txt"), "x").unwrap();
    std::fs::write(place.join(hex::encode([0xEE; 32])), "a digest of another place").unwrap();
    let listed = backend.blobs.list(None).await.unwrap().blobs;
    assert_eq!(listed.iter().map(|blob| blob.sha256).collect::<Vec<_>>(), [sha256]);

    let hour = std::time::Duration::from_secs(3_600);
    let stored_at = listed[0].stored_at;
    assert_eq!(backend.blobs.collect(stored_at.minus(hour)).await.unwrap(), 0);
    assert!(leftovers.iter().all(|leftover| leftover.exists()));
    assert_eq!(backend.blobs.collect(stored_at.plus(hour)).await.unwrap(), 3);
    assert!(!leftovers.iter().any(|leftover| leftover.exists()));
    assert_eq!(backend.blobs.collect(stored_at.plus(hour)).await.unwrap(), 0);
    // A blob is never taken for a leftover, however old.
    assert_eq!(backend.blobs.get(sha256, None).await.unwrap().unwrap().collect().await.unwrap(), bytes);
    assert!(place.join("notes.txt").exists());
}

#[tokio::test]
async fn a_put_that_fails_leaves_nothing() {
    let backend = directory();
    let (sha256, bytes) = blob(5, 100);
    // A directory stands in the place of the blob: reading and renaming fail, for root as well.
    std::fs::create_dir_all(path(&backend, &sha256)).unwrap();
    let error = backend.blobs.put(sha256, bytes).await.unwrap_err();
    assert!(matches!(error, BlobError::Unavailable { .. }), "{error:?}");
    assert_eq!(backend.blobs.collect(Timestamp::from_unix(5_000_000_000)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_lost_directory_is_not_ready() {
    let backend = directory();
    backend.blobs.check().await.unwrap();
    std::fs::remove_dir_all(backend.dir.path().join("blobs")).unwrap();
    let error = backend.blobs.check().await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[test]
fn a_path_that_is_no_directory_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, "x").unwrap();
    let error = Blobs::open(&BlobConfig::Directory { path: path.clone() }).unwrap_err();
    assert!(matches!(error, OpenError::File { key: "path", .. }), "{error:?}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_directory_whose_disk_is_not_mounted_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_owned(), dir.path().join("missing")] {
        let config = BlobConfig::Directory { path: path.clone() };
        let error = Blobs::open(&config).unwrap_err();
        assert!(matches!(error, OpenError::Unprepared { .. }), "{error:?}");
        assert!(error.to_string().contains("mount its disk"), "{error}");
        assert!(!path.join("sha256").exists());
        Blobs::prepare(&config).unwrap();
        assert!(Blobs::open(&config).is_ok());
    }
}
