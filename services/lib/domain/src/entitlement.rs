//! Entitlements: who may see which crates and versions, do what with them, until when and within which limits.

use crate::view::{Rule, View, ViewId};
use crate::{CanonicalName, CratePattern, RegistryId, Timestamp, Verb};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Most rules one entitlement holds.
pub const RULES_MAX: usize = 200;
/// Most patterns in one rule or one right.
pub const PATTERNS_MAX: usize = 1_000;
/// Most source networks of one entitlement or token.
pub const SOURCES_MAX: usize = 100;
/// Most limits of one entitlement.
pub const LIMITS_MAX: usize = 12;

/// What the holder may do, each right on crate patterns. A right without patterns is not held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// See and download, within the rules.
    #[serde(default = "everything")]
    pub read: Vec<CratePattern>,
    /// Publish new crates and versions. Implies sight of every version of these crates.
    #[serde(default)]
    pub publish: Vec<CratePattern>,
    /// Yank and unyank.
    #[serde(default)]
    pub yank: Vec<CratePattern>,
    /// Add and remove owners.
    #[serde(default)]
    pub owners: Vec<CratePattern>,
}

fn everything() -> Vec<CratePattern> {
    vec![CratePattern::all()]
}

impl Default for Rights {
    fn default() -> Self {
        Self { read: everything(), publish: Vec::new(), yank: Vec::new(), owners: Vec::new() }
    }
}

impl Rights {
    /// Whether `verb` is held on this crate. Reading is a matter of the view and is not answered here.
    #[must_use]
    pub fn allow(&self, verb: Verb, name: &CanonicalName) -> bool {
        let patterns = match verb {
            Verb::PublishNew | Verb::Publish => &self.publish,
            Verb::Yank => &self.yank,
            Verb::OwnerWrite => &self.owners,
            _ => return false,
        };
        patterns.iter().any(|pattern| pattern.matches(name))
    }
}

/// What is counted against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    /// Downloads of crate files.
    Downloads,
    /// Bytes of crate files.
    Bytes,
    /// Distinct clients.
    Clients,
}

/// The time over which a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// A day, UTC.
    Day,
    /// A calendar month, UTC.
    Month,
    /// The life of the entitlement.
    Total,
}

/// At most `max` of `count` per `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What is counted.
    pub count: Counted,
    /// Over which time.
    pub per: Per,
    /// The most that is allowed.
    pub max: u64,
}

/// When, from where and whether at all an entitlement holds. Asked at every request, never frozen at issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Holds from this moment on.
    pub not_before: Option<Timestamp>,
    /// Holds until just before this moment.
    pub expires_at: Option<Timestamp>,
    /// Holds for requests from these networks; empty for all.
    pub sources: Vec<IpNet>,
    /// Holds only while switched on.
    pub enabled: bool,
}

impl Window {
    /// Whether a request made now from this address falls within.
    #[must_use]
    pub fn admits(&self, now: Timestamp, address: Option<IpAddr>) -> bool {
        self.enabled
            && self.not_before.is_none_or(|from| from <= now)
            && self.expires_at.is_none_or(|until| wharf_trial::mutant!(EndIncluded => now <= until; now < until))
            && admits_address(&self.sources, address)
    }
}

/// Whether an address is in one of the networks; any address when there are none.
#[must_use]
pub fn admits_address(sources: &[IpNet], address: Option<IpAddr>) -> bool {
    sources.is_empty()
        || address.is_some_and(|address| sources.iter().any(|network| network.contains(&address.to_canonical())))
}

/// The part of an entitlement that decides what its holder sees and does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What may be done.
    pub rights: Rights,
    /// What may be seen.
    pub rules: Vec<Rule>,
}

