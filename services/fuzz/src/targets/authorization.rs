use super::assert_presentable;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::LazyLock;
use wharf_domain::credential::{self, CredentialError, HEADER_MAX};
use wharf_domain::{Entropy, Token, TokenKind};

pub(super) const WORDS: &[&str] =
    &["$T", "$B", "Bearer ", "Token ", "Basic ", "token:", ":x-oauth-basic", "whf", "access_token=", "%77hf", "&"];

struct Constant;
impl Entropy for Constant {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0x5a);
    }
}

static TOKEN: LazyLock<String> =
    LazyLock::new(|| Token::generate(TokenKind::Download, &Constant).secret().expose().to_owned());

/// Lines are header values. `$T` stands for a sound token, and what follows a `$B` is written in base64.
pub(super) fn check(bytes: &[u8]) {
    let values: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(expand).collect();
    let token = TOKEN.as_str();
    match credential::read(values.iter().map(Vec::as_slice)) {
        Err(error) => {
            let said = error.to_string();
            assert_presentable(&said);
            assert!(!said.contains(token), "a refusal repeats the token");
            assert_eq!(error == CredentialError::Several, values.len() > 1);
        }
        Ok(None) => panic!("a header without a credential is not the same as no header"),
        Ok(Some(read)) => {
            assert!(values.len() == 1 && values[0].len() <= HEADER_MAX);
            // No text but the one that was put in can have the form of a token by chance.
            assert_eq!(read.secret().expose(), token);
            assert!(!format!("{read:?}").contains(token));
            let value = std::str::from_utf8(&values[0]).expect("an accepted header is text");
            assert!(is_a_known_form(value.trim(), token), "{value:?} was accepted");
            assert_eq!(credential::read(std::iter::once(token.as_bytes())).unwrap().unwrap().kind(), read.kind());
        }
    }
    if let Some(query) = values.first().and_then(|value| std::str::from_utf8(value).ok()) {
        let refused = credential::check_query(query) == Err(CredentialError::InQuery);
        // A value that is the token and nothing else is found wherever it stands.
        let holds = query.split('&').any(|pair| pair.split_once('=').is_some_and(|(_, value)| value == token));
        assert!(refused || !holds, "a token in the query was let through");
    }
}

fn expand(line: &[u8]) -> Vec<u8> {
    let replaced = |part: &[u8]| {
        let text: Vec<u8> = part.to_vec();
        let mut out = Vec::new();
        let mut rest = &text[..];
        while let Some(at) = rest.windows(2).position(|two| two == b"$T") {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(TOKEN.as_bytes());
            rest = &rest[at + 2..];
        }
        out.extend_from_slice(rest);
        out
    };
    match line.windows(2).position(|two| two == b"$B") {
        Some(at) => [replaced(&line[..at]), STANDARD.encode(replaced(&line[at + 2..])).into_bytes()].concat(),
        None => replaced(line),
    }
}

/// The forms of the documentation, written out.
fn is_a_known_form(value: &str, token: &str) -> bool {
    let is_token = |text: &str| text.trim() == token;
    let Some((scheme, rest)) = value.split_once(' ') else { return is_token(value) };
    match scheme.to_lowercase().as_str() {
        "bearer" | "token" => is_token(rest),
        "basic" => {
            let rest = rest.trim();
            let decoded = STANDARD.decode(rest).expect("accepted base64 decodes");
            assert_eq!(STANDARD.encode(&decoded), rest, "a second spelling in base64");
            let pair = String::from_utf8(decoded).expect("accepted pairs are text");
            let (user, password) = pair.split_once(':').expect("an accepted pair has a colon");
            is_token(password) || (is_token(user) && ["", "x-oauth-basic"].contains(&password))
        }
        _ => false,
    }
}
