//! Minting and verifying.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use wharf_domain::Timestamp;
use zeroize::Zeroizing;

use crate::address::{Query, Tenant, Ticket, signed_host, write_tag};
use crate::error::TicketError;
use crate::expiry::{expiry, is_over};
use crate::key_ring::{KEY_LEN, KeyRing};

/// What a valid ticket opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whose crate file.
    pub tenant: Tenant,
    /// Which crate file.
    pub sha256: [u8; 32],
}

/// Mints a ticket for the crate file with this digest: its path and query, to be put behind the base address.
///
/// `host` is what clients will send as `Host`: the host of the base address, with its port when that is not the usual
/// one. `epoch` is the present epoch of the org (0 for [`Tenant::Public`]). A ticket for a `host` that no client can send
/// opens nothing.
#[must_use]
pub fn mint(ring: &KeyRing, host: &str, tenant: Tenant, sha256: [u8; 32], epoch: u32, now: Timestamp) -> String {
    let path = Ticket::path(tenant, sha256);
    let expiry = expiry(&path, now);
    let key_id = ring.signing_id();
    let kid = format!("{key_id}-{epoch}");
    let key = ring.derive(key_id, &kid, tenant).expect("the ring was built with its signing key");
    let tag = tag(&key, &kid, &host.to_ascii_lowercase(), &path, expiry);
    format!("{path}?e={expiry}&k={kid}&s={}", write_tag(&tag))
}

/// Checks a request for a ticket's address and says what it opens.
///
/// `host` and `path` are taken as sent, `raw_query` is what follows the `?`. `least_epoch` gives the least epoch still
/// honoured for a tenant; it is asked only about tenants whose signature stands. A request with `HEAD` uses the ticket of
/// `GET`. The expiry is checked here, when a request begins: a transfer under way is not cut off.
pub fn verify(
    ring: &KeyRing,
    host: &str,
    path: &str,
    raw_query: &str,
    now: Timestamp,
    least_epoch: impl FnOnce(Tenant) -> u32,
) -> Result<Verified, TicketError> {
    let host = signed_host(host)?;
    let (tenant, sha256) = Ticket::parse_path(path)?;
    let query = Query::parse(raw_query)?;
    let key = ring.derive(query.key_id, query.kid, tenant).ok_or(TicketError::UnknownKey)?;
    let expected = tag(&key, query.kid, &host, path, query.expiry);
    let length = wharf_trial::mutant!(SignatureByPrefix => 4; expected.len());
    if !bool::from(expected[..length].ct_eq(&query.tag[..length])) {
        return Err(TicketError::Signature);
    }
    if wharf_trial::mutant!(TicketNeverEnds => false; is_over(query.expiry, now)) {
        return Err(TicketError::Expired);
    }
    if query.epoch < least_epoch(tenant) {
        return Err(TicketError::Withdrawn);
    }
    Ok(Verified { tenant, sha256 })
}

fn tag(key: &Zeroizing<[u8; KEY_LEN]>, kid: &str, host: &str, path: &str, expiry: i64) -> [u8; 32] {
    wharf_trial::mutant!(PathNotSigned { if !path.is_empty() { return tag(key, kid, host, "", expiry); } });
    let canonical = format!("whf-DL-1\n{kid}\nGET\n{host}\n{path}\n{expiry}");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length");
    mac.update(canonical.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the hmac and hashlib modules of Python's standard library, so that this crate does not only agree with
    /// itself.
    #[test]
    fn agrees_with_another_implementation() {
        let ring = KeyRing::new("a1", [("a1".to_owned(), std::array::from_fn(|i| i as u8))]).unwrap();
        let org = Tenant::Org("6f9619ff-8b86-4d01-b42d-00cf4fc964ff".parse().unwrap());
        let now = Timestamp::from_unix(1_900_000_000);
        let ticket = mint(&ring, "DL.Example.com", org, [0x5A; 32], 7, now);
        assert_eq!(ticket, KNOWN_ORG);
        let ticket = mint(&ring, "127.0.0.1:7003", Tenant::Public, [0x5A; 32], 0, now);
        assert_eq!(ticket, KNOWN_PUBLIC);
    }

    const KNOWN_ORG: &str = concat!(
        "/v1/6f9619ff-8b86-4d01-b42d-00cf4fc964ff/5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a.crate",
        "?e=1900000094&k=a1-7&s=_G52pxapapEC0UN30IWli-dkOFlH9qqjpZDg0JV4MiI"
    );
    const KNOWN_PUBLIC: &str = concat!(
        "/v1/pub/5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a.crate",
        "?e=1900000063&k=a1-0&s=AhlPuJu9UzyqVlEYsB1UpAHsE7VWK354PUDkKZ9Deuk"
    );
}
