//! The first question of every verb that manages an org: may this actor, and if not, may it know of what it asks?

use crate::{Actor, Error, Result, Site};
use wharf_domain::principal::Grant;
use wharf_domain::{Slug, TokenKind, Verb};
use wharf_store::TenantTx;
use wharf_store::orgs::Org;

impl Actor {
    /// Whether the token is of a kind that manages things at all. Other kinds see no management surface, so that what
    /// they ask for there is absent, not forbidden.
    pub(crate) fn manages(&self) -> bool {
        matches!(self.principal.kind, TokenKind::Personal | TokenKind::Service)
            && matches!(self.principal.grant, Grant::Member { .. })
    }

    /// Demands `verb` on a registry, or on the org as a whole.
    ///
    /// Whoever lacks it is refused with 403 when it may see what it asks to change, which is when it has the verb that
    /// reads the same thing; otherwise the thing is absent (404). A verb with no reading counterpart is its own.
    pub(crate) fn require(&self, verb: Verb, registry: Option<&Slug>) -> Result<()> {
        if !self.manages() {
            return Err(Error::not_found());
        }
        if self.principal.may_manage(verb, registry) {
            return Ok(());
        }
        let seen = match verb {
            Verb::MemberWrite => self.principal.may_manage(Verb::MemberRead, registry),
            Verb::EntitlementWrite => self.principal.may_manage(Verb::EntitlementRead, registry),
            // The list of registries is there for every member, however short; one registry only for those it shows.
            Verb::RegistryWrite => registry.is_none_or(|slug| self.shows_registry(slug)),
            _ => false,
        };
        if seen { self.require_seen(verb, registry) } else { Err(Error::not_found()) }
    }

    /// Demands `verb` on something the actor is known to see.
    pub(crate) fn require_seen(&self, verb: Verb, registry: Option<&Slug>) -> Result<()> {
        if self.principal.may_manage(verb, registry) {
            return Ok(());
        }
        Err(Error::forbidden(format!(
            "this needs the scope {}@{} in your token, and a role that allows it",
            verb.as_str(),
            registry.map_or("*", Slug::as_str)
        )))
    }

    /// Whether a private registry exists for this actor: it sees crates of it, or manages it.
    pub(crate) fn shows_registry(&self, slug: &Slug) -> bool {
        let Grant::Member { role, scopes, .. } = &self.principal.grant else { return false };
        let reads = scopes.iter().any(|scope| {
            scope.is_in(slug)
                && role.allows(scope.verb)
                && role.allows(Verb::IndexRead)
                && scope.verb.gives(Verb::IndexRead)
        });
        let manages = [Verb::RegistryWrite, Verb::EntitlementRead, Verb::PolicyWrite]
            .into_iter()
            .any(|verb| self.principal.may_manage(verb, Some(slug)));
        reads || manages
    }
}

impl Site {
    /// Begins a transaction in the actor's org, if `org` is its name. Every other org is absent, whether it exists or
    /// not, after the same work.
    pub(crate) async fn enter_org(&self, actor: &Actor, org: &str) -> Result<(TenantTx, Org)> {
        let mut tx = self.begin(actor.principal.org).await?;
        match tx.find_org().await? {
            Some(own) if own.slug.as_str() == org => Ok((tx, own)),
            _ => Err(Error::not_found()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Request};
    use uuid::Uuid;
    use wharf_domain::{OrgId, Principal, Role, Scope, TokenId, UserId};

    fn actor(kind: TokenKind, role: Role, scopes: &[&str]) -> Actor {
        Actor {
            principal: Principal {
                org: OrgId(Uuid::from_u128(1)),
                token: TokenId(Uuid::from_u128(2)),
                kind,
                grant: Grant::Member {
                    user: UserId(Uuid::from_u128(3)),
                    role,
                    scopes: scopes.iter().map(|text| Scope::parse(text).unwrap()).collect(),
                },
            },
            request: Request { id: String::new(), address: None },
        }
    }

    #[test]
    fn absent_unless_seen_and_forbidden_unless_allowed() {
        use TokenKind::{Personal, Upload};
        let slug = Slug::parse("private").unwrap();
        for (kind, role, scopes, verb, registry, expected) in [
            (Personal, Role::Admin, &["member:write@*"][..], Verb::MemberWrite, None, None),
            (Personal, Role::Auditor, &["member:read@*"], Verb::MemberWrite, None, Some(Kind::Forbidden)),
            (Personal, Role::Reader, &["member:write@*"], Verb::MemberWrite, None, Some(Kind::NotFound)),
            (Personal, Role::Admin, &["index:read@*"], Verb::MemberWrite, None, Some(Kind::NotFound)),
            (Personal, Role::Admin, &[], Verb::AuditRead, None, Some(Kind::NotFound)),
            (Personal, Role::Admin, &["registry:write@private"], Verb::RegistryWrite, Some(&slug), None),
            (Personal, Role::Admin, &["registry:write@private"], Verb::RegistryWrite, None, Some(Kind::Forbidden)),
            (
                Personal,
                Role::Reader,
                &["index:read@private/a*"],
                Verb::RegistryWrite,
                Some(&slug),
                Some(Kind::Forbidden),
            ),
            (Personal, Role::Reader, &["index:read@other"], Verb::RegistryWrite, Some(&slug), Some(Kind::NotFound)),
            (Upload, Role::Owner, &["member:write@*"], Verb::MemberWrite, None, Some(Kind::NotFound)),
        ] {
            let answer = actor(kind, role, scopes).require(verb, registry);
            assert_eq!(answer.err().map(|error| error.kind()), expected, "{kind:?} {role:?} {scopes:?} {verb:?}");
        }
    }
}
