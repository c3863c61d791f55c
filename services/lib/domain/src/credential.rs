//! Reads the credential out of the `Authorization` header, in every form cargo, git and people send.
//!
//! Accepted: the bare token (what cargo sends), `Token <token>`, `Bearer <token>`, and `Basic` with the token as
//! password and any user name, or as user name with an empty password or `x-oauth-basic` (what git tools send).

use crate::Token;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Longest `Authorization` header, in bytes.
pub const HEADER_MAX: usize = 1024;

/// Why a request's credential was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// More than one `Authorization` header: servers disagree about which counts.
    #[error("send one Authorization header, not several")]
    Several,
    /// Longer than [`HEADER_MAX`].
    #[error("the Authorization header is longer than {HEADER_MAX} bytes")]
    TooLong,
    /// A token in the query, where proxies and logs keep it.
    #[error("a token must never stand in an address: send it in the Authorization header, and replace this one")]
    InQuery,
    /// A header that holds no token of ours.
    #[error("this is not a token of this registry; check that it was copied whole")]
    Unreadable,
}

/// Reads the credential of a request from all its `Authorization` header values; `None` when there is none.
pub fn read<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<Token>, CredentialError> {
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(CredentialError::Several);
    }
    if value.len() > HEADER_MAX {
        return Err(CredentialError::TooLong);
    }
    let text = std::str::from_utf8(value).map_err(|_| CredentialError::Unreadable)?.trim();
    let Some((scheme, rest)) = text.split_once(' ') else {
        return parse(text).map(Some);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "token" | "bearer" => parse(rest).map(Some),
        "basic" => basic(rest.trim()).map(Some),
        _ => Err(CredentialError::Unreadable),
    }
}

/// Refuses a query that carries a credential, by its value or by the name of its parameter.
pub fn check_query(query: &str) -> Result<(), CredentialError> {
    wharf_trial::mutant!(TokenInQueryAccepted { return Ok(()); });
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let named = ["token", "access_token", "authorization", "private_token"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        if named || Token::parse(&value).is_ok() {
            return Err(CredentialError::InQuery);
        }
    }
    Ok(())
}

fn parse(text: &str) -> Result<Token, CredentialError> {
    Token::parse(text).map_err(|_| CredentialError::Unreadable)
}

fn basic(encoded: &str) -> Result<Token, CredentialError> {
    let decoded = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| CredentialError::Unreadable)?);
    let pair = std::str::from_utf8(&decoded).map_err(|_| CredentialError::Unreadable)?;
    let (user, password) = pair.split_once(':').ok_or(CredentialError::Unreadable)?;
    parse(if password.is_empty() || password == "x-oauth-basic" { user } else { password })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entropy, TokenKind};

    struct Sevens;
    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn read_one(value: &str) -> Result<Option<Token>, CredentialError> {
        read(std::iter::once(value.as_bytes()))
    }

    #[test]
    fn every_accepted_form() {
        let token = Token::generate(TokenKind::Entitlement, &Sevens);
        let text = token.secret().expose();
        let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
        for form in [
            text.to_owned(),
            format!("{text}\r"),
            format!("Token {text}"),
            format!("bearer {text}"),
            format!("BEARER  {text}"),
            basic(format!("token:{text}")),
            basic(format!("anyone:{text}")),
            basic(format!(":{text}")),
            basic(format!("{text}:")),
            basic(format!("{text}:x-oauth-basic")),
        ] {
            let read = read_one(&form).unwrap().unwrap();
            assert_eq!(read.secret().expose(), text, "{form}");
        }
        assert!(read(std::iter::empty()).unwrap().is_none());
    }

    #[test]
    fn everything_else_is_refused() {
        let token = Token::generate(TokenKind::Personal, &Sevens);
        let text = token.secret().expose();
        for form in ["", "Bearer", "Bearer ", "Digest x", "Basic", "Basic !!", "Basic Og==", "nonsense"] {
            assert_eq!(read_one(form).unwrap_err(), CredentialError::Unreadable, "{form}");
        }
        assert_eq!(read_one(&"x".repeat(1025)).unwrap_err(), CredentialError::TooLong);
        let twice = [text.as_bytes(), text.as_bytes()];
        assert_eq!(read(twice.into_iter()).unwrap_err(), CredentialError::Several);
        assert_eq!(check_query(&format!("q=serde&x={text}")).unwrap_err(), CredentialError::InQuery);
        assert_eq!(check_query("Token=abc").unwrap_err(), CredentialError::InQuery);
        assert!(check_query("q=token&per_page=10").is_ok());
        assert!(check_query("").is_ok());
    }
}
