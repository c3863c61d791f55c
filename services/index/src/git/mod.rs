//! The git index over smart HTTP, at the address of the sparse index without `sparse+`.
//!
//! Everything is decided when the refs are asked for, since that is where clients show people a reason; the request for a
//! pack is judged once more, by itself. Formats: gitprotocol-http, gitprotocol-v2. What the clients make of each answer
//! stands in [`refusal`].

mod body;
mod refusal;
mod stream;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use std::sync::Arc;
use wharf_chassis::faces::PlainFault;
use wharf_chassis::reader::Reader;
use wharf_git_wire::advertisement::{ADVERTISEMENT_TYPE, REQUEST_TYPE, RESULT_TYPE};
use wharf_git_wire::pkt_line::error_answer;
use wharf_git_wire::{Command, Fetch, Limits, Protocol, RequestError, advertisement, command, refs, upload_request};
use wharf_registry::git_index::{GitAnswer, GitVisitor, git_reader};
use wharf_registry::{Error, Kind, Site};

const GIT_PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");
/// As git's own server has it, and for the caller alone.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache, max-age=0, must-revalidate");
const EXPIRES: HeaderValue = HeaderValue::from_static("Fri, 01 Jan 1980 00:00:00 GMT");
const PRAGMA: HeaderValue = HeaderValue::from_static("no-cache");

const PUSHED: &str = "nothing can be pushed to an index: publish with `cargo publish`, yank with `cargo yank`";
const DUMB: &str = "this index is served by git's smart HTTP protocol only: use git 1.6.6 or newer, or cargo";

/// What git asks of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The refs.
    Refs,
    /// A pack, or the refs in the words of v2.
    UploadPack,
    /// To take something.
    Push,
    /// Files of a repository that is not there.
    Dumb,
}

impl Asked {
    /// What a request asks, if it is git's.
    pub(crate) fn of(request: &HttpRequest, path: &str) -> Option<Asked> {
        match (request.method(), path) {
            (&Method::GET | &Method::HEAD, "info/refs") => {
                let service = request.query_string().split('&').find_map(|pair| pair.strip_prefix("service="));
                Some(match service {
                    Some("git-upload-pack") => Asked::Refs,
                    Some("git-receive-pack") => Asked::Push,
                    _ => Asked::Dumb,
                })
            }
            (&Method::POST, "git-upload-pack") => Some(Asked::UploadPack),
            (&Method::POST, "git-receive-pack") => Some(Asked::Push),
            (&Method::GET | &Method::HEAD, "HEAD") => Some(Asked::Dumb),
            (&Method::GET | &Method::HEAD, path) if path.starts_with("objects/") => Some(Asked::Dumb),
            _ => None,
        }
    }
}

/// Answers what git asks.
pub(crate) async fn answer(
    asked: Asked,
    request: &HttpRequest,
    mut body: Payload,
    site: &Arc<Site>,
    org: &str,
    registry: &str,
) -> Result<HttpResponse, PlainFault> {
    let done = match asked {
        // Said of any address, so that it says nothing of this one.
        Asked::Push => Err(Error::forbidden(PUSHED)),
        Asked::Dumb => Err(Error::forbidden(DUMB)),
        Asked::Refs => offer(request, site, org, registry).await,
        Asked::UploadPack => upload_pack(request, &mut body, site, org, registry).await,
    };
    match done {
        Ok(answer) => Ok(answer),
        Err(error) => {
            // A refusal while the client still sends would reset the connection, and nobody would read the reason.
            body::drain(&mut body).await;
            refusal::of(error, asked, request, site, org, registry)
        }
    }
}

/// Who asks, and what they may see.
async fn visitor(request: &HttpRequest, site: &Arc<Site>, org: &str, registry: &str) -> Result<GitVisitor, Error> {
    let (entry, reader) = Reader::of(request, site, org, registry).await?;
    let principal = reader.bearer.as_deref().map(|bearer| bearer.principal());
    let git_reader = git_reader(&entry, principal)?;
    let config = site.git_config(&entry, principal).into();
    Ok(GitVisitor { entry, reader: git_reader, view: reader.view, config })
}

fn protocol(request: &HttpRequest) -> Protocol {
    Protocol::of_header(request.headers().get(GIT_PROTOCOL).and_then(|value| value.to_str().ok()))
}

