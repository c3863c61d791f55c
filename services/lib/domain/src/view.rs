//! Views: the set of crates and versions one principal sees. The only place where visibility is decided.
//!
//! A view is the union of its rules. Index, download, search, owners and every other surface ask [`View::sight`] for a
//! crate and [`VersionFilter::admits`] for a version, so that what is listed and what can be downloaded cannot differ.

use crate::{CanonicalName, CratePattern, RegistryId, Timestamp};
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// One rule of a view: crate patterns, minus exceptions, narrowed by version and by time of publication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The crates it speaks of.
    pub allow: Vec<CratePattern>,
    /// Crates taken out again. They take out of this rule only; another rule may still show them.
    #[serde(default)]
    pub except: Vec<CratePattern>,
    /// Only versions that satisfy this requirement. As in cargo, a pre-release needs a requirement that names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<VersionReq>,
    /// Only versions published before this moment: what a customer keeps when maintenance ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_before: Option<Timestamp>,
}

impl Rule {
    fn speaks_of(&self, name: &CanonicalName) -> bool {
        self.allow.iter().any(|pattern| pattern.matches(name))
            && wharf_trial::mutant!(ExceptionsIgnored => true; !self.except.iter().any(|pattern| pattern.matches(name)))
    }
}

/// The digest of a view's canonical rules within its registry. Equal rights share one view, whoever holds them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ViewId(pub [u8; 32]);

impl fmt::Display for ViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A set of crates and versions, described by canonical rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    rules: Vec<Rule>,
}

/// What a view shows of one crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Nothing: the crate does not exist for this principal.
    Hidden,
    /// Every version.
    Whole,
    /// The versions the filter admits; when it admits none, the crate does not exist for this principal.
    Part(VersionFilter),
}

impl Sight {
    /// Whether a version with this number and time of publication is seen.
    #[must_use]
    pub fn shows(&self, version: &Version, published_at: Timestamp) -> bool {
        match self {
            Self::Hidden => false,
            Self::Whole => true,
            Self::Part(filter) => filter.admits(version, published_at),
        }
    }
}

/// Which versions of a crate are seen: those that satisfy at least one of the alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionFilter {
    alternatives: Vec<(Option<VersionReq>, Option<Timestamp>)>,
    digest: [u8; 32],
}

impl VersionFilter {
    fn new(alternatives: Vec<(Option<VersionReq>, Option<Timestamp>)>) -> Self {
        let mut hash = Sha256::new();
        for (versions, before) in &alternatives {
            field(&mut hash, versions.as_ref().map_or_else(String::new, ToString::to_string).as_bytes());
            field(&mut hash, before.map_or_else(String::new, |at| at.to_string()).as_bytes());
        }
        Self { alternatives, digest: hash.finalize().into() }
    }

    /// Whether a version with this number and time of publication is seen.
    #[must_use]
    pub fn admits(&self, version: &Version, published_at: Timestamp) -> bool {
        self.alternatives.iter().any(|(versions, before)| {
            wharf_trial::mutant!(PreReleasesAdmitted {
                if !version.pre.is_empty() { return self.admits(&Version { pre: Default::default(), ..version.clone() }, published_at); }
            });
            versions.as_ref().is_none_or(|requirement| requirement.matches(version))
                && before.is_none_or(|before| {
                    wharf_trial::mutant!(MomentIncluded => published_at <= before; published_at < before)
                })
        })
    }

    /// Equal for filters that admit the same versions by the same rules. A cache key.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(bytes);
}

