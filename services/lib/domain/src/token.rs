//! Tokens: their kinds, their text form, and what is stored of them.
//!
//! Text form: `whf` + kind + `_` + body + check, 54 characters in all. The body is 32
//! random bytes in 43 base62 digits; the check is the CRC-32 of everything before it in 6 digits, so that a mistyped
//! token, or any other text, is refused without a look-up. Nothing in it needs escaping in a URL.
//!
//! Stored is an HMAC under a server-side pepper, never the token: a stolen database opens nothing.

use crate::{Entropy, Secret};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// What every token begins with.
pub const PREFIX: &str = "whf";

/// Length of a token's text, in bytes.
pub const TOKEN_LENGTH: usize = 54;

const BODY_LENGTH: usize = 43;
const CHECK_LENGTH: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A person's own key: whatever its scopes and the person's role allow.
    Personal,
    /// Publishes, and reads what it can publish.
    Upload,
    /// Reads.
    Download,
    /// Opens the view of one entitlement.
    Entitlement,
    /// Short-lived, for a CI run.
    Ci,
    /// A service account's key.
    Service,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Personal, Self::Upload, Self::Download, Self::Entitlement, Self::Ci, Self::Service];

    /// The letter that stands in the token.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Personal => 'a',
            Self::Upload => 'u',
            Self::Download => 'd',
            Self::Entitlement => 'e',
            Self::Ci => 't',
            Self::Service => 'k',
        }
    }

    /// The word used in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Entitlement => "entitlement",
            Self::Ci => "ci",
            Self::Service => "service",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A text that is not a token of ours. The text itself is not repeated: it may be someone's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token of this registry; check that it was copied whole")]
pub struct InvalidToken;

/// A well-formed token. Whether it opens anything is for the database to say.
#[derive(Clone, Debug)]
pub struct Token {
    kind: TokenKind,
    text: Secret,
}

impl Token {
    /// Makes a new token.
    pub fn generate(kind: TokenKind, entropy: &dyn Entropy) -> Self {
        let mut body = Zeroizing::new([0; 32]);
        entropy.fill(body.as_mut());
        Self { kind, text: Secret::new(write_text(kind.letter(), &body)) }
    }

    /// Reads a token; surrounding white space is ignored (some credential helpers add a line end).
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        let (letter, _) = take_apart(text).ok_or(InvalidToken)?;
        let kind = TokenKind::ALL.into_iter().find(|kind| kind.letter() == letter).ok_or(InvalidToken)?;
        Ok(Self { kind, text: Secret::new(text.to_owned()) })
    }

    /// What the token says it is for; the stored row must agree.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The token itself, to be shown once to its holder.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.text
    }

    /// The last four characters of the body, by which a holder recognises the token in a list.
    #[must_use]
    pub fn hint(&self) -> String {
        let end = TOKEN_LENGTH - CHECK_LENGTH;
        self.text.expose()[end - 4..end].to_owned()
    }
}

/// The text form of 32 bytes, for a letter that says what they are.
pub(crate) fn write_text(letter: char, body: &[u8; 32]) -> String {
    let mut text = format!("{PREFIX}{letter}_{}", base62::<BODY_LENGTH>(body));
    let check = check_digits(&text);
    text.push_str(&check);
    text
}

/// Letter and digits of a text form.
fn take_apart(text: &str) -> Option<(char, &str)> {
    let rest = text.strip_prefix(PREFIX).filter(|_| text.len() == TOKEN_LENGTH)?;
    let mut characters = rest.chars();
    let letter = characters.next()?;
    let digits = characters.as_str().strip_prefix('_')?;
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (head, check) = text.split_at(TOKEN_LENGTH - CHECK_LENGTH);
    if check_digits(head) != check {
        return None;
    }
    Some((letter, digits.strip_suffix(check)?))
}

/// Letter and bytes of a text form; `None` also when the digits write a number greater than 32 bytes hold.
pub(crate) fn read_text(text: &str) -> Option<(char, Zeroizing<[u8; 32]>)> {
    let (letter, digits) = take_apart(text)?;
    Some((letter, bytes_of(digits)?))
}

