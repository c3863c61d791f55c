//! The path and the query of a ticket, each in exactly one spelling.
//!
//! What is signed and what is served must be the same thing to every party, so nothing is decoded, normalised or
//! skipped here: a text is either the one spelling or refused.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wharf_domain::OrgId;

use crate::error::TicketError;
use crate::key_ring::is_key_id;

/// Whose crate file a ticket opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tenant {
    /// An org's own.
    Org(OrgId),
    /// One that anyone may have: held for all orgs alike.
    Public,
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Org(org) => org.fmt(f),
            Self::Public => f.write_str("pub"),
        }
    }
}

/// The form of a ticket's address.
pub enum Ticket {}

impl Ticket {
    /// The path of the crate file with this digest.
    #[must_use]
    pub fn path(tenant: Tenant, sha256: [u8; 32]) -> String {
        format!("/v1/{tenant}/{}.crate", hex::encode(sha256))
    }

    /// Reads a path back. It proves nothing: only [`crate::verify`] does.
    pub fn parse_path(path: &str) -> Result<(Tenant, [u8; 32]), TicketError> {
        parse_path(path).ok_or(TicketError::Path)
    }
}

fn parse_path(path: &str) -> Option<(Tenant, [u8; 32])> {
    let (tenant, file) = path.strip_prefix("/v1/")?.split_once('/')?;
    let tenant = match tenant {
        "pub" => Tenant::Public,
        // A UUID has several spellings (braces, upper case, no hyphens); only the one we write is taken.
        _ => {
            let org: OrgId = tenant.parse().ok()?;
            (org.to_string() == tenant).then_some(Tenant::Org(org))?
        }
    };
    let digits = file.strip_suffix(".crate")?;
    if !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut sha256 = [0; 32];
    hex::decode_to_slice(digits, &mut sha256).ok()?;
    Some((tenant, sha256))
}

/// The parameters of a ticket.
pub(crate) struct Query<'a> {
    pub(crate) expiry: i64,
    pub(crate) kid: &'a str,
    pub(crate) key_id: &'a str,
    pub(crate) epoch: u32,
    pub(crate) tag: [u8; 32],
}

impl<'a> Query<'a> {
    /// Reads `e=…&k=…&s=…`: these three, once each, in this order, nothing else.
    pub(crate) fn parse(raw: &'a str) -> Result<Self, TicketError> {
        Self::read(raw).ok_or(TicketError::Query)
    }

    fn read(raw: &'a str) -> Option<Self> {
        let mut parts = raw.split('&');
        let expiry = parts.next()?.strip_prefix("e=")?;
        let kid = parts.next()?.strip_prefix("k=")?;
        let tag = parts.next()?.strip_prefix("s=")?;
        if parts.next().is_some() {
            return None;
        }
        let (key_id, epoch) = kid.split_once('-')?;
        if !is_key_id(key_id) {
            return None;
        }
        let (expiry, epoch) = (decimal(expiry)?.parse().ok()?, decimal(epoch)?.parse().ok()?);
        // The decoder refuses padding, foreign letters and stray bits in the last letter: one spelling per tag.
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?.try_into().ok()?;
        Some(Self { expiry, kid, key_id, epoch, tag })
    }
}

/// Digits without a sign or leading zeros.
fn decimal(text: &str) -> Option<&str> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then_some(text)
}

/// The host as it is signed, or nothing for a text that could carry a line break into the signed bytes.
pub(crate) fn signed_host(host: &str) -> Result<String, TicketError> {
    let fit = (1..=255).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'));
    if fit { Ok(host.to_ascii_lowercase()) } else { Err(TicketError::Host) }
}

/// The value of parameter `s`.
pub(crate) fn write_tag(tag: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(tag)
}
