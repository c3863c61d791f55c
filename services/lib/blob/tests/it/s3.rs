//! What is special to S3. The server is real: see `backends::s3_config`.

use std::time::{Duration, Instant};

use wharf_blob::{BlobConfig, BlobError, Blobs, OpenError, Put, S3Config};

use crate::backends::{blob, s3, s3_config};

fn open(config: S3Config) -> Blobs {
    Blobs::open(&BlobConfig::S3(config)).unwrap()
}

#[tokio::test]
async fn prefixes_are_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(s3_config(&dir)), open(s3_config(&dir)));
    let (sha256, bytes) = blob(1, 100);
    assert_eq!(one.put(sha256, bytes.clone()).await.unwrap(), Put::Created);
    assert_eq!(two.stat(sha256).await.unwrap(), None);
    assert_eq!(two.list(None).await.unwrap().blobs, []);
    assert_eq!(two.put(sha256, bytes).await.unwrap(), Put::Created);
    two.delete(sha256).await.unwrap();
    assert_eq!(one.stat(sha256).await.unwrap(), Some(100));
}

#[tokio::test]
async fn a_wrong_key_is_unavailable_and_shown_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let config = s3_config(&dir);
    let secret = "not-the-secret-key-of-the-server";
    std::fs::write(&config.secret_key_file, secret).unwrap();
    let blobs = open(config);
    let (sha256, bytes) = blob(2, 10);
    let errors = [
        blobs.put(sha256, bytes).await.unwrap_err(),
        blobs.get(sha256, None).await.unwrap_err(),
        blobs.stat(sha256).await.unwrap_err(),
        blobs.list(None).await.unwrap_err(),
        blobs.delete(sha256).await.unwrap_err(),
        blobs.check().await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_retryable(), "{error:?}");
        let shown = format!("{blobs:?} {error} {error:?} {error:#?}");
        assert!(shown.contains("403"), "{shown}");
        assert!(!shown.contains(secret) && !shown.contains("AWS4-HMAC"), "{shown}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = open(S3Config { bucket: "no-such-bucket".to_owned(), ..s3_config(&dir) });
    let error = blobs.check().await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_soon() {
    let dir = tempfile::tempdir().unwrap();
    // Bound and dropped: nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let blobs = open(S3Config { endpoint: Some(format!("http://127.0.0.1:{port}")), ..s3_config(&dir) });
    let (sha256, bytes) = blob(4, 10);
    let begun = Instant::now();
    for error in [blobs.put(sha256, bytes).await.unwrap_err(), blobs.get(sha256, None).await.unwrap_err()] {
        assert!(error.is_retryable(), "{error:?}");
    }
    assert!(blobs.check().await.unwrap_err().is_retryable());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn readiness_does_not_wait_for_a_server_that_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let blobs = open(S3Config { endpoint: Some(endpoint), ..s3_config(&dir) });
    let begun = Instant::now();
    assert!(blobs.check().await.unwrap_err().is_retryable());
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_damaged_object_is_noticed_and_mended_by_a_put() {
    let dir = tempfile::tempdir().unwrap();
    let config = s3_config(&dir);
    let (sha256, bytes) = blob(5, 100_000);
    let mut flipped = bytes.to_vec();
    flipped[99_999] ^= 1;
    for damaged in [bytes[..60_000].to_vec(), flipped] {
        let blobs = open(config.clone());
        let hex = hex::encode(sha256);
        let key = format!("{}sha256/{}/{}/{hex}", config.prefix, &hex[..2], &hex[2..4]);
        write_behind(&config, &key, damaged).await;

        let opened = blobs.get(sha256, None).await.unwrap().unwrap();
        assert!(matches!(opened.collect().await, Err(BlobError::Corrupt { .. })));
        assert_eq!(blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Created);
        assert_eq!(blobs.get(sha256, None).await.unwrap().unwrap().collect().await.unwrap(), bytes);
        assert_eq!(blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Existed);
    }
}

#[tokio::test]
async fn strangers_in_the_bucket_are_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    let config = s3_config(&dir);
    let blobs = open(config.clone());
    let (sha256, bytes) = blob(6, 10);
    blobs.put(sha256, bytes).await.unwrap();
    for key in ["sha256/notes.txt", "sha256/00/00/short", &format!("sha256/{}", hex::encode([1; 32]))] {
        write_behind(&config, &format!("{}{key}", config.prefix), b"x".to_vec()).await;
    }
    let listed = blobs.list(None).await.unwrap();
    assert_eq!(listed.blobs.iter().map(|blob| blob.sha256).collect::<Vec<_>>(), [sha256]);
    assert_eq!(listed.next, None);
}

#[tokio::test]
async fn nothing_is_left_to_collect() {
    let backend = s3();
    let (sha256, bytes) = blob(7, 10);
    backend.blobs.put(sha256, bytes).await.unwrap();
    assert_eq!(backend.blobs.collect(wharf_domain::Timestamp::from_unix(5_000_000_000)).await.unwrap(), 0);
    assert_eq!(backend.blobs.stat(sha256).await.unwrap(), Some(10));
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    let empty = dir.path().join("empty");
    std::fs::write(&file, "key\n").unwrap();
    std::fs::write(&empty, "\n").unwrap();
    let good = S3Config {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        region: "r".to_owned(),
        bucket: "crates".to_owned(),
        prefix: String::new(),
        access_key_file: file.clone(),
        secret_key_file: file,
        path_style: true,
    };
    for endpoint in [good.endpoint.clone(), Some("https://127.0.0.1:1".to_owned()), None] {
        assert!(Blobs::open(&BlobConfig::S3(S3Config { endpoint, ..good.clone() })).is_ok());
    }
    let cases = [
        ("endpoint", S3Config { endpoint: Some("127.0.0.1:1".to_owned()), ..good.clone() }),
        ("region", S3Config { region: String::new(), ..good.clone() }),
        ("bucket", S3Config { bucket: String::new(), ..good.clone() }),
        ("prefix", S3Config { prefix: "/x/".to_owned(), ..good.clone() }),
        ("prefix", S3Config { prefix: "x".to_owned(), ..good.clone() }),
        ("access_key_file", S3Config { access_key_file: dir.path().join("none"), ..good.clone() }),
        ("secret_key_file", S3Config { secret_key_file: empty, ..good }),
    ];
    for (expected, config) in cases {
        match Blobs::open(&BlobConfig::S3(config)).unwrap_err() {
            OpenError::Setting { key, .. } | OpenError::File { key, .. } => assert_eq!(key, expected),
            OpenError::Unprepared { .. } => panic!("a bucket is no directory"),
        }
    }
}

/// Writes an object past the code under test, as a broken tool or a torn write would.
async fn write_behind(config: &S3Config, key: &str, bytes: Vec<u8>) {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap().trim().to_owned();
    let credentials =
        Credentials::new(read(&config.access_key_file), read(&config.secret_key_file), None, None, "test");
    let client = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .force_path_style(true)
            .endpoint_url(config.endpoint.clone().unwrap())
            .build(),
    );
    client.put_object().bucket(&config.bucket).key(key).body(bytes.into()).send().await.unwrap();
}
