//! Owners of crates: members and teams (`team:slug`) of the org.
//!
//! Who owns a crate is told to members of the org, to entitlements that may change owners, and to all readers of a public
//! registry. Other entitlement holders are outsiders: to them every crate they see has no owners, so that building
//! against a crate does not reveal who works on it. For the same reason an entitlement makes owners only of those it is told
//! of: members and teams that own a crate whose owners it may change. All others are absent for it.

use crate::catalog::RegistryEntry;
use crate::crates::{Seen, get_seen, require};
use crate::{Actor, Error, Kind, Result, Site};
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use wharf_domain::principal::Grant;
use wharf_domain::{CrateName, Principal, Slug, Verb, View};
use wharf_store::TenantTx;
use wharf_store::owners::{OwnerId, StoredOwner};

/// Most owners added or removed in one request.
pub const CHANGES_MAX: usize = 50;
const TEAM: &str = "team:";

/// An owner, as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// What cargo wants as an id.
    pub number: u32,
    /// `login` of a member, `team:slug` of a team.
    pub login: String,
    /// The name to show; told to those who belong to the org.
    pub name: Option<String>,
}

/// Whom a text like `ann` or `team:core` means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Member(Slug),
    Team(Slug),
}

impl Named {
    fn parse(text: &str) -> Result<Self> {
        let text = text.trim().to_ascii_lowercase();
        let read = match text.strip_prefix(TEAM) {
            Some(team) => Slug::parse(team).map(Self::Team),
            None => Slug::parse(&text).map(Self::Member),
        };
        read.map_err(|_| {
            let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
            Error::invalid(
                "owner_invalid",
                format!("`{shown}` names no owner; write the login of a member, or `team:` and the name of a team"),
            )
        })
    }

    async fn find(&self, transaction: &mut TenantTx) -> Result<Option<StoredOwner>> {
        Ok(match self {
            Self::Member(login) => transaction.find_member_owner(login).await?,
            Self::Team(slug) => transaction.find_team_owner(slug).await?,
        })
    }

