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

fn is_boundary(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | ',' | ';')
}

fn redact_word(word: &str) -> Cow<'_, str> {
    // Every place is looked at: the name of an org before the token may begin like one.
    for (at, _) in word.match_indices("whf") {
        let behind = word[at..].bytes().skip(4);
        if word.as_bytes().get(at + 4) == Some(&b'_')
            && behind.skip(1).take_while(u8::is_ascii_alphanumeric).count() > 4
        {
            return Cow::Owned(format!("{}{GONE}", &word[..at]));
        }
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
    use super::redact;

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
}
