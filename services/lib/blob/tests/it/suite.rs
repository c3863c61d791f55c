//! What every backend does.

use bytes::Bytes;
use futures::TryStreamExt;
use wharf_blob::{BlobError, CHUNK, PAGE, Put, Range};

use crate::backends::{Backend, blob};

macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod memory { $(#[tokio::test] async fn $test() { super::$test(crate::backends::memory()).await; })* }
        mod directory { $(#[tokio::test] async fn $test() { super::$test(crate::backends::directory()).await; })* }
        mod s3 { $(#[tokio::test] async fn $test() { super::$test(crate::backends::s3()).await; })* }
    };
}

suite! {
    is_ready,
    what_was_put_is_there,
    what_was_not_put_is_absent,
    a_second_put_changes_nothing,
    other_bytes_are_refused_and_not_stored,
    ranges_are_cut_as_http_does,
    ranges_outside_are_refused_with_the_length,
    many_writers_of_one_blob_agree,
    a_large_blob_comes_in_bounded_pieces,
    an_empty_blob_is_a_blob,
    a_deleted_blob_is_gone_and_can_come_back,
    a_listing_is_ordered_and_complete,
    a_long_listing_comes_in_pages,
}

async fn read(Backend { blobs, .. }: &Backend, sha256: [u8; 32], range: Option<Range>) -> Bytes {
    blobs.get(sha256, range).await.unwrap().unwrap().collect().await.unwrap()
}

async fn is_ready(backend: Backend) {
    backend.blobs.check().await.unwrap();
    assert_eq!(backend.blobs.list(None).await.unwrap().blobs, []);
}

async fn what_was_put_is_there(backend: Backend) {
    let (sha256, bytes) = blob(1, 1_000);
    assert_eq!(backend.blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Created);
    assert_eq!(backend.blobs.stat(sha256).await.unwrap(), Some(1_000));
    let opened = backend.blobs.get(sha256, None).await.unwrap().unwrap();
    assert_eq!((opened.len, opened.range.clone()), (1_000, 0..1_000));
    assert_eq!(opened.collect().await.unwrap(), bytes);
}

async fn what_was_not_put_is_absent(backend: Backend) {
    let (sha256, bytes) = blob(2, 10);
    assert_eq!(backend.blobs.stat(sha256).await.unwrap(), None);
    for range in [None, Some(Range::From(0)), Some(Range::From(99)), Some(Range::Last(0)), Some(Range::Between(2, 1))] {
        assert!(backend.blobs.get(sha256, range).await.unwrap().is_none(), "{range:?}");
    }
    backend.blobs.delete(sha256).await.unwrap();
    // A neighbour does not change that.
    let (other, _) = blob(3, 10);
    backend.blobs.put(sha256, bytes).await.unwrap();
    assert!(backend.blobs.get(other, None).await.unwrap().is_none());
}

async fn a_second_put_changes_nothing(backend: Backend) {
    let (sha256, bytes) = blob(4, 100_000);
    assert_eq!(backend.blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Created);
    for _ in 0..3 {
        assert_eq!(backend.blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Existed);
    }
    assert_eq!(read(&backend, sha256, None).await, bytes);
    assert_eq!(backend.blobs.list(None).await.unwrap().blobs.len(), 1);
}

async fn other_bytes_are_refused_and_not_stored(backend: Backend) {
    let (expected, right) = blob(5, 200_000);
    let (actual, wrong) = blob(6, 200_000);
    match backend.blobs.put(expected, wrong.clone()).await {
        Err(BlobError::WrongDigest { expected: e, actual: a }) => assert_eq!((e, a), (expected, actual)),
        other => panic!("{other:?}"),
    }
    assert_eq!(backend.blobs.stat(expected).await.unwrap(), None);
    assert_eq!(backend.blobs.stat(actual).await.unwrap(), None);
    // Nor do they change what is there.
    backend.blobs.put(expected, right.clone()).await.unwrap();
    let error = backend.blobs.put(expected, wrong).await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(read(&backend, expected, None).await, right);
}

async fn ranges_are_cut_as_http_does(backend: Backend) {
    let len = 3 * CHUNK as u64 + 17;
    let (sha256, bytes) = blob(7, len as usize);
    backend.blobs.put(sha256, bytes.clone()).await.unwrap();
    for (range, start, end) in [
        (Range::From(0), 0, len),
        (Range::From(1), 1, len),
        (Range::From(len - 1), len - 1, len),
        (Range::Between(0, 0), 0, 1),
        (Range::Between(0, len - 1), 0, len),
        (Range::Between(100, len * 2), 100, len),
        (Range::Between(CHUNK as u64 - 1, 2 * CHUNK as u64), CHUNK as u64 - 1, 2 * CHUNK as u64 + 1),
        (Range::Last(1), len - 1, len),
        (Range::Last(CHUNK as u64 + 1), len - CHUNK as u64 - 1, len),
        (Range::Last(len), 0, len),
        (Range::Last(len + 1), 0, len),
    ] {
        let opened = backend.blobs.get(sha256, Some(range)).await.unwrap().unwrap();
        assert_eq!((opened.len, opened.range.clone()), (len, start..end), "{range:?}");
        assert_eq!(opened.collect().await.unwrap(), bytes.slice(start as usize..end as usize), "{range:?}");
    }
}

async fn ranges_outside_are_refused_with_the_length(backend: Backend) {
    let (sha256, bytes) = blob(8, 10);
    backend.blobs.put(sha256, bytes).await.unwrap();
    for range in [Range::From(10), Range::From(u64::MAX), Range::Between(10, 20), Range::Between(5, 4), Range::Last(0)]
    {
        match backend.blobs.get(sha256, Some(range)).await {
            Err(BlobError::Range { len: 10 }) => {}
            other => panic!("{range:?}: {other:?}"),
        }
    }
}

async fn many_writers_of_one_blob_agree(backend: Backend) {
    let (sha256, bytes) = blob(9, 300_000);
    let writers = (0..12).map(|_| {
        let (blobs, bytes) = (backend.blobs.clone(), bytes.clone());
        tokio::spawn(async move { blobs.put(sha256, bytes).await })
    });
    let mut created = 0;
    for writer in writers.collect::<Vec<_>>() {
        created += usize::from(writer.await.unwrap().unwrap() == Put::Created);
    }
    assert!(created >= 1);
    assert_eq!(read(&backend, sha256, None).await, bytes);
    assert_eq!(backend.blobs.list(None).await.unwrap().blobs.len(), 1);
    assert_eq!(backend.blobs.put(sha256, bytes).await.unwrap(), Put::Existed);
}

async fn a_large_blob_comes_in_bounded_pieces(backend: Backend) {
    let (sha256, bytes) = blob(10, 5 << 20);
    backend.blobs.put(sha256, bytes.clone()).await.unwrap();
    let mut stream = backend.blobs.get(sha256, None).await.unwrap().unwrap().stream;
    let (mut pieces, mut at) = (0, 0);
    while let Some(piece) = stream.try_next().await.unwrap() {
        assert!(!piece.is_empty() && piece.len() <= CHUNK, "{}", piece.len());
        assert_eq!(piece, bytes.slice(at..at + piece.len()));
        at += piece.len();
        pieces += 1;
    }
    assert_eq!(at, bytes.len());
    assert!(pieces >= bytes.len() / CHUNK);
}

async fn an_empty_blob_is_a_blob(backend: Backend) {
    let (sha256, bytes) = blob(11, 0);
    assert_eq!(backend.blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Created);
    assert_eq!(backend.blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Existed);
    assert_eq!(backend.blobs.stat(sha256).await.unwrap(), Some(0));
    assert_eq!(read(&backend, sha256, None).await, bytes);
    let refused = backend.blobs.get(sha256, Some(Range::From(0))).await;
    assert!(matches!(refused, Err(BlobError::Range { len: 0 })), "{refused:?}");
}

async fn a_deleted_blob_is_gone_and_can_come_back(backend: Backend) {
    let (sha256, bytes) = blob(12, 50);
    let (stays, others) = blob(13, 50);
    backend.blobs.put(sha256, bytes.clone()).await.unwrap();
    backend.blobs.put(stays, others.clone()).await.unwrap();
    for _ in 0..2 {
        backend.blobs.delete(sha256).await.unwrap();
        assert_eq!(backend.blobs.stat(sha256).await.unwrap(), None);
        assert!(backend.blobs.get(sha256, None).await.unwrap().is_none());
    }
    assert_eq!(read(&backend, stays, None).await, others);
    assert_eq!(backend.blobs.put(sha256, bytes.clone()).await.unwrap(), Put::Created);
    assert_eq!(read(&backend, sha256, None).await, bytes);
}

async fn a_listing_is_ordered_and_complete(backend: Backend) {
    let mut expected = Vec::new();
    for seed in 0..40 {
        let (sha256, bytes) = blob(seed, 20 + usize::from(seed));
        backend.blobs.put(sha256, bytes).await.unwrap();
        expected.push((sha256, 20 + u64::from(seed)));
    }
    expected.sort_unstable();
    let all = backend.blobs.list(None).await.unwrap();
    assert_eq!(all.next, None);
    assert_eq!(all.blobs.iter().map(|blob| (blob.sha256, blob.len)).collect::<Vec<_>>(), expected);
    // A moment, not zero and not nonsense: the clock of the memory backend stands in 2030, the others are real.
    for blob in &all.blobs {
        assert!((1_600_000_000..5_000_000_000).contains(&blob.stored_at.unix()), "{:?}", blob.stored_at);
    }
    for (at, (after, _)) in expected.iter().enumerate() {
        let rest = backend.blobs.list(Some(*after)).await.unwrap();
        assert_eq!(rest.blobs, all.blobs[at + 1..], "after {at}");
    }
    // One need not be there to list after it.
    let gone = expected[20].0;
    backend.blobs.delete(gone).await.unwrap();
    assert_eq!(backend.blobs.list(Some(gone)).await.unwrap().blobs, all.blobs[21..]);
    assert_eq!(backend.blobs.list(Some([0xFF; 32])).await.unwrap().blobs, []);
}

async fn a_long_listing_comes_in_pages(backend: Backend) {
    let total = PAGE + 5;
    let mut expected = Vec::new();
    for number in 0..total {
        let bytes = Bytes::from(number.to_string());
        let sha256 = <sha2::Sha256 as sha2::Digest>::digest(&bytes).into();
        backend.blobs.put(sha256, bytes).await.unwrap();
        expected.push(sha256);
    }
    expected.sort_unstable();
    let (mut listed, mut after, mut pages): (Vec<[u8; 32]>, _, _) = (Vec::new(), None, 0);
    loop {
        let page = backend.blobs.list(after).await.unwrap();
        assert!(page.blobs.len() <= PAGE);
        listed.extend(page.blobs.iter().map(|blob| blob.sha256));
        pages += 1;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert!(listed == expected, "{} of {total} listed", listed.len());
    assert!(pages >= 2, "{pages}");
}
