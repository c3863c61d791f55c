//! The address of the client, for limits, audit and source address rules.
//!
//! `X-Forwarded-For` is what anybody cares to send. It counts only as far as proxies we trust wrote it: read from the
//! right, the first address that is not one of theirs is the client.

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use ipnet::IpNet;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The networks of our own proxies.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// Where a request came from; `None` when the connection has no address (a unix socket).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl TrustedProxies {
    /// Takes the networks from the configuration.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client behind `peer`.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // Several headers are one list, in the order of the headers.
        let values: Vec<&[u8]> = headers.get_all("x-forwarded-for").map(|value| value.as_bytes()).collect();
        for entry in values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
            if wharf_trial::mutant!(AnyProxyBelieved => false; !self.contain(client)) {
                break;
            }
            // What cannot be read was not written by our proxies: the last hop that is known stands for the client.
            let Some(address) = parse(entry) else { break };
            client = address;
        }
        client
    }
}

/// Reads `address`, `address:port` or `[address]:port`.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let address = entry.parse::<IpAddr>().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(address.to_canonical())
}

impl FromRequest for ClientAddress {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let none = TrustedProxies::default();
        let proxies = request.app_data::<TrustedProxies>().unwrap_or(&none);
        ready(Ok(Self(request.peer_addr().map(|peer| proxies.client(peer.ip(), request.headers())))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn the_rightmost_untrusted_address_is_the_client() {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for (peer, forwarded, client) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"), // a stranger's word counts nothing
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.2.3.4, 198.51.100.1"], "198.51.100.1"), // the client invented 1.2.3.4
            ("10.0.0.1", &["1.2.3.4, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
            ("10.0.0.1", &["1.2.3.4", "198.51.100.1", "10.9.9.9"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1:5555"], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::1]:5555"], "2001:db8::1"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("fd00::1", &["2001:db8::2"], "2001:db8::2"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(value));
            }
            let found = proxies.client(peer.parse().unwrap(), &headers);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }
}
