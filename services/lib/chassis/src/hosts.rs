//! Which hosts a server answers for. A request that names another one is misdirected: it is refused with 421 before
//! anything of it is looked at, so that a page of somebody else's name cannot be made to speak to us (DNS rebinding), and
//! a shared connection is not used for a host that is not ours (RFC 9110, 15.5.20).
//!
//! Ports do not count: a proxy may pass the host without the one that clients use. Health is answered under any name,
//! because load balancers ask for it by address and it tells nothing of what is stored.

use crate::health;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderMap};
use actix_web::http::uri::{Authority, Uri};
use actix_web::{HttpResponse, ResponseError};
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;

/// A host name, or `*.` and a domain for all names right below it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostPattern(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Name(String),
    Below(String),
}

/// A text that names no host.
#[derive(Debug, thiserror::Error)]
#[error(
    "a host is written like `crates.example.com`, or `*.crates.example.com` for all right below it: lower case, no port"
)]
pub struct InvalidHost;

/// The hosts of one server; none are named when it answers for all.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Option<Arc<[HostPattern]>>);

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdirected {
    /// It names a host that is not ours.
    Foreign,
    /// It names no host, or several, or something that is none. Who would pick another one of them than a proxy before us
    /// did could be led past that proxy.
    Unclear,
}

impl HostPattern {
    /// Exactly this host.
    #[must_use]
    pub fn name(host: &str) -> Self {
        Self(Pattern::Name(host.to_owned()))
    }

    fn matches(&self, host: &str) -> bool {
        match &self.0 {
            Pattern::Name(own) => host.eq_ignore_ascii_case(own),
            Pattern::Below(domain) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain))
            }
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidHost;

    fn try_from(text: String) -> Result<Self, InvalidHost> {
        let (below, host) = text.strip_prefix("*.").map_or((false, text.as_str()), |domain| (true, domain));
        let bare =
            host.parse::<Authority>().is_ok_and(|authority| authority.host() == host && authority.port().is_none());
        if !bare || host.chars().any(|c| c.is_ascii_uppercase() || c == '*') || host.starts_with('.') {
            return Err(InvalidHost);
        }
        Ok(Self(if below { Pattern::Below(host.to_owned()) } else { Pattern::Name(host.to_owned()) }))
    }
}

impl Hosts {
    /// Answers for every host: for a server that only our own machines reach.
    #[must_use]
    pub fn any() -> Self {
        Self(None)
    }

    /// Answers for these.
    pub fn only(hosts: impl IntoIterator<Item = HostPattern>) -> Self {
        Self(Some(hosts.into_iter().collect()))
    }

    /// Judges a request by everything in it that names a host.
    pub(crate) fn check(&self, request: &ServiceRequest) -> Result<(), Misdirected> {
        match &self.0 {
            Some(ours) if !health::is_route(request.path()) => judge(ours, request.uri(), request.headers()),
            _ => Ok(()),
        }
    }
}

/// HTTP/2 and requests in absolute form name the host in the address, others in the header; whoever sends both means one.
fn judge(ours: &[HostPattern], uri: &Uri, headers: &HeaderMap) -> Result<(), Misdirected> {
    let mut named = headers.get_all(HOST);
    let header = named.next();
    if named.next().is_some() {
        return Err(Misdirected::Unclear);
    }
    let header = header
        .map(|value| std::str::from_utf8(value.as_bytes()).ok().and_then(|text| text.parse::<Authority>().ok()))
        .map(|authority| authority.filter(|authority| !authority.as_str().contains('@')).ok_or(Misdirected::Unclear))
        .transpose()?;
    let mut any = false;
    for authority in uri.authority().into_iter().chain(&header) {
        if !ours.iter().any(|pattern| pattern.matches(authority.host())) {
            return Err(Misdirected::Foreign);
        }
        any = true;
    }
    if any { Ok(()) } else { Err(Misdirected::Unclear) }
}

impl fmt::Display for Misdirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "this host is not served here; check the address, or the proxy that passed the request on",
            Self::Unclear => "a request names exactly one host",
        })
    }
}

impl ResponseError for Misdirected {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Foreign => StatusCode::MISDIRECTED_REQUEST,
            Self::Unclear => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).content_type("text/plain; charset=utf-8").body(format!("{self}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn hosts() -> Hosts {
        let pattern = |text: &str| HostPattern::try_from(text.to_owned()).unwrap();
        Hosts::only([HostPattern::name("wharf.example"), HostPattern::name("[::1]"), pattern("*.crates.example")])
    }

    fn asked(uri: &str, hosts_named: &[&str]) -> Result<(), Misdirected> {
        let mut request = TestRequest::with_uri(uri);
        for host in hosts_named {
            request = request.append_header((HOST, *host));
        }
        hosts().check(&request.to_srv_request())
    }

    #[test]
    fn ours_are_answered_whatever_the_port_and_the_case() {
        for host in ["wharf.example", "wharf.example:8080", "WHARF.Example", "[::1]:7001", "acme.crates.example"] {
            assert_eq!(asked("/x", &[host]), Ok(()), "{host}");
        }
        assert_eq!(asked("http://wharf.example/x", &[]), Ok(()));
        assert_eq!(asked("http://wharf.example/x", &["wharf.example"]), Ok(()));
        for anywhere in ["/healthz", "/readyz"] {
            assert_eq!(asked(anywhere, &["10.1.2.3:7001"]), Ok(()));
            assert_eq!(asked(anywhere, &[]), Ok(()));
        }
    }

    #[test]
    fn others_are_misdirected() {
        for host in [
            "evil.example",
            "127.0.0.1",
            "wharf.example.evil",
            "xwharf.example",
            "wharf.example.",
            "crates.example",
            "a.b.crates.example",
            "[::2]",
        ] {
            assert_eq!(asked("/x", &[host]), Err(Misdirected::Foreign), "{host}");
            assert_eq!(asked("/healthz/x", &[host]), Err(Misdirected::Foreign), "{host}");
        }
        assert_eq!(asked("http://evil.example/x", &["wharf.example"]), Err(Misdirected::Foreign));
        assert_eq!(asked("http://wharf.example/x", &["evil.example"]), Err(Misdirected::Foreign));
    }

    #[test]
    fn one_host_is_named() {
        assert_eq!(asked("/x", &[]), Err(Misdirected::Unclear));
        assert_eq!(asked("/x", &["wharf.example", "wharf.example"]), Err(Misdirected::Unclear));
        for none in ["", "wharf.example/x", "user@wharf.example", "wharf.example wharf.example"] {
            assert_eq!(asked("/x", &[none]), Err(Misdirected::Unclear), "{none:?}");
        }
    }

    #[test]
    fn patterns() {
        for bad in
            ["", "*", "*.", "Wharf.example", "wharf.example:80", "https://wharf.example", "a.*.b", "*.*.b", ".b", "a b"]
        {
            assert!(HostPattern::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