fn bytes_of(digits: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut number = Zeroizing::new([0_u8; 32]);
    for digit in digits.bytes() {
        let mut carry = DIGITS.iter().position(|known| *known == digit)?;
        for byte in number.iter_mut().rev() {
            let value = usize::from(*byte) * 62 + carry;
            *byte = u8::try_from(value & 0xFF).expect("masked to a byte");
            carry = value >> 8;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(number)
}

/// Big-endian bytes as a base62 number of exactly `N` digits.
fn base62<const N: usize>(bytes: &[u8]) -> String {
    let mut number = Zeroizing::new(bytes.to_vec());
    let mut digits = [DIGITS[0]; N];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in number.iter_mut() {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).expect("remainder < 62, so the quotient is below 256");
            remainder = value % 62;
        }
        *digit = DIGITS[remainder as usize];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

fn check_digits(text: &str) -> String {
    base62::<CHECK_LENGTH>(&crc32fast::hash(text.as_bytes()).to_be_bytes())
}

/// What is stored of a token, and what it is looked up by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

/// The version number of a pepper; stored beside each digest.
pub type PepperVersion = i16;

/// The server-side keys under which tokens are digested. The highest version signs; older ones still verify.
#[derive(Clone)]
pub struct Peppers(BTreeMap<PepperVersion, Zeroizing<[u8; 32]>>);

impl Peppers {
    /// One or more keys by version; `None` when there are none.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = (PepperVersion, [u8; 32])>) -> Option<Self> {
        let keys: BTreeMap<_, _> = keys.into_iter().map(|(version, key)| (version, Zeroizing::new(key))).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The digest under which a new token is stored.
    #[must_use]
    pub fn digest(&self, token: &Token) -> (PepperVersion, TokenDigest) {
        let (version, key) = self.0.last_key_value().expect("there is at least one pepper");
        (*version, keyed_digest(key, token))
    }

    /// The pepper under which new things are made.
    pub(crate) fn newest(&self) -> &[u8; 32] {
        self.0.last_key_value().expect("there is at least one pepper").1
    }

    /// Every pepper, newest first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.0.values().rev().map(|key| &**key)
    }

    /// Every digest under which a token may be stored, newest pepper first.
    pub fn digests(&self, token: &Token) -> impl Iterator<Item = TokenDigest> {
        self.0.values().rev().map(move |key| keyed_digest(key, token))
    }
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

fn keyed_digest(key: &[u8; 32], token: &Token) -> TokenDigest {
    wharf_trial::mutant!(TokenStoredUnhashed {
        return TokenDigest(std::array::from_fn(|at| token.secret().expose().as_bytes()[5 + at]));
    });
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(token.secret().expose().as_bytes());
    TokenDigest(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0.fetch_add(17, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn generated_tokens_parse_and_damaged_ones_do_not() {
        let entropy = Counting(0.into());
        for kind in TokenKind::ALL {
            let token = Token::generate(kind, &entropy);
            let text = token.secret().expose().to_owned();
            assert_eq!(text.len(), TOKEN_LENGTH);
            assert_eq!(Token::parse(&format!(" {text}\r\n")).unwrap().kind(), kind);
            for at in 0..text.len() {
                let mut damaged = text.clone().into_bytes();
                damaged[at] = if damaged[at] == b'x' { b'y' } else { b'x' };
                assert!(Token::parse(std::str::from_utf8(&damaged).unwrap()).is_err(), "position {at}");
            }
            assert!(Token::parse(&text[..53]).is_err());
            assert!(!format!("{token:?}").contains(&text[5..20]));
        }
    }

    #[test]
    fn base62_is_fixed_width_and_exact() {
        assert_eq!(base62::<3>(&[0]), "000");
        assert_eq!(base62::<3>(&[61]), "00z");
        assert_eq!(base62::<3>(&[62]), "010");
        assert_eq!(base62::<6>(&u32::MAX.to_be_bytes()), "4gfFC3");
        for bytes in [[0; 32], [0xFF; 32], std::array::from_fn(|i| 7 * i as u8)] {
            assert_eq!(*bytes_of(&base62::<BODY_LENGTH>(&bytes)).unwrap(), bytes);
        }
        assert!(bytes_of(&"z".repeat(BODY_LENGTH)).is_none(), "greater than any 32 bytes");
    }

    #[test]
    fn peppers_rotate() {
        let token = Token::generate(TokenKind::Personal, &Counting(3.into()));
        let old = Peppers::new([(1, [1; 32])]).unwrap();
        let both = Peppers::new([(1, [1; 32]), (2, [2; 32])]).unwrap();
        let (version, stored) = old.digest(&token);
        assert_eq!(version, 1);
        assert_eq!(both.digest(&token).0, 2);
        assert!(both.digests(&token).any(|digest| digest == stored));
        assert!(Peppers::new([]).is_none());
    }
}
