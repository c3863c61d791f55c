//! Answers that the S3 server of the tests never gives, but others do. What is played here is the answer alone.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wharf_blob::{BlobConfig, BlobError, Blobs, Put, Range, S3Config};

use crate::backends::blob;

/// The heads of the requests that came.
type Requests = Arc<Mutex<Vec<String>>>;

/// A client of a server that gives `answer` to the head of each request.
async fn playing(dir: &Path, answer: impl Fn(&str) -> String + Send + 'static) -> (Blobs, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = request(&mut stream).await;
            seen.lock().unwrap().push(head.clone());
            stream.write_all(answer(&head).as_bytes()).await.unwrap();
        }
    });
    let key_file = dir.join("key");
    std::fs::write(&key_file, "key").unwrap();
    let config = S3Config {
        endpoint: Some(endpoint),
        region: "r".to_owned(),
        bucket: "crates".to_owned(),
        prefix: String::new(),
        access_key_file: key_file.clone(),
        secret_key_file: key_file,
        path_style: true,
    };
    (Blobs::open(&BlobConfig::S3(config)).unwrap(), requests)
}

/// Reads one request and gives its head in lower case.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let end = loop {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the client went away");
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
    let body =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |len| len.parse().unwrap());
    while bytes.len() < end + body {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the client went away");
    }
    head
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn error(status: &str, code: &str) -> String {
    answer(
        status,
        "Content-Type: application/xml\r\n",
        &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"),
    )
}

#[tokio::test]
async fn a_missing_bucket_is_no_missing_blob() {
    let dir = tempfile::tempdir().unwrap();
    let (blobs, _) = playing(dir.path(), |_| error("404 Not Found", "NoSuchBucket")).await;
    let (sha256, bytes) = blob(1, 10);
    assert!(matches!(blobs.get(sha256, None).await, Err(BlobError::Unavailable { .. })));
    assert!(matches!(blobs.put(sha256, bytes).await, Err(BlobError::Unavailable { .. })));
    assert!(matches!(blobs.list(None).await, Err(BlobError::Unavailable { .. })));
}

#[tokio::test]
async fn a_server_without_conditional_writes_is_written_to_without() {
    let dir = tempfile::tempdir().unwrap();
    let (blobs, requests) = playing(dir.path(), |head| {
        if head.contains("if-none-match: *") {
            error("501 Not Implemented", "NotImplemented")
        } else {
            answer("200 OK", "", "")
        }
    })
    .await;
    let (sha256, bytes) = blob(2, 10);
    assert_eq!(blobs.put(sha256, bytes).await.unwrap(), Put::Created);
    let requests = requests.lock().unwrap();
    assert!(requests.len() >= 2 && requests.iter().all(|head| head.starts_with("put /crates/sha256/")), "{requests:?}");
    assert!(requests.iter().all(|head| head.contains("x-amz-checksum-sha256: ")), "{requests:?}");
    assert!(!requests.last().unwrap().contains("if-none-match"));
}

#[tokio::test]
async fn a_blob_deleted_while_it_is_put_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let (blobs, _) = playing(dir.path(), |head| match head {
        head if head.starts_with("head ") => "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n".to_owned(),
        head if head.contains("if-none-match: *") => error("412 Precondition Failed", "PreconditionFailed"),
        _ => answer("200 OK", "", ""),
    })
    .await;
    let (sha256, bytes) = blob(3, 10);
    assert_eq!(blobs.put(sha256, bytes).await.unwrap(), Put::Created);
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let asked = Mutex::new(0);
    let (blobs, requests) = playing(dir.path(), move |_| {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        if *asked < 3 { error("503 Slow Down", "SlowDown") } else { answer("200 OK", "", "") }
    })
    .await;
    let (sha256, bytes) = blob(4, 10);
    assert_eq!(blobs.put(sha256, bytes).await.unwrap(), Put::Created);
    assert_eq!(requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_blob() {
    let dir = tempfile::tempdir().unwrap();
    let (blobs, _) =
        playing(dir.path(), |_| "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nfew".to_owned())
            .await;
    let (sha256, _) = blob(5, 100);
    let opened = blobs.get(sha256, None).await.unwrap().unwrap();
    assert_eq!(opened.len, 100);
    let broken = opened.collect().await.unwrap_err();
    assert!(broken.is_retryable(), "{broken:?}");
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_taken_at_its_word() {
    let dir = tempfile::tempdir().unwrap();
    let (blobs, _) = playing(dir.path(), |_| answer("200 OK", "", "0123456789")).await;
    let sha256 = <sha2::Sha256 as sha2::Digest>::digest(b"0123456789").into();
    let opened = blobs.get(sha256, Some(Range::From(5))).await.unwrap().unwrap();
    assert_eq!((opened.len, opened.range.clone()), (10, 0..10));
    assert_eq!(opened.collect().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn a_server_that_sends_another_range_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for range in ["bytes 0-4/10", "bytes 6-10/10", "5-9"] {
        let header = format!("Content-Range: {range}\r\n");
        let (blobs, _) = playing(dir.path(), move |_| answer("206 Partial Content", &header, "56789")).await;
        let result = blobs.get([1; 32], Some(Range::From(5))).await;
        assert!(matches!(result, Err(BlobError::Unavailable { .. })), "{range}: {result:?}");
    }
}