/// `GET info/refs?service=git-upload-pack`. With v2 no commit is named here, but whatever could fail later fails now.
async fn offer(request: &HttpRequest, site: &Arc<Site>, org: &str, registry: &str) -> Result<HttpResponse, Error> {
    let visitor = visitor(request, site, org, registry).await?;
    let commit = site.offer_git_head(&visitor).await?;
    Ok(fresh(ADVERTISEMENT_TYPE).body(advertisement(protocol(request), commit)))
}

/// `POST git-upload-pack`.
async fn upload_pack(
    request: &HttpRequest,
    body: &mut Payload,
    site: &Arc<Site>,
    org: &str,
    registry: &str,
) -> Result<HttpResponse, Error> {
    let visitor = visitor(request, site, org, registry).await?;
    if request.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes() != REQUEST_TYPE.as_bytes()) {
        return Err(Error::invalid("content_type", format!("send the request as Content-Type: {REQUEST_TYPE}")));
    }
    let limits = Limits::default();
    let asked = body::read(request.headers(), body, limits.body_bytes).await?;
    let command = match protocol(request) {
        Protocol::V0 => upload_request::parse(&asked, &limits).map(Command::Fetch),
        Protocol::V2 => command::parse(&asked, &limits),
    };
    drop(asked);
    match command {
        Ok(Command::Empty) => Ok(result().finish()),
        Ok(Command::LsRefs(asked)) => {
            let commit = site.offer_git_head(&visitor).await?;
            Ok(result().body(refs(&asked, commit)))
        }
        Ok(Command::Fetch(asked)) => fetch(site, &visitor, &asked).await,
        Err(error) => misunderstood(error),
    }
}

async fn fetch(site: &Arc<Site>, visitor: &GitVisitor, asked: &Fetch) -> Result<HttpResponse, Error> {
    Ok(match site.fetch_git(visitor, asked).await? {
        GitAnswer::NotOurs(id) => result().body(error_answer(&format!("upload-pack: not our ref {id}"))),
        GitAnswer::Packed(head, None) => result().body(head),
        GitAnswer::Packed(head, Some(pack)) => result().streaming(stream::Sending::new(head, pack)),
    })
}

/// A request that is not answered. What an honest client of tomorrow could send is told in git's own words, which it
/// shows to people; the rest is a broken request like any other.
fn misunderstood(error: RequestError) -> Result<HttpResponse, Error> {
    match error {
        RequestError::Command | RequestError::ObjectFormat | RequestError::Wants | RequestError::Haves => {
            Ok(result().body(error_answer(&format!("upload-pack: {error}"))))
        }
        RequestError::Body => Err(Error::new(Kind::TooLarge, "git_request_too_large", error.to_string())),
        RequestError::Packet(_) | RequestError::Lines | RequestError::Id | RequestError::Unexpected => {
            Err(Error::invalid("git_request_invalid", error.to_string()))
        }
    }
}

fn result() -> HttpResponseBuilder {
    fresh(RESULT_TYPE)
}

/// An answer that nobody keeps. libgit2 compares the type to the letter: nothing may follow it.
fn fresh(kind: &'static str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
        .insert_header((header::EXPIRES, EXPIRES))
        .insert_header((header::PRAGMA, PRAGMA))
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(kind)));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn gits_own_paths_are_told_from_files() {
        for (method, path, query, asked) in [
            (Method::GET, "info/refs", "service=git-upload-pack", Some(Asked::Refs)),
            (Method::HEAD, "info/refs", "a=b&service=git-upload-pack", Some(Asked::Refs)),
            (Method::GET, "info/refs", "service=git-receive-pack", Some(Asked::Push)),
            (Method::GET, "info/refs", "", Some(Asked::Dumb)),
            (Method::GET, "info/refs", "service=git-upload-packs", Some(Asked::Dumb)),
            (Method::POST, "git-upload-pack", "", Some(Asked::UploadPack)),
            (Method::POST, "git-receive-pack", "", Some(Asked::Push)),
            (Method::GET, "HEAD", "", Some(Asked::Dumb)),
            (Method::GET, "objects/info/packs", "", Some(Asked::Dumb)),
            (Method::GET, "git-upload-pack", "", None),
            (Method::POST, "info/refs", "service=git-upload-pack", None),
            (Method::GET, "config.json", "", None),
            (Method::GET, "in/fo/info", "", None),
        ] {
            let request =
                TestRequest::with_uri(&format!("/a/b/{path}?{query}")).method(method.clone()).to_http_request();
            assert_eq!(Asked::of(&request, path), asked, "{method} {path}?{query}");
        }
    }
}