/// Terms that cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTerms {
    /// Too many rules.
    #[error("an entitlement holds at most {RULES_MAX} rules; use prefixes (`acme-*`) instead of single names")]
    Rules,
    /// Too many patterns in one place.
    #[error("a rule or right holds at most {PATTERNS_MAX} patterns; use prefixes (`acme-*`) instead of single names")]
    Patterns,
    /// A rule that allows nothing.
    #[error("rule {0} allows no crate: give it at least one pattern in `allow`")]
    Empty(usize),
}

impl Terms {
    /// Checks the limits.
    pub fn check(&self) -> Result<(), InvalidTerms> {
        if self.rules.len() > RULES_MAX {
            return Err(InvalidTerms::Rules);
        }
        let rights = [&self.rights.read, &self.rights.publish, &self.rights.yank, &self.rights.owners];
        let of_rules = self.rules.iter().flat_map(|rule| [&rule.allow, &rule.except]);
        if rights.into_iter().chain(of_rules).any(|patterns| patterns.len() > PATTERNS_MAX) {
            return Err(InvalidTerms::Patterns);
        }
        match self.rules.iter().position(|rule| rule.allow.is_empty()) {
            Some(at) => Err(InvalidTerms::Empty(at + 1)),
            None => Ok(()),
        }
    }

    /// What the holder sees: the rules within the read right, and everything the holder may publish.
    #[must_use]
    pub fn view(&self) -> View {
        let readable = self.rules.iter().map(|rule| Rule {
            allow: rule
                .allow
                .iter()
                .flat_map(|allowed| self.rights.read.iter().filter_map(|right| allowed.intersect(right)))
                .collect(),
            ..rule.clone()
        });
        let published = Rule { allow: self.rights.publish.clone(), ..Rule::default() };
        View::new(readable.chain([published]))
    }

    /// The identity of that view within a registry.
    #[must_use]
    pub fn view_id(&self, registry: RegistryId) -> ViewId {
        self.view().id(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CrateName, Sight};

    fn patterns(texts: &[&str]) -> Vec<CratePattern> {
        texts.iter().map(|text| CratePattern::parse(text).unwrap()).collect()
    }

    fn sees(terms: &Terms, name: &str) -> bool {
        !matches!(terms.view().sight(&CrateName::parse(name).unwrap().canonical()), Sight::Hidden)
    }

    #[test]
    fn read_right_narrows_the_rules_and_publish_right_widens_the_view() {
        let terms = Terms {
            rights: Rights {
                read: patterns(&["partner-*"]),
                publish: patterns(&["upload-x"]),
                yank: Vec::new(),
                owners: Vec::new(),
            },
            rules: vec![Rule { allow: patterns(&["p*", "other"]), ..Rule::default() }],
        };
        assert!(sees(&terms, "partner-core"));
        assert!(sees(&terms, "upload_X"));
        assert!(!sees(&terms, "private-core"));
        assert!(!sees(&terms, "other"));
        assert!(terms.rights.allow(Verb::Publish, &CrateName::parse("upload-x").unwrap().canonical()));
        assert!(!terms.rights.allow(Verb::Yank, &CrateName::parse("upload-x").unwrap().canonical()));
    }

    #[test]
    fn window_is_half_open_and_knows_addresses() {
        let at = Timestamp::from_unix;
        let window = Window {
            not_before: Some(at(10)),
            expires_at: Some(at(20)),
            sources: vec!["10.0.0.0/8".parse().unwrap()],
            enabled: true,
        };
        let inside: Option<IpAddr> = Some("10.1.2.3".parse().unwrap());
        assert!(window.admits(at(10), inside));
        assert!(window.admits(at(19), Some("::ffff:10.1.2.3".parse().unwrap())));
        assert!(!window.admits(at(9), inside));
        assert!(!window.admits(at(20), inside));
        assert!(!window.admits(at(15), Some("192.0.2.1".parse().unwrap())));
        assert!(!window.admits(at(15), None));
        assert!(!Window { enabled: false, ..window }.admits(at(15), inside));
    }
}
