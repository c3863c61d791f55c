//! Blobs in a bucket of S3 or of a server that speaks its protocol.
//!
//! A put is one request with the SHA-256 of the body, which the server checks, and `If-None-Match: *`. Servers differ in
//! the latter: some ignore it, some refuse it, none need do it atomically. Nothing rests on it: the key is the digest, so
//! a second write brings the same bytes. It only spares a rewrite and lets a damaged object be noticed.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt};
use wharf_domain::Timestamp;

use crate::blobs::{Listed, PAGE, Page, Put};
use crate::config::S3Config;
use crate::digest::{key, parse_name};
use crate::error::{BlobError, Cause, OpenError};
use crate::range::Range;
use crate::stream::BlobStream;

mod client;

/// A body that brings no byte for so long is given up.
const BODY_STALL: Duration = Duration::from_secs(20);

/// How long readiness waits for an answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The greatest number servers read in a range.
const RANGE_MAX: u64 = i64::MAX.unsigned_abs();

/// A backend in a bucket.
pub struct S3 {
    /// For requests that carry a blob, which may take a while to send.
    upload: Client,
    /// For everything else.
    quick: Client,
    bucket: String,
    prefix: String,
}

impl S3 {
    /// Sets up the client; the server is not contacted.
    pub fn open(config: &S3Config) -> Result<Self, OpenError> {
        let prefix = &config.prefix;
        if prefix.starts_with('/') || !(prefix.is_empty() || prefix.ends_with('/')) {
            let detail = "is empty, or ends with `/` and does not begin with it".to_owned();
            return Err(OpenError::Setting { key: "prefix", detail });
        }
        let (upload, quick) = client::build(config)?;
        Ok(Self { upload, quick, bucket: config.bucket.clone(), prefix: prefix.clone() })
    }

    fn key(&self, sha256: &[u8; 32]) -> String {
        format!("{}{}", self.prefix, key(sha256))
    }

    pub(crate) async fn put(&self, sha256: [u8; 32], bytes: Bytes) -> Result<Put, BlobError> {
        let Err(error) = self.send(&sha256, &bytes, true).await else { return Ok(Put::Created) };
        match status(&error) {
            // 412: something stands there. 409: it is being written at this moment.
            Some(412 | 409) => match self.holds(sha256, bytes.len() as u64).await? {
                Some(true) => return Ok(Put::Existed),
                Some(false) => tracing::warn!(sha256 = hex::encode(sha256), "a damaged blob is replaced"),
                None => {}
            },
            // The server does not know conditional writes.
            Some(501) => {}
            _ => return Err(failed("store a blob", &error)),
        }
        self.send(&sha256, &bytes, false).await.map_err(|error| failed("store a blob", &error))?;
        Ok(Put::Created)
    }

