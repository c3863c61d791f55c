//! Who may what: names and patterns, scopes, roles, and what a credential shows.

use crate::bodies::{Rights, Rule, requirement};
use crate::request::{Place, Who};
use crate::state::{Holder, Krate, Model, Registry, Version};
use crate::{FORBIDDEN, Refusal, sources};
use std::net::IpAddr;

/// Every role.
pub const ROLES: [&str; 5] = ["owner", "admin", "publisher", "reader", "auditor"];

/// Every verb of a scope.
pub const VERBS: [&str; 14] = [
    "index:read",
    "crate:download",
    "crate:publish-new",
    "crate:publish",
    "crate:yank",
    "owner:write",
    "registry:write",
    "entitlement:read",
    "entitlement:write",
    "member:read",
    "member:write",
    "policy:write",
    "audit:read",
    "token:write",
];

/// The form in which names are compared.
#[must_use]
pub fn canonical(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Whether a pattern, a name or a beginning of names, speaks of a crate.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (canonical(pattern), canonical(name));
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

pub(crate) fn any_matches(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

/// Whether everything that `narrow` speaks of is spoken of by `wide`.
fn covers(wide: &str, narrow: &str) -> bool {
    match canonical(narrow).strip_suffix('*') {
        Some(beginning) => wide.ends_with('*') && matches(wide, beginning),
        None => matches(wide, narrow),
    }
}

/// Whether some name could be spoken of by both.
fn meet(one: &str, other: &str) -> bool {
    covers(one, other) || covers(other, one)
}

/// A scope taken apart.
pub(crate) struct Scope<'a> {
    pub(crate) verb: &'a str,
    registry: &'a str,
    pattern: &'a str,
}

impl<'a> Scope<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let (verb, place) = text.split_once('@').expect("a well-formed scope");
        let (registry, pattern) = place.split_once('/').unwrap_or((place, "*"));
        Self { verb, registry, pattern }
    }

    fn is_in(&self, registry: &str) -> bool {
        self.registry == "*" || self.registry == registry
    }

    /// Whether everything the other scope allows is allowed by this one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        gives(self.verb, other.verb)
            && (self.registry == "*" || self.registry == other.registry)
            && covers(self.pattern, other.pattern)
    }
}

/// A scope as it is shown: with a pattern only where there is one, in the form in which names are compared.
pub(crate) fn shown_scope(text: &str) -> String {
    let Scope { verb, registry, pattern } = Scope::of(text);
    if pattern == "*" { format!("{verb}@{registry}") } else { format!("{verb}@{registry}/{}", canonical(pattern)) }
}

/// Whether holding one verb gives another: who may publish may see, who may write may read, and seeing is downloading.
fn gives(held: &str, wanted: &str) -> bool {
    let reading = ["index:read", "crate:download"];
    held == wanted
        || (reading.contains(&wanted) && (reading.contains(&held) || held.starts_with("crate:publish")))
        || (["entitlement", "member"]
            .iter()
            .any(|noun| wanted == format!("{noun}:read") && held == format!("{noun}:write")))
}

/// What a role allows at most.
fn role_allows(role: &str, verb: &str) -> bool {
    let reading = ["index:read", "crate:download"];
    match role {
        "owner" | "admin" => true,
        "publisher" => {
            reading.contains(&verb)
                || ["crate:publish-new", "crate:publish", "crate:yank", "owner:write", "token:write"].contains(&verb)
        }
        "reader" => reading.contains(&verb) || verb == "token:write",
        _ => ["audit:read", "entitlement:read", "member:read", "token:write"].contains(&verb),
    }
}

pub(crate) fn runs_org(role: &str) -> bool {
    matches!(role, "owner" | "admin")
}

/// Who a credential stands for, now.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) org: String,
    pub(crate) token: String,
    pub(crate) kind: &'static str,
    pub(crate) from: IpAddr,
    pub(crate) grant: Grant,
}

