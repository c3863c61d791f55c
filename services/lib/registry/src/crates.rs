//! What every verb on one crate begins with: is it in view, and may the caller act on it.
//!
//! Hidden and absent crates take the same steps and end in the same error. Whoever sees a crate is told plainly what is
//! missing to act on it.

use crate::catalog::RegistryEntry;
use crate::{Actor, Error, Result};
use wharf_domain::principal::Place;
use wharf_domain::{CrateName, Principal, Sight, Verb, View};
use wharf_store::TenantTx;
use wharf_store::crates::StoredCrate;

/// A crate that a view holds, and what the view shows of it.
pub(crate) struct Seen {
    pub(crate) krate: StoredCrate,
    pub(crate) sight: Sight,
}

/// The crate of this name, in any spelling, of which the view holds at least one version.
///
/// The time this takes tells a crate whose versions are hidden from an absent one: ask [`crate::Site::require_in_view`] first.
///
/// Errors: [`Error::not_found`] when it is hidden or absent.
pub(crate) async fn get_seen(
    transaction: &mut TenantTx,
    entry: &RegistryEntry,
    view: &View,
    name: &str,
) -> Result<Seen> {
    let Ok(name) = CrateName::parse(name) else { return Err(Error::not_found()) };
    let canonical = name.canonical();
    let sight = view.sight(&canonical);
    // Decided by the name alone, so that a hidden crate costs what an absent one does.
    if sight == Sight::Hidden {
        return Err(Error::not_found());
    }
    let found = transaction.find_crate(entry.address.registry, &canonical).await?;
    let Some(krate) = found else { return Err(Error::not_found()) };
    let seen = match &sight {
        Sight::Hidden => false,
        Sight::Whole => true,
        Sight::Part(filter) => transaction.list_versions(krate.id).await?.iter().any(|version| {
            wharf_trial::mutant!(PartlySeenMeansThere { return true; });
            filter.admits(version.number.semver(), version.published_at)
        }),
    };
    if seen { Ok(Seen { krate, sight }) } else { Err(Error::not_found()) }
}

/// Whether a principal may change only those existing crates that it owns. Those who run the org may change all; an
/// entitlement names the crates it may change itself.
pub(crate) fn needs_ownership(principal: &Principal) -> bool {
    principal.role().is_some_and(|role| !role.administers())
}

/// Whether the actor owns the crate, or need not.
pub(crate) async fn owns_or_need_not(transaction: &mut TenantTx, actor: &Actor, krate: &StoredCrate) -> Result<bool> {
    match actor.principal.user() {
        Some(user) if needs_ownership(&actor.principal) => Ok(transaction.is_owner(krate.id, user).await?),
        _ => Ok(true),
    }
}

/// Refuses an actor who may not use `verb` on a crate that it sees.
pub(crate) async fn require(
    transaction: &mut TenantTx,
    actor: &Actor,
    place: Place<'_>,
    krate: &StoredCrate,
    verb: Verb,
) -> Result<()> {
    let name = &krate.name;
    if !actor.principal.may(verb, place, &name.canonical()) {
        return Err(Error::forbidden(format!(
            "your token shows you `{name}`, but does not allow {} on it; ask an admin of the org for a token that does",
            verb.as_str()
        )));
    }
    if !owns_or_need_not(transaction, actor, krate).await? {
        return Err(not_an_owner(name));
    }
    Ok(())
}

pub(crate) fn not_an_owner(name: &CrateName) -> Error {
    Error::new(
        crate::Kind::Forbidden,
        "not_an_owner",
        format!(
            "you are not an owner of `{name}`; ask one of its owners (`cargo owner --list {name}`) to add you with \
             `cargo owner --add <your login> {name}`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;
    use wharf_domain::entitlement::Rights;
    use wharf_domain::principal::Grant;
    use wharf_domain::{EntitlementId, OrgId, RegistryId, Role, TokenId, TokenKind, UserId};

    fn principal(grant: Grant) -> Principal {
        Principal { org: OrgId(Uuid::nil()), token: TokenId(Uuid::nil()), kind: TokenKind::Personal, grant }
    }

    #[test]
    fn only_members_who_do_not_run_the_org_need_to_own() {
        for role in Role::ALL {
            let member = principal(Grant::Member { user: UserId(Uuid::nil()), role, scopes: Vec::new() });
            assert_eq!(needs_ownership(&member), !matches!(role, Role::Owner | Role::Admin), "{role:?}");
        }
        let entitled = principal(Grant::Entitled {
            entitlement: EntitlementId(Uuid::nil()),
            registry: RegistryId(Uuid::nil()),
            rights: Rights::default(),
            view: std::sync::Arc::default(),
        });
        assert!(!needs_ownership(&entitled));
    }
}
