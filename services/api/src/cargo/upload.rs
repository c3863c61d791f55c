//! Reads request bodies: bounded in bytes, in time, and, for uploads, in what all of them hold together.
//!
//! A refusal while the client is still sending would reset the connection, and cargo would show "broken pipe" in place
//! of the reason. So whatever is refused early is read to its end, within bounds, and thrown away.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use wharf_cargo_wire::FrameLimits;
use wharf_registry::{Error, Kind};

const MIB: u64 = 1024 * 1024;
/// Bytes of uploads held in memory at one time, in MiB. The largest single upload fits.
const HELD_MIB: usize = 256;
static HELD: Semaphore = Semaphore::const_new(HELD_MIB);
/// How long an upload waits for others to finish.
const HELD_PATIENCE: Duration = Duration::from_secs(20);

/// Time without a single byte.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Time every upload has, whatever its size.
const TIME_MIN: Duration = Duration::from_secs(30);
/// Time no upload exceeds.
const TIME_MAX: Duration = Duration::from_secs(600);
/// The rate an upload must keep beyond [`TIME_MIN`], in bytes per second.
const RATE_MIN: u64 = 32 * 1024;

/// What is read of a refused body at most, and how long.
const DRAINED_MAX: usize = 104 * 1024 * 1024;
const DRAINED_TIME: Duration = Duration::from_secs(15);

/// An upload in memory; others may take its room when this is dropped.
pub(super) struct Upload {
    pub(super) bytes: Bytes,
    _room: SemaphorePermit<'static>,
}

/// The announced length of an upload that is worth reading.
fn announced(headers: &HeaderMap, limits: &FrameLimits) -> Result<u64, Error> {
    let encoded = headers.get_all(CONTENT_ENCODING).any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Error::invalid(
            "upload_encoded",
            "an upload must not have a Content-Encoding; publish with cargo itself",
        ));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let length: u64 = length.ok_or_else(|| {
        Error::invalid(
            "upload_length_missing",
            "an upload needs a Content-Length; cargo sends one, so look for a proxy on the way that removes it",
        )
    })?;
    if length > limits.body_bytes() {
        return Err(Error::new(
            Kind::TooLarge,
            "publish_too_large",
            format!(
                "the upload is {length} bytes, and this registry takes packages of up to {} bytes; leave files out with \
                 `package.exclude` in Cargo.toml, or ask an admin of the org for a higher limit",
                limits.archive_bytes
            ),
        ));
    }
    Ok(length)
}

fn time_for(length: u64) -> Duration {
    (TIME_MIN + Duration::from_secs(length / RATE_MIN)).min(TIME_MAX)
}

/// Reads an upload of the length it announces.
pub(super) async fn read(headers: &HeaderMap, body: &mut web::Payload, limits: &FrameLimits) -> Result<Upload, Error> {
    let length = announced(headers, limits)?;
    let room = u32::try_from(length.div_ceil(MIB).max(1)).map_err(Error::internal)?;
    let room = timeout(HELD_PATIENCE, HELD.acquire_many(room))
        .await
        .map_err(|_| Error::unavailable("too many uploads at one time"))?
        .map_err(Error::internal)?;
    let slow = || {
        Error::invalid(
            "upload_too_slow",
            "the upload came too slowly and was given up; check the connection and publish again",
        )
    };
    let bytes =
        timeout(time_for(length), collect(body, usize::try_from(length).map_err(Error::internal)?, SILENCE_MAX))
            .await
            .map_err(|_| slow())?
            .map_err(|stopped| match stopped {
                Stopped::Silent => slow(),
                Stopped::TooLong => Error::invalid("upload_invalid", "the upload is longer than it announced"),
                Stopped::Broken(cause) => {
                    Error::invalid("upload_invalid", "the upload ended early; publish again").because(cause)
                }
            })?;
    Ok(Upload { bytes, _room: room })
}

/// Reads a small body.
pub(super) async fn read_small(body: &mut web::Payload, limit: usize) -> Result<Bytes, Error> {
    timeout(TIME_MIN, collect(body, limit, SILENCE_MAX)).await.unwrap_or(Err(Stopped::Silent)).map_err(|stopped| {
        match stopped {
            Stopped::Silent => Error::invalid("body_unreadable", "the body came too slowly"),
            Stopped::TooLong => {
                Error::new(Kind::TooLarge, "body_too_large", format!("the body is longer than {limit} bytes"))
            }
            Stopped::Broken(cause) => Error::invalid("body_unreadable", "the body cannot be read").because(cause),
        }
    })
}

enum Stopped {
    Silent,
    TooLong,
    Broken(String),
}

async fn collect(body: &mut web::Payload, limit: usize, silence: Duration) -> Result<Bytes, Stopped> {
    // Grows with what arrives, not with what is announced.
    let mut bytes = BytesMut::new();
    while let Some(chunk) = timeout(silence, body.next()).await.map_err(|_| Stopped::Silent)? {
        let chunk = chunk.map_err(|error| Stopped::Broken(error.to_string()))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Stopped::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// Reads what is left of a refused body.
pub(super) async fn drain(body: &mut web::Payload) {
    let mut left = DRAINED_MAX;
    let reading = async {
        while let Some(Ok(chunk)) = body.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Out of time or bytes, the connection is closed with the answer; the client may then not see it.
    if timeout(DRAINED_TIME, reading).await.is_err() {
        tracing::debug!("a refused upload was not read to its end");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    const LIMITS: FrameLimits = FrameLimits { metadata_bytes: 100, archive_bytes: 1000 };

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse().unwrap(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn gates_before_the_first_byte() {
        let judged = |pairs: &[_]| announced(&headers(pairs), &LIMITS).map_err(|error| error.code());
        assert_eq!(judged(&[("content-length", "1108")]), Ok(1108));
        assert_eq!(judged(&[("content-length", "1109")]), Err("publish_too_large"));
        assert_eq!(judged(&[]), Err("upload_length_missing"));
        assert_eq!(judged(&[("content-length", "many")]), Err("upload_length_missing"));
        assert_eq!(judged(&[("content-length", "1"), ("content-encoding", "gzip")]), Err("upload_encoded"));
        assert_eq!(judged(&[("content-length", "1"), ("content-encoding", "identity")]), Ok(1));
    }

    #[test]
    fn the_largest_upload_finds_room_and_time() {
        let largest =
            FrameLimits { archive_bytes: FrameLimits::ARCHIVE_BYTES_MAX, ..FrameLimits::default() }.body_bytes();
        assert!(largest.div_ceil(MIB) <= HELD_MIB as u64);
        assert!(largest < DRAINED_MAX as u64);
        assert_eq!(time_for(0), TIME_MIN);
        assert_eq!(time_for(largest), TIME_MAX);
        assert!(time_for(10 * MIB) > Duration::from_secs(300));
    }
}