#[derive(Clone, Debug)]
pub(crate) enum Grant {
    Member { login: String, role: &'static str, scopes: Vec<String> },
    Entitled { registry: String, id: String, rights: Rights, rules: Vec<Rule> },
}

impl Model {
    /// Who asks; nobody without a credential.
    pub(crate) fn principal(&self, who: &Who) -> Result<Option<Principal>, Refusal> {
        let Some(handle) = &who.bearer else { return Ok(None) };
        self.bearer(handle, who.from).ok_or(Refusal::BadCredential).map(Some)
    }

    /// A bound token holds where it is bound to, an entitlement too.
    pub(crate) fn bearer(&self, handle: &str, from: IpAddr) -> Option<Principal> {
        let token = self.tokens.get(handle)?;
        if token.has_ended(self.now) || !sources::admit(&token.sources, from) {
            return None;
        }
        let org = &self.orgs[&token.org];
        let grant = match &token.holder {
            Holder::Member(login) => {
                let role = org.members.get(login)?.role;
                Grant::Member { login: login.clone(), role, scopes: token.scopes.clone() }
            }
            Holder::Entitlement { registry, id } => {
                let draft = &org.registries[registry].entitlements.get(id)?.draft;
                let holds = draft.enabled
                    && sources::admit(&draft.sources, from)
                    && draft.not_before.is_none_or(|from| from <= self.now)
                    && draft.expires_at.is_none_or(|end| self.now < end);
                if !holds {
                    return None;
                }
                let (rights, rules) = (draft.rights.clone(), draft.rules.clone());
                Grant::Entitled { registry: registry.clone(), id: id.clone(), rights, rules }
            }
        };
        Some(Principal { org: token.org.clone(), token: handle.to_owned(), kind: token.kind, from, grant })
    }

    /// Who asks the JSON API, which wants a credential of certain kinds. Within an org the others see nothing to be
    /// refused.
    pub(crate) fn manager(&self, who: &Who) -> Result<Principal, Refusal> {
        let principal = self.principal(who)?.ok_or(Refusal::Anonymous)?;
        if matches!(principal.kind, "personal" | "service") { Ok(principal) } else { Err(Refusal::Absent) }
    }

    /// The same, in its own org: every other is absent.
    pub(crate) fn manager_of(&self, who: &Who, org: &str) -> Result<Principal, Refusal> {
        self.manager(who).and_then(|principal| if principal.org == org { Ok(principal) } else { Err(Refusal::Absent) })
    }

    pub(crate) fn find(&self, place: &Place) -> Option<&Registry> {
        self.orgs.get(&place.org)?.registries.get(&place.registry)
    }

    /// Who reads a registry, and that something of it is seen: the first question of index, download and search.
    pub(crate) fn reader(&self, who: &Who, place: &Place) -> Result<(&Registry, Option<Principal>), Refusal> {
        let registry = self.find(place);
        let Some(principal) = self.principal(who)? else {
            return registry.filter(|registry| registry.public).map(|found| (found, None)).ok_or(Refusal::Anonymous);
        };
        let registry = registry.ok_or(Refusal::Absent)?;
        if registry.public || principal.sees_something_of(place) {
            Ok((registry, Some(principal)))
        } else {
            Err(Refusal::Absent)
        }
    }
}

impl Principal {
    pub(crate) fn role(&self) -> Option<&'static str> {
        match &self.grant {
            Grant::Member { role, .. } => Some(role),
            Grant::Entitled { .. } => None,
        }
    }

    pub(crate) fn login(&self) -> Option<&str> {
        match &self.grant {
            Grant::Member { login, .. } => Some(login),
            Grant::Entitled { .. } => None,
        }
    }

    pub(crate) fn runs_org(&self) -> bool {
        self.role().is_some_and(runs_org)
    }

