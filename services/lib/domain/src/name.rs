//! Names: crates (as written and in canonical form) and the slugs of orgs and registries.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest crate name, in bytes.
pub const CRATE_NAME_MAX: usize = 64;

/// Names no crate may have: Windows cannot create such files, and clients unpack crates on Windows.
const DEVICE_NAMES: &[&str] = &[
    "aux", "con", "nul", "prn", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt0",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Names that mean something else to the compiler, to cargo, or to a path of ours.
const RESERVED_NAMES: &[&str] = &[
    "abstract",
    "alignof",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "offsetof",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "pure",
    "ref",
    "return",
    "self",
    "sizeof",
    "static",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "alloc",
    "core",
    "std",
    "config_json",
];

/// Why a text is not the name of a crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCrateName {
    /// Empty, or longer than [`CRATE_NAME_MAX`].
    #[error("a crate name has 1 to {CRATE_NAME_MAX} characters")]
    Length,
    /// First character is not an ASCII letter.
    #[error("a crate name starts with an ASCII letter")]
    Start,
    /// A character outside `A-Za-z0-9_-`.
    #[error("a crate name holds only ASCII letters, digits, `-` and `_`")]
    Character,
    /// A reserved word or a Windows device name.
    #[error("this crate name is reserved; choose another")]
    Reserved,
}

/// The name of a crate as its author writes it, `[A-Za-z][A-Za-z0-9_-]{0,63}`, spelling kept.
///
/// Two names are the same crate when their [`CanonicalName`]s are equal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrateName(Arc<str>);

impl CrateName {
    /// Checks the form of a name; reserved words are allowed, so that patterns and look-ups need no special case.
    pub fn parse(text: &str) -> Result<Self, InvalidCrateName> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > CRATE_NAME_MAX {
            return Err(InvalidCrateName::Length);
        }
        if !bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            return Err(InvalidCrateName::Character);
        }
        if !bytes[0].is_ascii_alphabetic() {
            return Err(InvalidCrateName::Start);
        }
        Ok(Self(text.into()))
    }

    /// Checks a name that is about to be published: the form, and that the word is free to use.
    pub fn parse_new(text: &str) -> Result<Self, InvalidCrateName> {
        let name = Self::parse(text)?;
        let canonical = name.canonical();
        if DEVICE_NAMES.contains(&canonical.as_str()) || RESERVED_NAMES.contains(&canonical.as_str()) {
            return Err(InvalidCrateName::Reserved);
        }
        Ok(name)
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which names are compared.
    #[must_use]
    pub fn canonical(&self) -> CanonicalName {
        CanonicalName::of(&self.0)
    }

    /// The form used in index paths: lower case, `-` and `_` kept.
    #[must_use]
    pub fn lower(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for CrateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CrateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// A crate name in the form names are compared in: ASCII lower case, `_` replaced by `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalName(Arc<str>);

impl CanonicalName {
    /// Folds any text; the caller knows that it has the form of a name.
    pub(crate) fn of(text: &str) -> Self {
        let fold = |b: u8| if b == b'_' { '-' } else { char::from(b.to_ascii_lowercase()) };
        Self::folded(&text.bytes().map(fold).collect::<String>())
    }

    /// Takes a text that is folded already.
    pub(crate) fn folded(text: &str) -> Self {
        Self(text.into())
    }

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanonicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CanonicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl std::borrow::Borrow<str> for CanonicalName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Slug {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlug {
    /// Not of the form `[a-z0-9-]{2,40}`.
    #[error("use 2 to 40 characters of a-z, 0-9 and `-`, not starting or ending with `-`")]
    Form,
    /// A word that is part of our own addresses.
    #[error("this word is reserved; choose another")]
    Reserved,
}

/// Words that begin an address of ours, so that no org can stand in their place.
const RESERVED_SLUGS: &[&str] = &[
    "api",
    "app",
    "assets",
    "cargo",
    "dashboard",
    "docs",
    "healthz",
    "internal",
    "login",
    "logout",
    "me",
    "metrics",
    "oauth",
    "pub",
    "readyz",
    "static",
    "v1",
    "v2",
    "v3",
    "well-known",
    "wharf",
];

/// The name of an org, registry or team in addresses: `[a-z0-9-]{2,40}`.
///
/// No dot can occur, so `x` and `x.git` can never be two registries (clients treat such addresses as one,
/// CVE-2026-5222).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(Arc<str>);

impl Slug {
    /// Checks the form of a slug.
    pub fn parse(text: &str) -> Result<Self, InvalidSlug> {
        let bytes = text.as_bytes();
        let form = (2..=40).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-');
        if form { Ok(Self(text.into())) } else { Err(InvalidSlug::Form) }
    }

    /// Checks a slug that is about to be given to something new.
    pub fn parse_new(text: &str) -> Result<Self, InvalidSlug> {
        let slug = Self::parse(text)?;
        if RESERVED_SLUGS.contains(&text) { Err(InvalidSlug::Reserved) } else { Ok(slug) }
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;
    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crate_names() {
        for good in ["a", "Foo_Bar-9", "serde", &"a".repeat(64)] {
            assert!(CrateName::parse_new(good).is_ok(), "{good}");
        }
        for bad in ["", "9a", "-a", "_a", "a.b", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(CrateName::parse(bad).is_err(), "{bad}");
        }
        for reserved in ["nul", "Com1", "fn", "std", "proc-macro", "PROC_MACRO"] {
            assert_eq!(CrateName::parse_new(reserved), Err(InvalidCrateName::Reserved), "{reserved}");
        }
        assert_eq!(CrateName::parse("Foo_Bar").unwrap().canonical(), CrateName::parse("foo-bar").unwrap().canonical());
    }

    #[test]
    fn slugs() {
        for good in ["ab", "acme", "a-b", "0x"] {
            assert!(Slug::parse_new(good).is_ok(), "{good}");
        }
        for bad in ["a", "A", "a.git", "-ab", "ab-", "a_b", "v1", "cargo", &"a".repeat(41)] {
            assert!(Slug::parse_new(bad).is_err(), "{bad}");
        }
    }
}
