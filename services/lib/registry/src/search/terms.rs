//! The words of a search, and how well a crate fits them.

use crate::{Error, Result};
use wharf_domain::CanonicalName;

/// Longest search text, in characters.
pub(super) const QUERY_MAX: usize = 200;
/// Most words of a search text that count.
pub(super) const TERMS_MAX: usize = 8;
/// Words shorter than this are looked for in names alone: they stand in nearly every description.
pub(super) const DESCRIBED_MIN: usize = 3;

/// How well a crate fits, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Exact,
    Prefix,
    InName,
    InDescription,
}

/// The words of a search text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// In lower case.
    words: Vec<String>,
    /// The words as canonical names spell them.
    in_names: Vec<String>,
    /// All of them as one name.
    name: String,
}

impl Terms {
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.chars().count() > QUERY_MAX {
            return Err(Error::invalid("query_too_long", format!("search for at most {QUERY_MAX} characters")));
        }
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let words: Vec<String> = words.take(TERMS_MAX).map(str::to_owned).collect();
        let in_names: Vec<String> = words.iter().map(|word| word.replace('_', "-")).collect();
        let name = in_names.join("-");
        Ok(Self { words, in_names, name })
    }

    /// The words, to look for in descriptions.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether descriptions are searched at all.
    pub(super) fn in_descriptions(&self) -> bool {
        !self.words.is_empty() && self.words.iter().all(|word| word.chars().count() >= DESCRIBED_MIN)
    }

    /// How well a name fits; `None` when a word is not in it.
    pub(super) fn rank_name(&self, name: &CanonicalName) -> Option<Rank> {
        let name = name.as_str();
        if name == self.name {
            Some(Rank::Exact)
        } else if !self.name.is_empty() && name.starts_with(&self.name) {
            Some(Rank::Prefix)
        } else if self.in_names.iter().all(|word| name.contains(word.as_str())) {
            Some(Rank::InName)
        } else {
            None
        }
    }

    /// Whether each word is in the name or in the description, of which `described` says so word by word.
    pub(super) fn are_in(&self, name: &CanonicalName, described: &[bool]) -> bool {
        let in_name = self.in_names.iter().map(|word| name.as_str().contains(word.as_str()));
        in_name.zip(described).all(|(in_name, described)| in_name || *described)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::CrateName;

    #[test]
    fn words() {
        let terms = |text| Terms::parse(text).unwrap().words;
        assert_eq!(terms("  Foo_Bar\tbaz\0qux "), ["foo_bar", "baz", "qux"]);
        assert!(terms("").is_empty());
        assert_eq!(terms(&"a ".repeat(50)).len(), TERMS_MAX);
        assert!(Terms::parse(&"é".repeat(QUERY_MAX)).is_ok());
        assert_eq!(Terms::parse(&"é".repeat(QUERY_MAX + 1)).unwrap_err().code(), "query_too_long");
        let in_descriptions = |text| Terms::parse(text).unwrap().in_descriptions();
        assert!(in_descriptions("http foo") && !in_descriptions("ht") && !in_descriptions(""));
    }

    #[test]
    fn ranks() {
        let name = |text: &str| CrateName::parse(text).unwrap().canonical();
        for (text, crate_name, expected) in [
            ("foo-bar", "Foo_Bar", Some(Rank::Exact)),
            ("foo_bar", "foo-bar", Some(Rank::Exact)),
            ("foo bar", "foo_bar", Some(Rank::Exact)),
            ("foo", "foo-bar", Some(Rank::Prefix)),
            ("bar", "foo-bar", Some(Rank::InName)),
            ("bar foo", "foo-bar", Some(Rank::InName)),
            ("http", "foo-bar", None),
            ("", "foo-bar", Some(Rank::InName)),
        ] {
            assert_eq!(Terms::parse(text).unwrap().rank_name(&name(crate_name)), expected, "{text}");
        }
        assert!(Rank::Exact < Rank::Prefix && Rank::Prefix < Rank::InName && Rank::InName < Rank::InDescription);
        for (text, described, expected) in [
            ("http", [true].as_slice(), true),
            ("http", &[false], false),
            ("http zzz", &[true, false], false),
            ("http foo", &[true, false], true),
        ] {
            assert_eq!(Terms::parse(text).unwrap().are_in(&name("foo-bar"), described), expected, "{text}");
        }
    }
}
