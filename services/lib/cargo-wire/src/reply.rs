//! Bodies cargo insists on in answers of the web API.
//!
//! A 2xx body that is not JSON of the expected shape is a failure to cargo, and the only field it reads of an error is
//! `errors[].detail`.

use serde::{Deserialize, Serialize};

/// An error as cargo prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    errors: Vec<ErrorDetail>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ErrorDetail {
    detail: String,
}

impl ErrorBody {
    /// An error with one text.
    #[must_use]
    pub fn new(detail: impl Into<String>) -> Self {
        Self { errors: vec![ErrorDetail { detail: detail.into() }] }
    }
}

/// The answer to a publish.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Published {
    warnings: PublishWarnings,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct PublishWarnings {
    invalid_categories: Vec<String>,
    invalid_badges: Vec<String>,
    other: Vec<String>,
}

impl Published {
    /// A publish that succeeded; each text becomes one `warning:` line of cargo.
    #[must_use]
    pub fn with_warnings(other: Vec<String>) -> Self {
        Self { warnings: PublishWarnings { other, ..PublishWarnings::default() } }
    }
}

/// `{"ok":true}`, the answer to yank and unyank. There is no `false`: cargo panics on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    ok: bool,
}

impl Done {
    /// The only value.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default `Done` would say nothing")]
    pub fn new() -> Self {
        Self { ok: true }
    }
}

/// The answer to a change of owners; cargo demands `msg` even where it does not print it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnersChanged {
    ok: bool,
    msg: String,
}

impl OwnersChanged {
    /// A change that happened, told in one sentence.
    #[must_use]
    pub fn new(msg: impl Into<String>) -> Self {
        Self { ok: true, msg: msg.into() }
    }
}

/// What cargo sends to add or remove owners.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OwnersRequest {
    /// Logins as the user typed them. Cargo before 1.0 said `owners`.
    #[serde(alias = "owners")]
    pub users: Vec<String>,
}

/// The owners of a crate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owners {
    /// In the order cargo prints them.
    pub users: Vec<Owner>,
}

/// One owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// Cargo fails on ids above 2^32-1, hence the type.
    pub id: u32,
    /// What `cargo owner --remove` takes.
    pub login: String,
    /// A name to show.
    pub name: Option<String>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SearchResults {
    crates: Vec<SearchHit>,
    meta: SearchMeta,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SearchMeta {
    total: u32,
}

/// One crate of a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SearchHit {
    /// Name as published.
    pub name: String,
    /// The version cargo suggests.
    pub max_version: String,
    /// Cargo prints its first line.
    pub description: Option<String>,
}

impl SearchResults {
    /// One page of `total` matches.
    #[must_use]
    pub fn new(crates: Vec<SearchHit>, total: u32) -> Self {
        Self { crates, meta: SearchMeta { total } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn shapes_of_the_cargo_book() {
        assert_eq!(json(&ErrorBody::new("no \"x\"")), r#"{"errors":[{"detail":"no \"x\""}]}"#);
        assert_eq!(
            json(&Published::with_warnings(vec!["slow".into()])),
            r#"{"warnings":{"invalid_categories":[],"invalid_badges":[],"other":["slow"]}}"#
        );
        assert_eq!(json(&Done::new()), r#"{"ok":true}"#);
        assert_eq!(json(&OwnersChanged::new("added")), r#"{"ok":true,"msg":"added"}"#);
        let owners = Owners { users: vec![Owner { id: u32::MAX, login: "ann".into(), name: None }] };
        assert_eq!(json(&owners), r#"{"users":[{"id":4294967295,"login":"ann","name":null}]}"#);
        let hit = SearchHit { name: "a".into(), max_version: "1.0.0".into(), description: None };
        assert_eq!(
            json(&SearchResults::new(vec![hit], 7)),
            r#"{"crates":[{"name":"a","max_version":"1.0.0","description":null}],"meta":{"total":7}}"#
        );
        let request: OwnersRequest = serde_json::from_str(r#"{"users":["a","b"]}"#).unwrap();
        assert_eq!(request.users, ["a", "b"]);
    }
}