    /// Whether one who was given only an entitlement is told of this member or team. The same look-ups for those there
    /// are and those there are not.
    async fn is_told(
        &self,
        transaction: &mut TenantTx,
        principal: &Principal,
        entry: &RegistryEntry,
        view: &View,
    ) -> Result<bool> {
        wharf_trial::mutant!(OwnersConfirmed { return Ok(true); });
        let registry = entry.address.registry;
        let owned = match self {
            Self::Member(login) => transaction.list_crates_of_member(registry, login).await?,
            Self::Team(slug) => transaction.list_crates_of_team(registry, slug).await?,
        };
        for krate in owned.iter().filter(|name| told(Some(principal), entry, name) == Told::Names) {
            match get_seen(transaction, entry, view, krate.as_str()).await {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    async fn resolve(
        &self,
        transaction: &mut TenantTx,
        principal: &Principal,
        entry: &RegistryEntry,
        view: &View,
    ) -> Result<StoredOwner> {
        if matches!(principal.grant, Grant::Entitled { .. })
            && !self.is_told(transaction, principal, entry, view).await?
        {
            return Err(Error::invalid(
                "owner_unknown",
                format!(
                    "your entitlement knows no `{self}`: it can name those who own a crate whose owners it may change; ask \
                     an admin of the org to make others owners"
                ),
            ));
        }
        self.find(transaction).await?.ok_or_else(|| {
            let (what, hint) = match self {
                Self::Member(_) => ("member", "for a team write `team:` and its name"),
                Self::Team(_) => ("team", "for a member write the login alone"),
            };
            Error::invalid(
                "owner_unknown",
                format!(
                    "this org has no {what} `{}`; {hint}, or ask an admin of the org to add them first",
                    self.slug()
                ),
            )
        })
    }

    fn slug(&self) -> &Slug {
        match self {
            Self::Member(slug) | Self::Team(slug) => slug,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(login) => write!(f, "{login}"),
            Self::Team(slug) => write!(f, "{TEAM}{slug}"),
        }
    }
}

fn shown(owner: &StoredOwner) -> String {
    match owner.id {
        OwnerId::User(_) => owner.login.to_string(),
        OwnerId::Team(_) => format!("{TEAM}{}", owner.login),
    }
}

/// How much a reader is told about who owns a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Logins,
    Names,
}

fn told(principal: Option<&Principal>, entry: &RegistryEntry, name: &CrateName) -> Told {
    let knows = principal.is_some_and(|principal| {
        principal.org == entry.address.org
            && match &principal.grant {
                Grant::Member { .. } => true,
                Grant::Entitled { .. } => principal.may(Verb::OwnerWrite, entry.place(), &name.canonical()),
            }
    });
    match (knows, entry.address.is_public) {
        (true, _) => Told::Names,
        (false, true) => wharf_trial::mutant!(NamesToldToAll => Told::Names; Told::Logins),
        (false, false) => wharf_trial::mutant!(OwnersToldToOutsiders => Told::Logins; Told::Nothing),
    }
}

impl Site {
    /// The owners of a crate that the view holds, members before teams, each by login.
    pub async fn list_owners(
        self: &Arc<Self>,
        principal: Option<&Principal>,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
    ) -> Result<Vec<Owner>> {
        self.require_in_view(entry, view, name, |_| true).await?;
        let mut transaction = self.begin(entry.address.org).await?;
        let Seen { krate, .. } = get_seen(&mut transaction, entry, view, name).await?;
        let told = told(principal, entry, &krate.name);
        if told == Told::Nothing {
            return Ok(Vec::new());
        }
        let owners = transaction.list_owners(krate.id).await?;
        Ok(owners
            .into_iter()
            .map(|owner| Owner {
                number: owner.number,
                login: shown(&owner),
                name: owner.name.filter(|_| told == Told::Names),
            })
            .collect())
    }

    /// Makes members and teams owners of a crate, all or none; tells in a sentence what was done.
    pub async fn add_owners(
        self: &Arc<Self>,
        actor: &Actor,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
        logins: &[String],
    ) -> Result<String> {
        let (mut transaction, krate) = self.begin_owner_change(actor, entry, view, name).await?;
        let mut said = Vec::new();
        let mut added = Vec::new();
        for named in parse_all(logins)? {
            let owner = named.resolve(&mut transaction, &actor.principal, entry, view).await?;
            let (login, what) = (shown(&owner), if matches!(named, Named::Team(_)) { "team" } else { "user" });
            if transaction.add_owner(krate.krate.id, owner.id, self.clock.now()).await? {
                said.push(format!("{what} {login} has been added as an owner of crate {}", krate.krate.name));
                added.push(login);
            } else {
                said.push(format!("{what} {login} is already an owner of crate {}", krate.krate.name));
            }
        }
        if !added.is_empty() {
            let object = json!({ "registry": entry.address.registry_slug, "crate": krate.krate.name.as_str() });
            wharf_trial::moment!("owners: added");
            transaction.record(&actor.entry(self, "owner.add", object, json!({ "added": added }))).await?;
            self.settle(transaction).await?;
        }
        Ok(said.join(", "))
    }

    /// Takes ownership of a crate from members and teams, all or none. A crate keeps at least one owner, unless someone
    /// who runs the org decides otherwise.
    pub async fn remove_owners(
        self: &Arc<Self>,
        actor: &Actor,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
        logins: &[String],
    ) -> Result<String> {
        let (mut transaction, Seen { krate, .. }) = self.begin_owner_change(actor, entry, view, name).await?;
        let mut removed = Vec::new();
        for named in parse_all(logins)? {
            // One answer for a login that is no owner and one that does not exist: who else is in the org is not said.
            let owns = match named.find(&mut transaction).await? {
                Some(owner) => transaction.remove_owner(krate.id, owner.id).await?,
                None => false,
            };
            if !owns {
                return Err(Error::invalid(
                    "owner_absent",
                    format!("`{named}` is not an owner of `{0}`; see `cargo owner --list {0}`", krate.name),
                ));
            }
            removed.push(named.to_string());
        }
        let runs_org = actor.principal.role().is_some_and(wharf_domain::Role::administers);
        if !runs_org && transaction.list_owners(krate.id).await?.is_empty() {
            return Err(Error::conflict(
                "last_owner",
                format!(
                    "`{}` would be left without an owner; add another one first with `cargo owner --add`",
                    krate.name
                ),
            ));
        }
        let object = json!({ "registry": entry.address.registry_slug, "crate": krate.name.as_str() });
        wharf_trial::moment!("owners: removed");
        transaction.record(&actor.entry(self, "owner.remove", object, json!({ "removed": removed }))).await?;
        self.settle(transaction).await?;
        Ok("owners successfully removed".to_owned())
    }

    /// A transaction in which the owners of a crate can be changed: the right is checked, and nobody else changes them.
    async fn begin_owner_change(
        self: &Arc<Self>,
        actor: &Actor,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
    ) -> Result<(TenantTx, Seen)> {
        self.require_in_view(entry, view, name, |_| true).await?;
        let mut transaction = self.begin(entry.address.org).await?;
        let seen = get_seen(&mut transaction, entry, view, name).await?;
        // Two owners who remove each other at the same moment must not leave none.
        transaction.lock_crate(seen.krate.id).await?;
        require(&mut transaction, actor, entry.place(), &seen.krate, Verb::OwnerWrite).await?;
        Ok((transaction, seen))
    }
}

/// Each named once, in the order given.
fn parse_all(logins: &[String]) -> Result<Vec<Named>> {
    if logins.is_empty() || logins.len() > CHANGES_MAX {
        return Err(Error::invalid("owners_invalid", format!("name 1 to {CHANGES_MAX} owners")));
    }
    let mut all = Vec::with_capacity(logins.len());
    for login in logins {
        let named = Named::parse(login)?;
        if !all.contains(&named) {
            all.push(named);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
