//! The last guard before a text is logged: takes out what looks like a secret, however it got there.

use std::borrow::Cow;

const GONE: &str = "[redacted]";
/// A credential behind a scheme word is at least this long; shorter words are prose.
const CREDENTIAL_MIN: usize = 8;

/// Takes tokens of ours, `Bearer …` and the like, passwords in URLs, and queries out of a text.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let suspicious = text.contains("whf")
        || text.contains('?')
        || text.contains("://")
        || ["earer", "asic", "oken", "EARER", "ASIC", "OKEN"].iter().any(|scheme| text.contains(scheme));
    if !suspicious {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut after_scheme = false;
    for piece in text.split_inclusive(is_boundary) {
        let (word, boundary) = match piece.char_indices().next_back() {
            Some((at, last)) if is_boundary(last) => piece.split_at(at),
            _ => (piece, ""),
        };
        if after_scheme && word.len() >= CREDENTIAL_MIN {
            clean.push_str(GONE);
        } else {
            clean.push_str(&redact_word(word));
        }
        clean.push_str(boundary);
        if !word.is_empty() {
            after_scheme = ["bearer", "basic", "token"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
        }
    }
    Cow::Owned(clean)
}

/// Takes tokens of ours out of a text that is shown to whoever sent it: what was pasted into the wrong field must not lie
/// in the logs of everything in between.
#[must_use]
pub fn redact_tokens(text: String) -> String {
    if !text.contains("whf") {
        return text;
    }
    let word = |piece: &str| {
        let end =
            piece.char_indices().next_back().filter(|(_, last)| is_boundary(*last)).map_or(piece.len(), |(at, _)| at);
        let (word, boundary) = piece.split_at(end);
        redact_token(word).map_or_else(|| piece.to_owned(), |clean| clean + boundary)
    };
    text.split_inclusive(is_boundary).map(word).collect()
}

fn is_boundary(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | ',' | ';')
}

/// A word without the token in it and what follows; nothing when there is none. Every place is looked at: the name of an org
/// before the token may begin like one.
fn redact_token(word: &str) -> Option<String> {
    let is_token = |rest: &str| {
        rest.as_bytes().get(4) == Some(&b'_') && rest.bytes().skip(5).take_while(u8::is_ascii_alphanumeric).count() > 4
    };
    let (at, _) = word.match_indices("whf").find(|(at, _)| is_token(&word[*at..]))?;
    Some(format!("{}{GONE}", &word[..at]))
}

fn redact_word(word: &str) -> Cow<'_, str> {
    if let Some(clean) = redact_token(word) {
        return Cow::Owned(clean);
    }
    let is_url = word.contains("://");
    let mut word = Cow::Borrowed(word);
    if (is_url || word.starts_with('/'))
        && let Some(at) = word.find('?')
    {
        word = Cow::Owned(format!("{}?{GONE}", &word[..at]));
    }
    if is_url
        && let Some((scheme, rest)) = word.split_once("://")
        && let Some((_, host)) = rest.rsplit_once('@')
    {
        word = Cow::Owned(format!("{scheme}://{GONE}@{host}"));
    }
    word
}

#[cfg(test)]
mod tests {
    use super::{redact, redact_tokens};

    #[test]
    fn secrets_go_and_prose_stays() {
        for (text, clean) in [
            ("read 3 rows from outbox", "read 3 rows from outbox"),
            ("is it up? yes", "is it up? yes"),
            ("a token was refused", "a token was refused"),
            ("token whfe_0123456789abcdef", "token [redacted]"),
            ("x=whfa_0123456789abcdef,y", "x=[redacted],y"),
            ("/whf-tools/x/legacy/whfl_0123456789abcdef/a/1.0.0/download", "/whf-tools/x/legacy/[redacted]"),
            ("whfa_x whf", "whfa_x whf"),
            ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer [redacted]"),
            ("BASIC dG9rZW46eHh4eHg= sent", "BASIC [redacted] sent"),
            ("GET /v1/a.crate?e=1&s=abc HTTP/1.1", "GET /v1/a.crate?[redacted] HTTP/1.1"),
            ("at https://h/p?code=x (2)", "at https://h/p?[redacted] (2)"),
            ("postgres://wharf:pa@ss@db:5432/w failed", "postgres://[redacted]@db:5432/w failed"),
            ("redis://h:6379/", "redis://h:6379/"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn a_fault_repeats_all_but_tokens() {
        let said =
            "unknown variant `whfa_0123456789abcdef`, expected `a`; see https://h/p?q=1, token abcdefghij".to_owned();
        let shown = "unknown variant `[redacted]`, expected `a`; see https://h/p?q=1, token abcdefghij";
        assert_eq!(redact_tokens(said), shown);
        assert_eq!(redact_tokens("whf and whfa_ are words".to_owned()), "whf and whfa_ are words");
    }
}
