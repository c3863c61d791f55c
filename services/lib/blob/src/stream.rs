//! The bytes of a blob on their way out.

use std::fmt;

use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use crate::error::BlobError;

/// The greatest piece of a blob handed out at once, and so what one slow reader holds in memory.
pub const CHUNK: usize = 128 * 1024;

/// A blob, or the part of it that was asked for.
pub struct BlobStream {
    /// Size of the whole blob.
    pub len: u64,
    /// The bytes that follow, as a half-open interval of the whole.
    pub range: std::ops::Range<u64>,
    /// The bytes, in pieces of at most [`CHUNK`]. It ends with an error, and before the last piece, when fewer or other
    /// bytes are stored than there should be; only a read of the whole blob can notice other bytes.
    pub stream: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobStream").field("len", &self.len).field("range", &self.range).finish_non_exhaustive()
    }
}

impl BlobStream {
    /// Wraps what a backend reads: cuts it into bounded pieces, counts it, and hashes it when it is the whole blob.
    pub(crate) fn checked(
        sha256: [u8; 32],
        len: u64,
        range: std::ops::Range<u64>,
        source: impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static,
    ) -> Self {
        let whole = range.start == 0 && range.end == len;
        let check = Check { sha256, left: range.end - range.start, hasher: whole.then(Sha256::new) };
        let pieces = source.map_ok(|bytes| stream::iter(pieces(bytes)).map(Ok)).try_flatten().boxed();
        let stream = stream::try_unfold(Some((pieces, check)), |state| async move {
            let Some((mut pieces, mut check)) = state else { return Ok(None) };
            match pieces.try_next().await? {
                Some(bytes) => {
                    wharf_trial::moment!("blob: piece read");
                    let complete = check.take(&bytes)?;
                    // The last piece leaves only after the digest of all was found right: a client never receives a
                    // complete file that is wrong.
                    Ok(Some((bytes, (!complete).then_some((pieces, check)))))
                }
                None => check.end().map(|()| None),
            }
        });
        Self { len, range, stream: stream.boxed() }
    }

    /// Reads everything into memory; for tests and small blobs.
    pub async fn collect(self) -> Result<Bytes, BlobError> {
        let mut all = Vec::new();
        let mut stream = self.stream;
        while let Some(bytes) = stream.try_next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all.into())
    }
}

struct Check {
    sha256: [u8; 32],
    left: u64,
    hasher: Option<Sha256>,
}

impl Check {
    /// Counts one piece, and says whether it was the last.
    fn take(&mut self, bytes: &Bytes) -> Result<bool, BlobError> {
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| BlobError::corrupt(self.sha256, "more bytes came than were announced"))?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        if self.left > 0 {
            return Ok(false);
        }
        self.end()?;
        Ok(true)
    }

    fn end(&mut self) -> Result<(), BlobError> {
        if self.left > 0 {
            return Err(BlobError::corrupt(self.sha256, format!("it ends {} bytes early", self.left)));
        }
        let digest: Option<[u8; 32]> = self.hasher.take().map(|hasher| hasher.finalize().into());
        if wharf_trial::mutant!(DamagedFileServed => false; digest.is_some_and(|digest| digest != self.sha256)) {
            return Err(BlobError::corrupt(self.sha256, "its bytes have another digest"));
        }
        Ok(())
    }
}

/// Empty pieces are dropped: they say nothing, and would come after the last byte was checked.
fn pieces(mut bytes: Bytes) -> impl Iterator<Item = Bytes> + Send {
    std::iter::from_fn(move || (!bytes.is_empty()).then(|| bytes.split_to(bytes.len().min(CHUNK))))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(sha256: [u8; 32], len: u64, range: std::ops::Range<u64>, parts: &[&'static [u8]]) -> (usize, bool) {
        let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
        let mut stream = BlobStream::checked(sha256, len, range, stream::iter(parts)).stream;
        let mut sent = 0;
        loop {
            match stream.try_next().await {
                Ok(Some(bytes)) => sent += bytes.len(),
                Ok(None) => return (sent, true),
                Err(BlobError::Corrupt { .. }) => return (sent, false),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn a_wrong_blob_is_never_sent_to_its_end() {
        let right = Sha256::digest(b"abcdef").into();
        assert_eq!(run(right, 6, 0..6, &[b"abc", b"", b"def"]).await, (6, true));
        assert_eq!(run(right, 6, 0..6, &[b"abc", b"deg"]).await, (3, false));
        assert_eq!(run(right, 6, 0..6, &[b"abc", b"de"]).await, (5, false));
        assert_eq!(run(right, 6, 0..6, &[b"abc", b"defg"]).await, (3, false));
        assert_eq!(run(right, 6, 0..6, &[]).await, (0, false));
        assert_eq!(run(right, 6, 2..4, &[b"cd"]).await, (2, true));
        assert_eq!(run(right, 6, 2..4, &[b"c"]).await, (1, false));
        assert_eq!(run(Sha256::digest(b"").into(), 0, 0..0, &[]).await, (0, true));
        assert_eq!(run(right, 0, 0..0, &[]).await, (0, false));
    }

    #[tokio::test]
    async fn pieces_are_bounded() {
        let bytes = Bytes::from(vec![7; CHUNK * 2 + 1]);
        let digest = Sha256::digest(&bytes).into();
        let len = bytes.len() as u64;
        let parts = BlobStream::checked(digest, len, 0..len, stream::iter([Ok(bytes)])).stream;
        let sizes: Vec<_> = parts.map_ok(|part| part.len()).try_collect().await.unwrap();
        assert_eq!(sizes, [CHUNK, CHUNK, 1]);
    }
}
