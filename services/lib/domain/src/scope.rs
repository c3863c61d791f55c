//! Scopes: what a token may do. `verb "@" registry ["/" pattern]`, for example `crate:publish@private/acme-*`.
//!
//! The registry is a slug or `*`; the pattern defaults to `*`. A token without scopes may do nothing.

use crate::shown::shown;
use crate::{CanonicalName, CratePattern, Slug};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most scopes one token carries.
pub const SCOPES_MAX: usize = 100;

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// See crates in the index. The same right as [`Verb::Download`]: what is listed can be downloaded.
    IndexRead,
    /// Download crates. The same right as [`Verb::IndexRead`].
    Download,
    /// Publish a crate that does not exist yet.
    PublishNew,
    /// Publish a version of a crate that exists.
    Publish,
    /// Yank and unyank versions.
    Yank,
    /// Add and remove owners of crates.
    OwnerWrite,
    /// Create registries and change their settings.
    RegistryWrite,
    /// See entitlements and what they hold.
    EntitlementRead,
    /// Grant, change and withdraw entitlements.
    EntitlementWrite,
    /// See who belongs to the org.
    MemberRead,
    /// Invite members and change their roles.
    MemberWrite,
    /// Change policies.
    PolicyWrite,
    /// Read the audit.
    AuditRead,
    /// Issue and revoke tokens.
    TokenWrite,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 14] = [
        Self::IndexRead,
        Self::Download,
        Self::PublishNew,
        Self::Publish,
        Self::Yank,
        Self::OwnerWrite,
        Self::RegistryWrite,
        Self::EntitlementRead,
        Self::EntitlementWrite,
        Self::MemberRead,
        Self::MemberWrite,
        Self::PolicyWrite,
        Self::AuditRead,
        Self::TokenWrite,
    ];

    /// The word used in scopes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IndexRead => "index:read",
            Self::Download => "crate:download",
            Self::PublishNew => "crate:publish-new",
            Self::Publish => "crate:publish",
            Self::Yank => "crate:yank",
            Self::OwnerWrite => "owner:write",
            Self::RegistryWrite => "registry:write",
            Self::EntitlementRead => "entitlement:read",
            Self::EntitlementWrite => "entitlement:write",
            Self::MemberRead => "member:read",
            Self::MemberWrite => "member:write",
            Self::PolicyWrite => "policy:write",
            Self::AuditRead => "audit:read",
            Self::TokenWrite => "token:write",
        }
    }

    /// Whether the verb by itself shows crates.
    #[must_use]
    pub fn reads_crates(self) -> bool {
        matches!(self, Self::IndexRead | Self::Download)
    }

    /// Whether holding this verb on a pattern gives `wanted` on the same pattern.
    ///
    /// Whoever may publish a name may also see it, so that a refused publish never tells of a crate unseen; what is
    /// listed can be downloaded and the reverse; whoever may write a thing may read it.
    #[must_use]
    pub fn gives(self, wanted: Self) -> bool {
        self == wanted
            || match wanted {
                Self::IndexRead | Self::Download => {
                    matches!(self, Self::IndexRead | Self::Download | Self::PublishNew | Self::Publish)
                }
                Self::EntitlementRead => self == Self::EntitlementWrite,
                Self::MemberRead => self == Self::MemberWrite,
                _ => false,
            }
    }
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a scope: {why}; write it like `crate:publish@private/acme-*` or `index:read@*`")]
pub struct InvalidScope {
    text: String,
    why: &'static str,
}

/// One right of a token: a verb, in one registry or all, on a pattern of crates.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    /// What may be done.
    pub verb: Verb,
    /// In which registry of the org; `None` means in all of them.
    pub registry: Option<Slug>,
    /// To which crates.
    pub pattern: CratePattern,
}

