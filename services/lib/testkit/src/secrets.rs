//! Searches what a program leaves behind for secrets, in every spelling in which one could lie there.
//!
//! A [`Vault`] holds the secrets of a run. [`watch`] begins to keep every request and answer of the process' clients, so
//! that credentials are collected by being used, and no test has to remember them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Mutex;

/// What passed between a client of the tests and a server.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The address asked.
    pub url: String,
    /// Every header sent, `authorization` included.
    pub sent: Vec<(String, String)>,
    /// The status answered.
    pub status: u16,
    /// Every header answered.
    pub headers: Vec<(String, String)>,
    /// The body answered.
    pub body: Vec<u8>,
}

static WATCHED: Mutex<Option<Vec<Exchange>>> = Mutex::new(None);

/// Keeps every exchange of this process from now on.
pub fn watch() {
    WATCHED.lock().unwrap().get_or_insert_default();
}

/// What was kept of exchanges with this address.
#[must_use]
pub fn exchanges_with(base: &str) -> Vec<Exchange> {
    let watched = WATCHED.lock().unwrap();
    watched.iter().flatten().filter(|exchange| exchange.url.starts_with(base)).cloned().collect()
}

/// Keeps an exchange, if somebody watches.
pub(crate) fn note(exchange: impl FnOnce() -> Exchange) {
    if let Some(watched) = WATCHED.lock().unwrap().as_mut() {
        watched.push(exchange());
    }
}

/// The shortest piece that is looked for: what is shorter occurs by chance.
const SHORTEST: usize = 8;

#[derive(Debug)]
struct Needle {
    bytes: Vec<u8>,
    what: String,
}

/// The secrets of a run, ready to be looked for.
#[derive(Debug, Default)]
pub struct Vault {
    /// Needles by their first bytes.
    needles: HashMap<[u8; SHORTEST], Vec<Needle>>,
    kept: usize,
}

impl Vault {
    /// Keeps a secret in all its spellings.
    ///
    /// # Panics
    ///
    /// When it is too short to be told from chance.
    pub fn keep(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= SHORTEST, "{name} is too short to be looked for");
        self.kept += 1;
        for (spelling, bytes) in spellings(secret) {
            let Some(first) = bytes.first_chunk().copied() else { continue };
            let same = self.needles.entry(first).or_default();
            if same.iter().all(|needle| needle.bytes != bytes) {
                same.push(Needle { bytes, what: format!("{name}, {spelling}") });
            }
        }
    }

    /// How many secrets were kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept == 0
    }

    /// The first secret in these bytes: which, how spelled, and what stands around it.
    #[must_use]
    pub fn find(&self, haystack: &[u8]) -> Option<String> {
        for at in 0..haystack.len().saturating_sub(SHORTEST - 1) {
            let first: &[u8; SHORTEST] = haystack[at..].first_chunk().unwrap();
            let Some(same) = self.needles.get(first) else { continue };
            if let Some(needle) = same.iter().find(|needle| haystack[at..].starts_with(&needle.bytes)) {
                let around = &haystack[at.saturating_sub(60)..(at + needle.bytes.len() + 20).min(haystack.len())];
                return Some(format!("{}: …{}…", needle.what, String::from_utf8_lossy(around)));
            }
        }
        None
    }
}

/// Every form in which a secret could lie somewhere.
fn spellings(secret: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("in clear".to_owned(), secret.as_bytes().to_vec())];
    // The random part of a token is the secret; the rest is form.
    if let Some((_, body)) = secret.split_once('_').filter(|_| secret.starts_with("whf")) {
        all.push(("without its prefix".to_owned(), body.as_bytes().to_vec()));
    }
    all.push(("in hexadecimal".to_owned(), hex::encode(secret).into_bytes()));
    all.push(("in hexadecimal".to_owned(), hex::encode_upper(secret).into_bytes()));
    let mut encoded = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    all.push(("as in a URL".to_owned(), encoded.into_bytes()));
    let json = serde_json::Value::from(secret).to_string();
    all.push(("as in JSON".to_owned(), json.trim_matches('"').as_bytes().to_vec()));
    // Base64 spells a text in three ways, by where in the encoded bytes it begins; what its neighbours share is left out.
    for offset in 0..3 {
        let padded = [vec![0; offset], secret.as_bytes().to_vec()].concat();
        let (start, end) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
        for (alphabet, text) in [("", STANDARD_NO_PAD.encode(&padded)), (" for URLs", URL_SAFE_NO_PAD.encode(&padded))]
        {
            all.push((format!("in base64{alphabet}"), text.as_bytes()[start..end].to_vec()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_spelling_and_nothing_else_is() {
        let secret = "whfe_0123/456+789abcdefgh ij\"k";
        let mut vault = Vault::default();
        vault.keep("the token", secret);
        for hidden in [
            secret.to_owned(),
            secret[5..].to_owned(),
            hex::encode(secret),
            hex::encode_upper(secret),
            "whfe_0123%2F456%2B789abcdefgh%20ij%22k".to_owned(),
            serde_json::json!({ "a": secret }).to_string(),
            STANDARD_NO_PAD.encode(format!("token:{secret}")),
            URL_SAFE_NO_PAD.encode(format!("a:{secret} and more")),
            STANDARD_NO_PAD.encode(format!("{secret}!")),
        ] {
            let found = vault.find(format!("before {hidden} after").as_bytes());
            assert!(found.as_ref().is_some_and(|what| what.starts_with("the token, ")), "{hidden}: {found:?}");
        }
        assert_eq!(vault.find(b"whfe_0123 and 789abcdefgh"), None);
        assert_eq!((vault.find(b""), vault.find(b"short"), vault.len()), (None, None, 1));
    }
}