    async fn send(
        &self,
        sha256: &[u8; 32],
        bytes: &Bytes,
        only_new: bool,
    ) -> Result<(), SdkError<aws_sdk_s3::operation::put_object::PutObjectError, HttpResponse>> {
        self.upload
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(sha256))
            .content_type("application/gzip")
            .checksum_sha256(STANDARD.encode(sha256))
            .set_if_none_match(only_new.then(|| "*".to_owned()))
            .body(ByteStream::from(bytes.clone()))
            .send()
            .await
            .map(|_| ())
    }

    /// Whether the object is there with the right bytes, as far as the server can tell without sending them; read through
    /// when it keeps no checksum.
    async fn holds(&self, sha256: [u8; 32], len: u64) -> Result<Option<bool>, BlobError> {
        let Some(head) = self.head(&sha256).await? else { return Ok(None) };
        if size(head.content_length())? != len {
            return Ok(Some(false));
        }
        // A checksum with `-` is one of parts, not of the bytes.
        if let Some(checksum) = head.checksum_sha256().filter(|checksum| !checksum.contains('-')) {
            return Ok(Some(checksum == STANDARD.encode(sha256)));
        }
        let Some(blob) = self.get(sha256, None).await? else { return Ok(None) };
        match blob.stream.try_for_each(async |_| Ok(())).await {
            Ok(()) => Ok(Some(true)),
            Err(BlobError::Corrupt { .. }) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn get(&self, sha256: [u8; 32], range: Option<Range>) -> Result<Option<BlobStream>, BlobError> {
        // Servers differ in the rarer ranges: one that means nothing in any blob, a number beyond 63 bits, a suffix longer
        // than the blob. Those are worked out here, for the price of asking for the size.
        let plain = match range {
            None => true,
            Some(Range::From(first)) => first <= RANGE_MAX,
            Some(Range::Between(first, last)) => first <= last && last <= RANGE_MAX,
            Some(Range::Last(_)) => false,
        };
        let range = match range {
            Some(range) if !plain => {
                let Some(len) = self.stat(sha256).await? else { return Ok(None) };
                let part = range.resolve(len).ok_or(BlobError::Range { len })?;
                Some(Range::Between(part.start, part.end - 1))
            }
            range => range,
        };
        let request = self.quick.get_object().bucket(&self.bucket).key(self.key(&sha256));
        let output = match request.set_range(range.map(Range::header)).send().await {
            Ok(output) => output,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) if status(&error) == Some(416) => {
                return match self.stat(sha256).await? {
                    Some(len) => Err(BlobError::Range { len }),
                    None => Ok(None),
                };
            }
            Err(error) => return Err(failed("read a blob", &error)),
        };
        let (part, len) = match output.content_range() {
            Some(text) => content_range(text).ok_or_else(|| senseless("Content-Range"))?,
            None => size(output.content_length()).map(|len| (0..len, len))?,
        };
        let asked = range.map_or(Some(0..len), |range| range.resolve(len));
        // Without Content-Range the server sends the whole: allowed, and the caller sees it in `range`.
        if output.content_range().is_some() && asked != Some(part.clone()) {
            return Err(senseless("Content-Range"));
        }
        Ok(Some(BlobStream::checked(sha256, len, part, body(output.body))))
    }

    async fn head(&self, sha256: &[u8; 32]) -> Result<Option<HeadObjectOutput>, BlobError> {
        let request = self.quick.head_object().bucket(&self.bucket).key(self.key(sha256));
        match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => Ok(Some(head)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed("look at a blob", &error)),
        }
    }

    pub(crate) async fn stat(&self, sha256: [u8; 32]) -> Result<Option<u64>, BlobError> {
        match self.head(&sha256).await? {
            Some(head) => size(head.content_length()).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn delete(&self, sha256: [u8; 32]) -> Result<(), BlobError> {
        match self.quick.delete_object().bucket(&self.bucket).key(self.key(&sha256)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(failed("delete a blob", &error)),
        }
    }

    pub(crate) async fn list(&self, after: Option<[u8; 32]>) -> Result<Page, BlobError> {
        let mut token = None;
        loop {
            let output = self
                .quick
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(format!("{}sha256/", self.prefix))
                .set_start_after(after.map(|after| self.key(&after)))
                .set_continuation_token(token)
                .max_keys(PAGE as i32)
                .send()
                .await
                .map_err(|error| failed("list blobs", &error))?;
            let mut blobs = Vec::new();
            for object in output.contents() {
                let Some(sha256) = object.key().and_then(|key| self.parse_key(key)) else { continue };
                let stored_at = object.last_modified().ok_or_else(|| senseless("LastModified"))?;
                let stored_at = Timestamp::from_unix(stored_at.secs());
                blobs.push(Listed { sha256, len: size(object.size())?, stored_at });
            }
            token = output.next_continuation_token.filter(|_| output.is_truncated == Some(true));
            // A page may hold nothing but strangers; the caller could not go on from there.
            if token.is_none() || !blobs.is_empty() {
                let next = blobs.last().filter(|_| token.is_some()).map(|last| last.sha256);
                return Ok(Page { blobs, next });
            }
        }
    }

    fn parse_key(&self, text: &str) -> Option<[u8; 32]> {
        let sha256 = parse_name(text.rsplit('/').next()?)?;
        (self.key(&sha256) == text).then_some(sha256)
    }

    pub(crate) async fn check(&self) -> Result<(), BlobError> {
        let action = "reach its bucket";
        match tokio::time::timeout(CHECK_TIMEOUT, self.quick.head_bucket().bucket(&self.bucket).send()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(action, &error)),
            Err(error) => Err(BlobError::unavailable(action, error)),
        }
    }
}

fn body(body: ByteStream) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static {
    let action = "read a blob";
    stream::try_unfold(body, move |mut body| async move {
        match tokio::time::timeout(BODY_STALL, body.try_next()).await {
            Ok(Ok(bytes)) => Ok(bytes.map(|bytes| (bytes, body))),
            Ok(Err(error)) => Err(BlobError::unavailable(action, error)),
            Err(error) => Err(BlobError::unavailable(action, error)),
        }
    })
}

/// `bytes first-last/len` as a half-open interval and the length.
fn content_range(text: &str) -> Option<(std::ops::Range<u64>, u64)> {
    let (range, len) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, len): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, len.parse().ok()?);
    (first <= last && last < len).then(|| (first..last + 1, len))
}

fn size(length: Option<i64>) -> Result<u64, BlobError> {
    length.and_then(|length| u64::try_from(length).ok()).ok_or_else(|| senseless("length"))
}

fn senseless(field: &str) -> BlobError {
    BlobError::Unavailable {
        action: "understand the server",
        cause: Cause::text(format!("its {field} makes no sense")),
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Whether the object is not there. A bucket that is not there is a mistake of the operator's, and must not look like a
/// blob that was never published.
fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404) && error.code() != Some("NoSuchBucket")
}

fn failed<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> BlobError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let cause = match status(error) {
        Some(status) => {
            let (code, message) = (error.code().unwrap_or("no code"), error.message().unwrap_or("no message"));
            Cause::text(format!("the server answered {status} {code}: {message}"))
        }
        None => Cause::of(error),
    };
    BlobError::Unavailable { action, cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_content_range() {
        assert_eq!(content_range("bytes 0-0/1"), Some((0..1, 1)));
        assert_eq!(content_range("bytes 5-9/20"), Some((5..10, 20)));
        for bad in
            ["bytes 5-9/*", "bytes */20", "5-9/20", "bytes 9-5/20", "bytes 5-20/20", "bytes 5-18446744073709551615/1"]
        {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