    /// The scopes that show crates of a registry.
    fn reading<'a>(role: &'a str, scopes: &'a [String], registry: &'a str) -> impl Iterator<Item = Scope<'a>> {
        scopes.iter().map(|text| Scope::of(text)).filter(move |scope| {
            scope.is_in(registry)
                && gives(scope.verb, "index:read")
                && role_allows(role, scope.verb)
                && role_allows(role, "index:read")
        })
    }

    pub(crate) fn sees_something_of(&self, place: &Place) -> bool {
        self.org == place.org
            && match &self.grant {
                Grant::Member { role, scopes, .. } => Self::reading(role, scopes, &place.registry).next().is_some(),
                Grant::Entitled { registry, rights, rules, .. } => {
                    let shows = |rule: &Rule| {
                        rule.allow.iter().any(|allowed| rights.read.iter().any(|right| meet(allowed, right)))
                    };
                    *registry == place.registry && (rules.iter().any(shows) || !rights.publish.is_empty())
                }
            }
    }

    /// Whether a version is seen.
    pub(crate) fn sees(&self, place: &Place, krate: &Krate, version: &Version) -> bool {
        self.org == place.org
            && match &self.grant {
                Grant::Member { role, scopes, .. } => {
                    Self::reading(role, scopes, &place.registry).any(|scope| matches(scope.pattern, &krate.name))
                }
                Grant::Entitled { registry, rights, rules, .. } => {
                    *registry == place.registry && shows(rights, rules, krate, version)
                }
            }
    }

    /// Whether `verb` may be done to a crate of this name.
    pub(crate) fn may(&self, verb: &str, place: &Place, name: &str) -> bool {
        self.org == place.org
            && match &self.grant {
                Grant::Member { role, scopes, .. } => {
                    role_allows(role, verb)
                        && scopes.iter().map(|text| Scope::of(text)).any(|scope| {
                            gives(scope.verb, verb) && scope.is_in(&place.registry) && matches(scope.pattern, name)
                        })
                }
                Grant::Entitled { registry, rights, .. } => {
                    *registry == place.registry
                        && match verb {
                            "crate:publish-new" | "crate:publish" => any_matches(&rights.publish, name),
                            "crate:yank" => any_matches(&rights.yank, name),
                            "owner:write" => any_matches(&rights.owners, name),
                            _ => false,
                        }
                }
            }
    }

    /// Whether `verb` may be done to a registry as a whole, or to the org as a whole.
    pub(crate) fn manages(&self, verb: &str, registry: Option<&str>) -> bool {
        let Grant::Member { role, scopes, .. } = &self.grant else { return false };
        role_allows(role, verb)
            && scopes.iter().map(|text| Scope::of(text)).any(|scope| {
                let there = registry.map_or(scope.registry == "*", |registry| scope.is_in(registry));
                gives(scope.verb, verb) && scope.pattern == "*" && there
            })
    }

    /// Whether a registry of the own org exists for this member: it sees crates of it, manages it, or everyone sees it.
    pub(crate) fn knows(&self, name: &str, registry: &Registry) -> bool {
        let Grant::Member { role, scopes, .. } = &self.grant else { return false };
        registry.public
            || Self::reading(role, scopes, name).next().is_some()
            || ["registry:write", "entitlement:read", "policy:write"].iter().any(|verb| self.manages(verb, Some(name)))
    }

    /// Demands a verb on the org as a whole. Who may read what it would change is refused, for others it is absent.
    pub(crate) fn require(&self, verb: &str) -> Result<(), Refusal> {
        let read = verb.replace(":write", ":read");
        if self.manages(verb, None) {
            Ok(())
        } else if verb == "registry:write" || (verb == "member:write" && self.manages(&read, None)) {
            Err(FORBIDDEN)
        } else {
            Err(Refusal::Absent)
        }
    }
}

/// Whether terms show a version: some rule within the right to read, or the right to publish.
pub(crate) fn shows(rights: &Rights, rules: &[Rule], krate: &Krate, version: &Version) -> bool {
    any_matches(&rights.publish, &krate.name) || rules.iter().any(|rule| rule_shows(rights, rule, krate, version))
}

pub(crate) fn rule_shows(rights: &Rights, rule: &Rule, krate: &Krate, version: &Version) -> bool {
    rule_speaks_of(rights, rule, &krate.name)
        && rule.versions.as_ref().is_none_or(|wanted| requirement(wanted).matches(&version.number))
        && rule.published_before.is_none_or(|bound| version.published_at < bound)
}

pub(crate) fn rule_speaks_of(rights: &Rights, rule: &Rule, name: &str) -> bool {
    any_matches(&rule.allow, name) && !any_matches(&rule.except, name) && any_matches(&rights.read, name)
}