impl Scope {
    /// Reads a scope.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let invalid = |why| InvalidScope { text: shown(text, 120), why };
        let (verb, place) = text.split_once('@').ok_or_else(|| invalid("there is no `@`"))?;
        let verb = Verb::ALL.into_iter().find(|v| v.as_str() == verb).ok_or_else(|| invalid("the verb is unknown"))?;
        let (registry, pattern) = match place.split_once('/') {
            Some((registry, pattern)) => (registry, Some(pattern)),
            None => (place, None),
        };
        let registry = match registry {
            "*" => None,
            slug => Some(Slug::parse(slug).map_err(|_| invalid("the registry is neither `*` nor a registry name"))?),
        };
        let pattern = match pattern {
            None => CratePattern::all(),
            Some(pattern) => CratePattern::parse(pattern).map_err(|_| invalid("the crate pattern is malformed"))?,
        };
        Ok(Self { verb, registry, pattern })
    }

    /// A verb on every crate of every registry.
    #[must_use]
    pub fn everywhere(verb: Verb) -> Self {
        Self { verb, registry: None, pattern: CratePattern::all() }
    }

    /// Whether the scope speaks of this registry.
    #[must_use]
    pub fn is_in(&self, registry: &Slug) -> bool {
        self.registry.as_ref().is_none_or(|own| own == registry)
    }

    /// Whether the scope allows `wanted` on this crate of this registry.
    #[must_use]
    pub fn allows(&self, wanted: Verb, registry: &Slug, name: &CanonicalName) -> bool {
        self.verb.gives(wanted) && self.is_in(registry) && self.pattern.matches(name)
    }

    /// Whether everything `other` allows is allowed by this scope. The test for delegation.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.verb.gives(other.verb)
            && (self.registry.is_none() || self.registry == other.registry)
            && self.pattern.covers(&other.pattern)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.verb.as_str(), self.registry.as_ref().map_or("*", Slug::as_str))?;
        if self.pattern == CratePattern::all() { Ok(()) } else { write!(f, "/{}", self.pattern) }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;
    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CrateName;
    use proptest::prelude::*;

    #[test]
    fn text_form_round_trips() {
        for text in ["index:read@*", "crate:publish@private/acme-*", "owner:write@private/serde", "audit:read@*"] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "index:read",
            "index:read@",
            "read@*",
            "index:read@*/",
            "index:read@*/a*b",
            "index:read@a/b/c",
            "index:read@*@*",
            " index:read@*",
        ] {
            assert!(Scope::parse(bad).is_err(), "{bad}");
        }
    }

    /// What a list of scope texts allows, said again in the plainest possible way: by text alone.
    fn reference(scopes: &[String], verb: &str, registry: &str, name: &str) -> bool {
        let fold = |text: &str| text.to_lowercase().replace('_', "-");
        scopes.iter().any(|scope| {
            let mut parts = scope.splitn(2, '@');
            let (held, place) = (parts.next().unwrap(), parts.next().unwrap());
            let mut parts = place.splitn(2, '/');
            let (place, pattern) = (parts.next().unwrap(), fold(parts.next().unwrap_or("*")));
            let verb_fits = held == verb
                || (["index:read", "crate:download"].contains(&verb)
                    && ["index:read", "crate:download", "crate:publish-new", "crate:publish"].contains(&held))
                || (verb.ends_with(":read") && verb != "index:read" && held == verb.replace(":read", ":write"));
            let pattern_fits = match pattern.strip_suffix('*') {
                Some(prefix) => fold(name).starts_with(prefix),
                None => fold(name) == pattern,
            };
            verb_fits && (place == "*" || place == registry) && pattern_fits
        })
    }

    fn scope_text() -> impl Strategy<Value = String> {
        let verb = prop::sample::select(Verb::ALL.map(Verb::as_str).to_vec());
        let registry = prop::sample::select(vec!["*", "one", "two"]);
        let pattern = prop::sample::select(vec!["", "/*", "/a*", "/A_b*", "/ab", "/a-b", "/a_B-c", "/b*"]);
        (verb, registry, pattern).prop_map(|(v, r, p)| format!("{v}@{r}{p}"))
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference_evaluator(
            scopes in prop::collection::vec(scope_text(), 0..5),
            verb in prop::sample::select(Verb::ALL.to_vec()),
            registry in prop::sample::select(vec!["one", "two", "three"]),
            name in prop::sample::select(vec!["a", "ab", "AB", "a_b", "a-b", "A-b-C", "b", "ba"]),
        ) {
            let parsed: Vec<Scope> = scopes.iter().map(|text| Scope::parse(text).unwrap()).collect();
            let slug = Slug::parse(registry).unwrap();
            let canonical = CrateName::parse(name).unwrap().canonical();
            let ours = parsed.iter().any(|scope| scope.allows(verb, &slug, &canonical));
            prop_assert_eq!(ours, reference(&scopes, verb.as_str(), registry, name));
        }

        #[test]
        fn a_covered_scope_allows_no_more(
            strong in scope_text(), weak in scope_text(),
            verb in prop::sample::select(Verb::ALL.to_vec()),
            registry in prop::sample::select(vec!["one", "two", "three"]),
            name in prop::sample::select(vec!["a", "ab", "a_b", "A-b-C", "b"]),
        ) {
            let (strong, weak) = (Scope::parse(&strong).unwrap(), Scope::parse(&weak).unwrap());
            let slug = Slug::parse(registry).unwrap();
            let canonical = CrateName::parse(name).unwrap().canonical();
            if strong.covers(&weak) && weak.allows(verb, &slug, &canonical) {
                prop_assert!(strong.allows(verb, &slug, &canonical));
            }
        }
    }
}
