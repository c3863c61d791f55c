//! The sparse index: `config.json` and one file per crate. The contract is cargo's, see the registry index chapter of the
//! Cargo book.

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;
use wharf_cargo_wire::parse_index_path;
use wharf_chassis::faces::PlainFault;
use wharf_chassis::reader::Reader;
use wharf_domain::Slug;
use wharf_registry::catalog::{RegistryEntry, Variant};
use wharf_registry::{Error, Site};

/// Caches between us and the client may keep an answer for its own credential only, and must ask each time.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");
const VARY: HeaderValue = HeaderValue::from_static("Authorization, Accept-Encoding");

/// Answers `GET` and `HEAD` of `/{org}/{registry}/{path}`.
pub(crate) async fn answer(
    request: &HttpRequest,
    site: &Arc<Site>,
    org: &str,
    registry: &str,
    path: &str,
) -> Result<HttpResponse, PlainFault> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Error::not_found().into());
    }
    let (entry, reader) = reader(request, site, org, registry).await?;
    if path == "config.json" { Ok(config(site, &entry)) } else { file(request, site, &entry, &reader, path).await }
}

/// `config.json`: where downloads and the web API are, and whether a credential is needed.
fn config(site: &Site, entry: &RegistryEntry) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
        .insert_header((header::VARY, VARY))
        .content_type("application/json")
        .body(site.sparse_config(entry))
}

/// The index file of a crate, as far as the reader's view shows it.
async fn file(
    request: &HttpRequest,
    site: &Arc<Site>,
    entry: &RegistryEntry,
    reader: &Reader,
    path: &str,
) -> Result<HttpResponse, PlainFault> {
    let name = parse_index_path(path).ok_or_else(Error::not_found)?;
    let body = site.read_index(entry, &reader.view, &name).await?.ok_or_else(Error::not_found)?;

    let zipped = accepts_gzip(request);
    let Variant { bytes, etag } = if zipped { &body.gzip } else { &body.plain };
    if asks_for_other_than(request, &[&body.plain.etag, &body.gzip.etag]) {
        let mut answer = HttpResponse::Ok();
        answer.insert_header((header::CACHE_CONTROL, CACHE_CONTROL)).insert_header((header::VARY, VARY));
        if zipped {
            answer.insert_header((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        }
        wharf_trial::mutant!(LastChangeTold {
            let whole = site.read_index(entry, &wharf_domain::View::everything(), &name).await?;
            let whole = whole.map(|body| String::from_utf8_lossy(&body.plain.bytes).into_owned()).unwrap_or_default();
            let last = whole.rsplit("pubtime").next().unwrap_or_default().chars().filter(char::is_ascii_digit);
            answer.insert_header(("last-modified", last.collect::<String>()));
        });
        Ok(answer.insert_header((header::ETAG, etag.as_str())).content_type("text/plain").body(bytes.clone()))
    } else {
        Ok(HttpResponse::NotModified()
            .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
            .insert_header((header::VARY, VARY))
            .insert_header((header::ETAG, etag.as_str()))
            .finish())
    }
}

/// The registry, and what the request may see of it. Without a credential that is a public registry or nothing: whether a
/// private one exists is not said.
async fn reader(
    request: &HttpRequest,
    site: &Arc<Site>,
    org: &str,
    registry: &str,
) -> Result<(Arc<RegistryEntry>, Reader), PlainFault> {
    Reader::of(request, site, org, registry).await.map_err(|error| {
        let fault = PlainFault::from(error);
        match (Slug::parse(org), Slug::parse(registry)) {
            (Ok(org), Ok(registry)) => {
                wharf_trial::mutant!(LoginUrlFromHost {
                    return fault.challenge_cargo(&format!("http://{}/login", request.connection_info().host()));
                });
                fault.challenge_cargo(&site.addresses().me(&org, &registry))
            }
            _ => fault,
        }
    })
}

fn accepts_gzip(request: &HttpRequest) -> bool {
    request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|accepted| {
        accepted.split(',').any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            parts.next() == Some("gzip")
                && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    })
}

/// Whether the client lacks what these ETags stand for. Cargo repeats whichever of them it was given.
fn asks_for_other_than(request: &HttpRequest, etags: &[&String]) -> bool {
    let mut asked = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    !asked.any(|list| {
        list.split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == "*" || etags.iter().any(|etag| *etag == tag))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn encodings_and_validators() {
        for (accepted, expected) in
            [("gzip", true), ("deflate, gzip", true), ("gzip;q=0", false), ("identity", false), ("gzip;q=0.5", true)]
        {
            let request = TestRequest::default().insert_header((header::ACCEPT_ENCODING, accepted)).to_http_request();
            assert_eq!(accepts_gzip(&request), expected, "{accepted}");
        }
        let (plain, gzip) = ("\"aa\"".to_owned(), "\"bb\"".to_owned());
        for (asked, fresh) in [
            ("\"aa\"", false),
            ("W/\"bb\"", false),
            ("\"cc\", \"bb\"", false),
            ("*", false),
            ("\"cc\"", true),
            ("aa", true),
        ] {
            let request = TestRequest::default().insert_header((header::IF_NONE_MATCH, asked)).to_http_request();
            assert_eq!(asks_for_other_than(&request, &[&plain, &gzip]), fresh, "{asked}");
        }
    }
}
