//! The origin behind the CDN: verifies the ticket in the address and streams the file.

use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use wharf_blob::Range;
use wharf_chassis::faces::PlainFault;
use wharf_registry::{Error, Site};

/// The bytes of a crate file, whole or in part. `Authorization` is ignored: clients on the same host send it along.
pub(crate) async fn file(request: HttpRequest, site: Data<Site>) -> Result<HttpResponse, PlainFault> {
    let path = request.uri().path();
    let ticket = site.check_ticket(path, request.uri().query().unwrap_or_default())?;
    let head = request.method() == Method::HEAD;
    let range = wanted(&request);
    // What a ticket opens exists: it is only minted for a published version, so an absent file is a fault of the store.
    let missing = || Error::unavailable("a published crate file is missing from the blob store");
    let size = if head || range.is_some() {
        Some(site.blobs().stat(ticket.sha256).await.map_err(Error::unavailable)?.ok_or_else(missing)?)
    } else {
        None
    };
    if let (Some(range), Some(size)) = (range, size)
        && range.resolve(size).is_none()
    {
        return Ok(common(StatusCode::RANGE_NOT_SATISFIABLE)
            .insert_header((header::CONTENT_RANGE, format!("bytes */{size}")))
            .finish());
    }
    let (size, part, blob) = match size {
        Some(size) if head => (size, range.and_then(|range| range.resolve(size)).unwrap_or(0..size), None),
        _ => {
            let blob = site.blobs().get(ticket.sha256, range).await.map_err(Error::unavailable)?.ok_or_else(missing)?;
            (blob.len, blob.range.clone(), Some(blob.stream))
        }
    };
    let mut answer = common(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    answer
        .content_type("application/gzip")
        .insert_header((header::ETAG, format!("\"{}\"", hex::encode(ticket.sha256))))
        .insert_header((header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")));
    if range.is_some() {
        answer.insert_header((header::CONTENT_RANGE, format!("bytes {}-{}/{size}", part.start, part.end - 1)));
    }
    let length = part.end - part.start;
    Ok(match blob {
        Some(stream) => answer.body(SizedStream::new(length, stream)),
        None => answer.body(SizedStream::new(length, futures::stream::empty::<Result<Bytes, std::io::Error>>())),
    })
}

fn common(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header((header::ACCEPT_RANGES, HeaderValue::from_static("bytes")))
        // Clients keep nothing; a CDN keeps the object under the path alone, after verifying the ticket itself.
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=0")))
        .insert_header(("surrogate-control", "public, max-age=31536000, immutable"));
    answer
}

/// The wanted part; `None` for all. Several ranges, and what is no range of bytes, are answered with the whole, as the
/// protocol allows.
fn wanted(request: &HttpRequest) -> Option<Range> {
    let value = request.headers().get(header::RANGE)?.to_str().ok()?;
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", length) => length.parse().ok().map(Range::Last),
        (first, "") => first.parse().ok().map(Range::From),
        (first, last) => {
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(Range::Between(first, last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn ranges() {
        for (asked, expected) in [
            ("bytes=0-0", Some(Range::Between(0, 0))),
            ("bytes=5-", Some(Range::From(5))),
            ("bytes=-3", Some(Range::Last(3))),
            ("bytes=0-1,3-4", None),
            ("bytes=4-2", None),
            ("bytes=-", None),
            ("lines=1-2", None),
        ] {
            let request = TestRequest::default().insert_header((header::RANGE, asked)).to_http_request();
            assert_eq!(wanted(&request), expected, "{asked}");
        }
    }
}
