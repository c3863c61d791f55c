//! The credential that stands in download addresses for cargo before 1.74, which never authenticates downloads.
//!
//! It has the text form of a token, with the letter `l`, and is none: no `Authorization` header that holds it is
//! accepted. Its 32 bytes are the id of the token it was made for, and 16 bytes of an HMAC over org, registry and that id,
//! under a key derived from the pepper. So it is stored nowhere, every process makes the same, and it lives and ends with
//! that token: what it opens is looked up at each use, and rotating a secret makes a new token with another id.

use crate::token::{Peppers, read_text, write_text};
use crate::{OrgId, RegistryId, Secret, TokenId};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The letter that stands in the place of a kind.
const LETTER: char = 'l';
const PURPOSE: &[u8] = b"wharf legacy download 1";
const TAG_LENGTH: usize = 16;

impl Peppers {
    /// The credential with which whoever holds `token` downloads from one registry.
    #[must_use]
    pub fn legacy_credential(&self, org: OrgId, registry: RegistryId, token: TokenId) -> Secret {
        let tag = mac(self.newest(), org, registry, token).finalize().into_bytes();
        let mut body = [0; 32];
        body[..16].copy_from_slice(token.0.as_bytes());
        body[16..].copy_from_slice(&tag[..TAG_LENGTH]);
        Secret::new(write_text(LETTER, &body))
    }

    /// The token that a credential was made for, if it was made here and for this registry. Whether that token opens
    /// anything (any more) is for the database to say.
    #[must_use]
    pub fn read_legacy_credential(&self, org: OrgId, registry: RegistryId, text: &str) -> Option<TokenId> {
        let (LETTER, body) = read_text(text)? else { return None };
        let token = TokenId(Uuid::from_slice(&body[..16]).expect("16 bytes are an id"));
        self.keys()
            .any(|pepper| mac(pepper, org, registry, token).verify_truncated_left(&body[16..]).is_ok())
            .then_some(token)
    }
}

/// Ids are of one length each, so that no two triples give the same text.
fn mac(pepper: &[u8; 32], org: OrgId, registry: RegistryId, token: TokenId) -> Hmac<Sha256> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, pepper)
        .expand(PURPOSE, key.as_mut_slice())
        .expect("32 bytes are within what HKDF-SHA256 gives");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length");
    for id in [org.0, registry.0, token.0] {
        mac.update(id.as_bytes());
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Token;

    fn ids(org: u128, registry: u128, token: u128) -> (OrgId, RegistryId, TokenId) {
        let id = |kind: u128, number: u128| Uuid::from_u128((kind << 120) | number);
        (OrgId(id(0xA, org)), RegistryId(id(0xB, registry)), TokenId(id(0xC, token)))
    }

    #[test]
    fn it_opens_the_one_registry_it_was_made_for() {
        let peppers = Peppers::new([(1, [7; 32])]).unwrap();
        let (org, registry, token) = ids(1, 2, 3);
        let made = peppers.legacy_credential(org, registry, token);
        let text = made.expose();
        assert_eq!(text, peppers.legacy_credential(org, registry, token).expose(), "the same everywhere");
        assert_eq!(peppers.read_legacy_credential(org, registry, text), Some(token));
        let (other_org, other_registry, other_token) = ids(4, 5, 6);
        assert_eq!(peppers.read_legacy_credential(other_org, registry, text), None);
        assert_eq!(peppers.read_legacy_credential(org, other_registry, text), None);
        for (org, registry, token) in
            [(other_org, registry, token), (org, other_registry, token), (org, registry, other_token)]
        {
            assert_ne!(peppers.legacy_credential(org, registry, token).expose(), text);
        }
        assert!(Token::parse(text).is_err(), "no token: it must not pass where tokens do");
        assert!(!format!("{made:?}").contains(&text[5..]));
    }

    #[test]
    fn nothing_else_opens_anything() {
        let peppers = Peppers::new([(1, [7; 32])]).unwrap();
        let (org, registry, token) = ids(1, 2, 3);
        let text = peppers.legacy_credential(org, registry, token).expose().to_owned();
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = if damaged[at] == b'x' { b'y' } else { b'x' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert_eq!(peppers.read_legacy_credential(org, registry, &damaged), None, "position {at}");
        }
        // Well-formed, and made by somebody who lacks the pepper: every tag and every id.
        let (letter, body) = read_text(&text).unwrap();
        for bit in 0..256 {
            let mut forged = *body;
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = write_text(letter, &forged);
            assert_eq!(peppers.read_legacy_credential(org, registry, &forged), None, "bit {bit}");
        }
        for other in ["", "whfl_", " ", &format!(" {text}"), &format!("{text} "), &write_text('d', &body)] {
            assert_eq!(peppers.read_legacy_credential(org, registry, other), None, "{other:?}");
        }
    }

    #[test]
    fn it_holds_as_long_as_its_pepper() {
        let (org, registry, token) = ids(1, 2, 3);
        let old = Peppers::new([(1, [1; 32])]).unwrap();
        let both = Peppers::new([(1, [1; 32]), (2, [2; 32])]).unwrap();
        let new = Peppers::new([(2, [2; 32])]).unwrap();
        let text = old.legacy_credential(org, registry, token).expose().to_owned();
        assert_eq!(both.read_legacy_credential(org, registry, &text), Some(token));
        assert_eq!(new.read_legacy_credential(org, registry, &text), None);
        assert_eq!(
            both.legacy_credential(org, registry, token).expose(),
            new.legacy_credential(org, registry, token).expose()
        );
    }

    /// Made with the hmac and hashlib modules of Python's standard library.
    #[test]
    fn agrees_with_another_implementation() {
        let peppers = Peppers::new([(1, std::array::from_fn(|i| i as u8))]).unwrap();
        let (org, registry, token) = ids(1, 2, 3);
        assert_eq!(peppers.legacy_credential(org, registry, token).expose(), KNOWN);
    }

    const KNOWN: &str = "whfl_2qQMuRw1RQL11S6qyO4QrMB4AaZR2RHmCG5p7CD2BaH3mkAbs";
}
