//! How a person at each client gets to read why something was refused.
//!
//! | answer | libgit2 | git | gitoxide |
//! |---|---|---|---|
//! | a status with `text/plain` | only the number | `remote:` and the text | only the number |
//! | 200 and `ERR` in place of the refs | the text | the text | a parse error |
//!
//! So libgit2, which is what cargo uses unless told otherwise, gets the second when it asks for refs. A 401 stays a 401
//! for all: it is what makes them ask for a credential.

use super::{Asked, fresh};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use wharf_chassis::faces::PlainFault;
use wharf_domain::Slug;
use wharf_git_wire::advertisement::ADVERTISEMENT_TYPE;
use wharf_git_wire::pkt_line::{FLUSH, error_answer};
use wharf_registry::{Error, Kind, Site};

/// The answer that tells a client's user what went wrong.
pub(super) fn of(
    error: Error,
    asked: Asked,
    request: &HttpRequest,
    site: &Site,
    org: &str,
    registry: &str,
) -> Result<HttpResponse, PlainFault> {
    let kind = error.kind();
    let fault = PlainFault::from(error);
    match kind {
        Kind::Unauthenticated => Err(match (Slug::parse(org), Slug::parse(registry)) {
            (Ok(org), Ok(registry)) => fault.challenge_basic().challenge_cargo(&site.addresses().me(&org, &registry)),
            _ => fault.challenge_basic(),
        }),
        // What is our fault keeps its status, and with it its line in the log.
        Kind::Internal | Kind::Unavailable => Err(fault),
        _ if asked == Asked::Refs && is_libgit2(request) => {
            let body = [b"001e# service=git-upload-pack\n", &FLUSH[..], &error_answer(&fault.text())].concat();
            Ok(fresh(ADVERTISEMENT_TYPE).body(body))
        }
        _ => Err(fault),
    }
}

fn is_libgit2(request: &HttpRequest) -> bool {
    let agent = request.headers().get(header::USER_AGENT);
    agent.and_then(|agent| agent.to_str().ok()).is_some_and(|agent| agent.contains("libgit2"))
}
