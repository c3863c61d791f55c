//! Principals: who a credential stands for, and what that principal sees and may do.

use crate::entitlement::Rights;
use crate::view::{Rule, View};
use crate::{CanonicalName, EntitlementId, OrgId, RegistryId, Role, Scope, Slug, TokenId, TokenKind, UserId, Verb};
use std::sync::Arc;

/// Who a valid credential stands for.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The only org it belongs to; everything in other orgs is absent for it.
    pub org: OrgId,
    /// The token it came with.
    pub token: TokenId,
    /// The kind of that token.
    pub kind: TokenKind,
    /// What it is allowed.
    pub grant: Grant,
}

/// Where the rights of a principal come from.
#[derive(Clone, Debug)]
pub enum Grant {
    /// A member's token: the token's scopes within what the role allows now.
    Member {
        /// Whose token it is.
        user: UserId,
        /// The part the member plays now.
        role: Role,
        /// What the token was issued for.
        scopes: Vec<Scope>,
    },
    /// An entitlement's token: exactly the entitlement's terms, in its registry.
    Entitled {
        /// The entitlement.
        entitlement: EntitlementId,
        /// The one registry it speaks of.
        registry: RegistryId,
        /// What may be done besides reading.
        rights: Rights,
        /// What is seen.
        view: Arc<View>,
    },
}

/// A registry as far as rights are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The org it belongs to.
    pub org: OrgId,
    /// Its identity.
    pub registry: RegistryId,
    /// Its name in scopes.
    pub slug: &'a Slug,
}

impl Principal {
    /// The member behind the token, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match &self.grant {
            Grant::Member { user, .. } => Some(*user),
            Grant::Entitled { .. } => None,
        }
    }

    /// The member's role, if there is a member.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match &self.grant {
            Grant::Member { role, .. } => Some(*role),
            Grant::Entitled { .. } => None,
        }
    }

    /// What this principal sees of a registry. An empty view means that the registry does not exist for it.
    #[must_use]
    pub fn view(&self, place: Place<'_>) -> Arc<View> {
        if wharf_trial::mutant!(ForeignOrgSeen => false; place.org != self.org) {
            return Arc::default();
        }
        let is_own = |registry: &RegistryId| {
            wharf_trial::mutant!(EntitlementOpensSiblings { return true; });
            *registry == place.registry
        };
        match &self.grant {
            Grant::Entitled { registry, view, .. } if is_own(registry) => Arc::clone(view),
            Grant::Entitled { .. } => Arc::default(),
            Grant::Member { role, scopes, .. } => {
                let rules = scopes
                    .iter()
                    .filter(|scope| wharf_trial::mutant!(ScopeInEveryRegistry => true; scope.is_in(place.slug)))
                    .filter(|scope| role.allows(scope.verb))
                    .filter(|scope| scope.verb.gives(Verb::IndexRead) && role.allows(Verb::IndexRead))
                    .map(|scope| Rule { allow: vec![scope.pattern.clone()], ..Rule::default() });
                Arc::new(View::new(merge(rules)))
            }
        }
    }

    /// Whether `verb` is allowed on a crate. For verbs other than reading, which is a matter of the view.
    #[must_use]
    pub fn may(&self, verb: Verb, place: Place<'_>, name: &CanonicalName) -> bool {
        if place.org != self.org {
            return false;
        }
        match &self.grant {
            Grant::Entitled { registry, rights, .. } => *registry == place.registry && rights.allow(verb, name),
            Grant::Member { role, scopes, .. } => {
                role.allows(verb) && scopes.iter().any(|scope| scope.allows(verb, place.slug, name))
            }
        }
    }

    /// Whether `verb` is allowed on a registry as a whole; `None` asks for the org as a whole.
    #[must_use]
    pub fn may_manage(&self, verb: Verb, registry: Option<&Slug>) -> bool {
        match &self.grant {
            Grant::Entitled { .. } => false,
            Grant::Member { role, scopes, .. } => {
                wharf_trial::mutant!(RoleForgotten => true; role.allows(verb))
                    && scopes.iter().any(|scope| {
                        scope.verb.gives(verb)
                            && scope.pattern == crate::CratePattern::all()
                            && match registry {
                                Some(slug) => scope.is_in(slug),
                                None => scope.registry.is_none(),
                            }
                    })
            }
        }
    }

    /// Whether a token with these scopes may be made by this principal: each must lie within one of its own.
    #[must_use]
    pub fn may_delegate(&self, wanted: &[Scope]) -> bool {
        match &self.grant {
            Grant::Entitled { .. } => false,
            Grant::Member { scopes, .. } => wanted.iter().all(|scope| scopes.iter().any(|own| own.covers(scope))),
        }
    }
}

/// Rules without narrowing are one rule.
fn merge(rules: impl Iterator<Item = Rule>) -> Option<Rule> {
    rules.reduce(|mut all, rule| {
        all.allow.extend(rule.allow);
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CrateName, Sight};
    use uuid::Uuid;

    fn member(role: Role, scopes: &[&str]) -> Principal {
        Principal {
            org: OrgId(Uuid::from_u128(1)),
            token: TokenId(Uuid::from_u128(2)),
            kind: TokenKind::Personal,
            grant: Grant::Member {
                user: UserId(Uuid::from_u128(3)),
                role,
                scopes: scopes.iter().map(|text| Scope::parse(text).unwrap()).collect(),
            },
        }
    }

    fn canonical(name: &str) -> CanonicalName {
        CrateName::parse(name).unwrap().canonical()
    }

    #[test]
    fn rights_are_scopes_within_the_role() {
        let slug = Slug::parse("private").unwrap();
        let here = Place { org: OrgId(Uuid::from_u128(1)), registry: RegistryId(Uuid::from_u128(9)), slug: &slug };
        let elsewhere = Place { org: OrgId(Uuid::from_u128(8)), ..here };
        let name = canonical("acme-core");

        let none = member(Role::Owner, &[]);
        assert!(none.view(here).is_empty() && !none.may(Verb::Publish, here, &name));

        let publisher = member(Role::Publisher, &["crate:publish@private/acme-*"]);
        assert!(publisher.may(Verb::Publish, here, &name));
        assert!(!publisher.may(Verb::Publish, here, &canonical("zlib")));
        assert_eq!(publisher.view(here).sight(&name), Sight::Whole);
        assert_eq!(publisher.view(here).sight(&canonical("zlib")), Sight::Hidden);
        assert!(publisher.view(elsewhere).is_empty() && !publisher.may(Verb::Publish, elsewhere, &name));

        let demoted = member(Role::Reader, &["crate:publish@*", "entitlement:write@*"]);
        assert!(!demoted.may(Verb::Publish, here, &name));
        assert!(!demoted.may_manage(Verb::EntitlementWrite, Some(&slug)));
        assert!(demoted.view(here).is_empty(), "a scope the role does not allow confers nothing");

        let auditor = member(Role::Auditor, &["index:read@*", "audit:read@*"]);
        assert!(auditor.view(here).is_empty());
        assert!(auditor.may_manage(Verb::AuditRead, None));

        let narrow = member(Role::Admin, &["entitlement:write@private"]);
        assert!(narrow.may_manage(Verb::EntitlementRead, Some(&slug)));
        assert!(!narrow.may_manage(Verb::EntitlementWrite, None));
        assert!(narrow.may_delegate(&[Scope::parse("entitlement:read@private").unwrap()]));
        assert!(!narrow.may_delegate(&[Scope::parse("entitlement:read@*").unwrap()]));
    }
}
