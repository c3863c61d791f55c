//! Which crates a right speaks of: one name, or all names with a prefix.

use crate::name::{CRATE_NAME_MAX, CanonicalName, CrateName};
use crate::shown::shown;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is not a crate pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a crate pattern; write a crate name, a prefix followed by one `*`, or `*` alone")]
pub struct InvalidPattern(String);

/// A crate name, a prefix followed by one trailing `*`, or `*` for all names.
///
/// Patterns match canonical names on both sides, so `Foo_Bar*` and `foo-bar*` are one pattern.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CratePattern {
    /// Exactly this crate.
    Name(CanonicalName),
    /// Every crate whose canonical name starts with this text; empty for all.
    Prefix(CanonicalName),
}

impl CratePattern {
    /// The pattern that matches every crate.
    #[must_use]
    pub fn all() -> Self {
        Self::Prefix(CanonicalName::of(""))
    }

    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = || InvalidPattern(shown(text, 80));
        let Some(prefix) = text.strip_suffix('*') else {
            return CrateName::parse(text).map(|name| Self::Name(name.canonical())).map_err(|_| invalid());
        };
        if prefix.is_empty() || (prefix.len() < CRATE_NAME_MAX && CrateName::parse(prefix).is_ok()) {
            wharf_trial::mutant!(CaseMatters { return Ok(Self::Prefix(CanonicalName::folded(prefix))); });
            Ok(Self::Prefix(CanonicalName::of(prefix)))
        } else {
            Err(invalid())
        }
    }

    /// Whether the pattern speaks of this crate.
    #[must_use]
    pub fn matches(&self, name: &CanonicalName) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Prefix(prefix) => name.as_str().starts_with(prefix.as_str()),
        }
    }

    /// Whether every crate matched by `other` is matched by this pattern too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Name(name)) => self.matches(name),
            (Self::Prefix(own), Self::Prefix(prefix)) => prefix.as_str().starts_with(own.as_str()),
            (Self::Name(_), Self::Prefix(_)) => false,
        }
    }

    /// The pattern that matches exactly what both match, or nothing when no crate can be in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            Some(other.clone())
        } else if other.covers(self) {
            Some(self.clone())
        } else {
            None
        }
    }
}

impl fmt::Display for CratePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl fmt::Debug for CratePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl TryFrom<String> for CratePattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        Self::parse(&text)
    }
}

impl From<CratePattern> for String {
    fn from(pattern: CratePattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> CratePattern {
        CratePattern::parse(text).unwrap()
    }

    #[test]
    fn matching_is_canonical() {
        let name = CrateName::parse("Partner_Core").unwrap().canonical();
        for yes in ["*", "partner-*", "Partner_*", "p*", "partner-core", "PARTNER_CORE", "partner-core*"] {
            assert!(pattern(yes).matches(&name), "{yes}");
        }
        for no in ["partner", "partner-cor", "partner-core-*", "core*"] {
            assert!(!pattern(no).matches(&name), "{no}");
        }
    }

    #[test]
    fn refuses_other_shapes() {
        for bad in ["", "**", "*a", "a*b", "a**", "a b*", "9*", "-*", "é*", &format!("{}*", "a".repeat(64))] {
            assert!(CratePattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn intersection_is_what_both_match() {
        assert_eq!(pattern("a*").intersect(&pattern("ab*")), Some(pattern("ab*")));
        assert_eq!(pattern("ab").intersect(&pattern("a*")), Some(pattern("ab")));
        assert_eq!(pattern("ab*").intersect(&pattern("ac*")), None);
        assert_eq!(pattern("ab").intersect(&pattern("ab")), Some(pattern("ab")));
    }
}