impl View {
    /// The union of rules, brought into canonical order; rules that allow nothing vanish.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut rules: Vec<Rule> = rules
            .into_iter()
            .filter(|rule| !rule.allow.is_empty())
            .map(|mut rule| {
                minimise(&mut rule.allow);
                minimise(&mut rule.except);
                rule
            })
            .collect();
        rules.sort_by_cached_key(order_key);
        rules.dedup();
        Self { rules }
    }

    /// The view of one who sees everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::new([Rule { allow: vec![CratePattern::all()], ..Rule::default() }])
    }

    /// Everything that matches one of the patterns.
    #[must_use]
    pub fn of(patterns: Vec<CratePattern>) -> Self {
        Self::new([Rule { allow: patterns, ..Rule::default() }])
    }

    /// Whether nothing can ever be seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The canonical rules.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The identity of this view within a registry.
    #[must_use]
    pub fn id(&self, registry: RegistryId) -> ViewId {
        let mut hash = Sha256::new();
        field(&mut hash, registry.0.as_bytes());
        for rule in &self.rules {
            field(&mut hash, order_key(rule).as_bytes());
        }
        ViewId(hash.finalize().into())
    }

    /// What is seen of a crate. Says nothing about whether the crate exists.
    #[must_use]
    pub fn sight(&self, name: &CanonicalName) -> Sight {
        let mut alternatives = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.speaks_of(name)) {
            if rule.versions.is_none() && rule.published_before.is_none() {
                return Sight::Whole;
            }
            alternatives.push((rule.versions.clone(), rule.published_before));
        }
        if alternatives.is_empty() { Sight::Hidden } else { Sight::Part(VersionFilter::new(alternatives)) }
    }
}

/// Drops patterns that another one covers, and sorts the rest.
fn minimise(patterns: &mut Vec<CratePattern>) {
    patterns.sort();
    patterns.dedup();
    let all = patterns.clone();
    patterns.retain(|pattern| !all.iter().any(|other| other != pattern && other.covers(pattern)));
}

/// A text that is equal for equal rules only.
fn order_key(rule: &Rule) -> String {
    let list = |patterns: &[CratePattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    format!(
        "{}|{}|{}|{}",
        list(&rule.allow),
        list(&rule.except),
        rule.versions.as_ref().map_or_else(String::new, ToString::to_string),
        rule.published_before.map_or_else(String::new, |at| at.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CrateName;

    fn patterns(texts: &[&str]) -> Vec<CratePattern> {
        texts.iter().map(|text| CratePattern::parse(text).unwrap()).collect()
    }

    fn canonical(name: &str) -> CanonicalName {
        CrateName::parse(name).unwrap().canonical()
    }

    #[test]
    fn a_view_is_the_union_of_its_rules() {
        let view = View::new([
            Rule { allow: patterns(&["acme-*"]), except: patterns(&["acme-secret*"]), ..Rule::default() },
            Rule { allow: patterns(&["acme-secret-sdk"]), versions: Some("^1".parse().unwrap()), ..Rule::default() },
            Rule {
                allow: patterns(&["acme-secret-sdk"]),
                published_before: Some(Timestamp::from_unix(100)),
                ..Rule::default()
            },
        ]);
        assert_eq!(view.sight(&canonical("acme_core")), Sight::Whole);
        assert_eq!(view.sight(&canonical("acme-secret-keys")), Sight::Hidden);
        assert_eq!(view.sight(&canonical("zlib")), Sight::Hidden);
        let Sight::Part(filter) = view.sight(&canonical("acme-secret-sdk")) else { panic!("narrowed") };
        let version = |text: &str| Version::parse(text).unwrap();
        assert!(filter.admits(&version("1.2.0"), Timestamp::from_unix(500)));
        assert!(filter.admits(&version("2.0.0"), Timestamp::from_unix(99)));
        assert!(!filter.admits(&version("2.0.0"), Timestamp::from_unix(100)));
        assert!(!filter.admits(&version("1.2.0-rc.1"), Timestamp::from_unix(500)));
    }

    #[test]
    fn identity_is_of_the_rights_not_of_their_spelling() {
        let registry = RegistryId(uuid::Uuid::from_u128(1));
        let rule = |texts: &[&str]| Rule { allow: patterns(texts), ..Rule::default() };
        let one = View::new([rule(&["b", "A_*", "a-x"]), rule(&["c"]), Rule::default()]);
        let other = View::new([rule(&["c"]), rule(&["a-*", "b", "B"])]);
        assert_eq!(one.id(registry), other.id(registry));
        assert_ne!(one.id(registry), one.id(RegistryId(uuid::Uuid::from_u128(2))));
        assert_ne!(one.id(registry), View::everything().id(registry));
    }
}
