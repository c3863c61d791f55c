//! What an observer could tell two answers apart by: everything in them, but for what tells nothing.

use std::fmt;
use wharf_testkit::Answer;

/// An answer, ready to be compared with another.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// An answer with names in it replaced, as whoever asked for another name would read it. Left out are the date, the
    /// request id wherever it is repeated, and, for a request with a body, whether the connection ends: the server ends
    /// it when it refuses before the body has arrived, which is a race between packets of the client's own.
    pub(crate) fn of(answer: &Answer, with_body: bool, renamed: &[(String, &str)]) -> Self {
        let (status, headers, body) = answer.observed();
        let headers = headers
            .into_iter()
            .filter(|(name, _)| !(with_body && name == "connection"))
            .map(|(name, value)| (name, String::from_utf8(rename(value.into_bytes(), renamed)).unwrap()))
            .collect();
        let id = answer.header("x-request-id");
        let body = if id.is_empty() { body } else { replace(body, id, "[request]") };
        Self { status, headers, body: rename(body, renamed) }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            write!(f, "\n  {name}: {value}")?;
        }
        write!(f, "\n  {}", String::from_utf8_lossy(&self.body))
    }
}

/// Replaces each name, and its upper-case form, which environment variables hold.
fn rename(mut text: Vec<u8>, renamed: &[(String, &str)]) -> Vec<u8> {
    for (from, to) in renamed {
        text = replace(text, from, to);
        let upper = from.to_ascii_uppercase().replace('-', "_");
        text = replace(text, &upper, &to.to_ascii_uppercase());
    }
    text
}

/// Replaces every occurrence in a text. What is no text is compressed or a crate file, and holds no name in clear.
fn replace(text: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    match String::from_utf8(text) {
        Ok(text) if text.contains(from) => text.replace(from, to).into_bytes(),
        Ok(text) => text.into_bytes(),
        Err(other) => other.into_bytes(),
    }
}
