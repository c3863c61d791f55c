//! Reads the bodies of `git-upload-pack`: bounded in bytes as they come, in bytes inflated, and in time.

use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use futures::StreamExt;
use std::io::Read;
use std::time::Duration;
use tokio::time::timeout;
use wharf_registry::{Error, Kind};

/// The longest body as it is sent. Git packs bodies above 1 KiB with gzip.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How long the rest of a refused body is waited for.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Reads a whole body, inflated if it has to be.
pub(super) async fn read(headers: &HeaderMap, body: &mut Payload, inflated_max: usize) -> Result<Bytes, Error> {
    let zipped = match headers.get(CONTENT_ENCODING).map(|coding| coding.as_bytes()) {
        None | Some(b"identity") => false,
        Some(b"gzip" | b"x-gzip") => true,
        Some(_) => return Err(Error::invalid("git_request_invalid", "the only Content-Encoding taken here is gzip")),
    };
    let sent = timeout(BODY_TIME, collect(body))
        .await
        .map_err(|_| Error::invalid("git_request_invalid", "the request came too slowly"))??;
    if zipped { inflate(&sent, inflated_max) } else { Ok(sent) }
}

async fn collect(body: &mut Payload) -> Result<Bytes, Error> {
    let mut read = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            Error::invalid("git_request_invalid", "the request ended early").because(error.to_string())
        })?;
        if read.len() + piece.len() > BODY_BYTES_MAX {
            return Err(too_large(BODY_BYTES_MAX));
        }
        read.extend_from_slice(&piece);
    }
    Ok(read.freeze())
}

/// Inflates, and stops at the bound: what a body claims to become is not believed.
fn inflate(sent: &[u8], max: usize) -> Result<Bytes, Error> {
    let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut inflated = Vec::new();
    GzDecoder::new(sent).take(bound).read_to_end(&mut inflated).map_err(|error| {
        Error::invalid("git_request_invalid", "the request is not the gzip it says it is").because(error)
    })?;
    if inflated.len() > max { Err(too_large(max)) } else { Ok(inflated.into()) }
}

fn too_large(max: usize) -> Error {
    Error::new(Kind::TooLarge, "git_request_too_large", format!("the request is longer than {max} bytes"))
}

/// Throws the rest of a body away, within bounds.
pub(super) async fn drain(body: &mut Payload) {
    let all = async {
        let mut thrown = 0;
        while let Some(Ok(piece)) = body.next().await {
            thrown += piece.len();
            if thrown > 2 * BODY_BYTES_MAX {
                break;
            }
        }
    };
    // Whoever sends no end to it is cut off.
    let _in_time = timeout(DRAIN_TIME, all).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn inflating_stops_at_the_bound() {
        assert_eq!(inflate(&gzip(&[b'a'; 1000]), 1000).unwrap(), vec![b'a'; 1000]);
        assert_eq!(inflate(&gzip(&[b'a'; 1001]), 1000).unwrap_err().kind(), Kind::TooLarge);
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(inflate(&bomb, 4 << 20).unwrap_err().kind(), Kind::TooLarge);
        for broken in [&b"plain"[..], &gzip(b"abcdef")[..12], &[]] {
            assert_eq!(inflate(broken, 1000).unwrap_err().kind(), Kind::Invalid, "{broken:?}");
        }
    }
}
