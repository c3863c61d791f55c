//! Members: invited, given a role, removed. Only owners make and unmake owners, and the last one stays.

use crate::idempotency::Once;
use crate::paging::{Page, Position, Slice};
use crate::{Actor, Error, Result, Site, label};
use serde::{Deserialize, Serialize};
use serde_json::json;
use wharf_domain::{Role, Slug, UserId, Verb};
pub use wharf_store::members::{Member, MemberKind};
use wharf_store::{Change, StoreError, TenantTx};

/// Most members of an org, service accounts included.
pub const MEMBERS_MAX: i64 = 10_000;

/// A member somebody wants.
#[derive(Clone, Debug)]
pub enum NewMember {
    /// A person, known by an e-mail address.
    Person {
        /// The address.
        email: String,
        /// The login within the org.
        login: String,
        /// The name to show.
        name: Option<String>,
        /// The part the person plays.
        role: Role,
    },
    /// A service account.
    Service {
        /// The login within the org.
        login: String,
        /// The name to show.
        name: Option<String>,
        /// The part it plays.
        role: Role,
    },
}

/// A member with the address of the person, if it is one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListedMember {
    /// The member.
    pub member: Member,
    /// The address.
    pub email: Option<String>,
}

impl Site {
    /// Adds a member.
    pub async fn add_member(
        &self,
        actor: &Actor,
        org: &str,
        new: NewMember,
        once: Option<&Once>,
    ) -> Result<ListedMember> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::MemberWrite, None)?;
        if let Some(kept) = Once::earlier(once, &mut tx).await? {
            return Ok(kept);
        }
        let now = self.clock.now();
        let fresh = UserId::random(&*self.entropy);
        let (kind, email, login, name, role) = match new {
            NewMember::Person { email, login, name, role } => {
                (MemberKind::Person, Some(label::email(&email)?), login, name, role)
            }
            NewMember::Service { login, name, role } => (MemberKind::Service, None, login, name, role),
        };
        check_owner_rule(actor, &[role])?;
        let login = Slug::parse_new(&login).map_err(|error| Error::invalid("login_invalid", error.to_string()))?;
        let name = name.as_deref().map(label::name).transpose()?;
        if tx.count_members().await? >= MEMBERS_MAX {
            return Err(Error::conflict("members_too_many", format!("an org has at most {MEMBERS_MAX} members")));
        }
        let user = match &email {
            Some(email) => tx.account_for_email(email, fresh, now).await?,
            None => {
                tx.create_service_account(fresh, now).await?;
                fresh
            }
        };
        let owner_number = self.free_owner_number(&mut tx).await?;
        let member = Member { user, login, name, kind, role, owner_number, created_at: now };
        tx.insert_member(&member).await.map_err(taken)?;
        let detail = json!({ "kind": kind, "role": role });
        tx.record(&actor.entry(self, "member.add", object(&member), detail)).await?;
        let listed = ListedMember { member, email };
        Once::keep(once, &mut tx, &*self.entropy, now, &listed).await?;
        self.settle(tx).await?;
        Ok(listed)
    }

    /// A page of the members, oldest first.
    pub async fn list_members(&self, actor: &Actor, org: &str, slice: Slice) -> Result<Page<ListedMember>> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::MemberRead, None)?;
        let members = tx.list_members(slice.after(), slice.fetch()).await?;
        let page = slice.page(members, |member| Position { at: member.created_at, id: member.user.0 });
        let users: Vec<UserId> = page.items.iter().map(|member| member.user).collect();
        let mut emails = tx.member_emails(&users).await?;
        Ok(page.map(|member| ListedMember { email: emails.remove(&member.user), member }))
    }

    /// Changes a member's role or name. A change of role is in force when this returns, for all of the member's tokens.
    pub async fn change_member(
        &self,
        actor: &Actor,
        org: &str,
        login: &str,
        role: Option<Role>,
        name: Option<&str>,
    ) -> Result<ListedMember> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::MemberWrite, None)?;
        let before = find(&mut tx, login).await?;
        let role = role.unwrap_or(before.role);
        let name = name.map(label::name).transpose()?.or_else(|| before.name.clone());
        if role != before.role {
            check_owner_rule(actor, &[before.role, role])?;
            keep_an_owner(&mut tx, &before).await?;
        }
        let now = self.clock.now();
        tx.update_member(before.user, role, name.as_deref()).await?;
        tx.announce(&Change::Member(before.user), now).await?;
        let detail = json!({
            "role": role, "name": name, "before": { "role": before.role, "name": before.name },
        });
        tx.record(&actor.entry(self, "member.update", object(&before), detail)).await?;
        let email = tx.member_emails(&[before.user]).await?.remove(&before.user);
        self.settle(tx).await?;
        Ok(ListedMember { member: Member { role, name, ..before }, email })
    }

    /// Removes a member. Its tokens are refused everywhere when this returns.
    pub async fn remove_member(&self, actor: &Actor, org: &str, login: &str) -> Result<()> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::MemberWrite, None)?;
        let member = find(&mut tx, login).await?;
        check_owner_rule(actor, &[member.role])?;
        keep_an_owner(&mut tx, &member).await?;
        let now = self.clock.now();
        let tokens = tx.delete_member(member.user).await?;
        tx.announce(&Change::Member(member.user), now).await?;
        let detail = json!({ "role": member.role, "kind": member.kind, "tokens": tokens });
        tx.record(&actor.entry(self, "member.remove", object(&member), detail)).await?;
        Ok(self.settle(tx).await?)
    }
}

pub(crate) async fn find(tx: &mut TenantTx, login: &str) -> Result<Member> {
    let login = Slug::parse(login).map_err(|_| Error::not_found())?;
    tx.find_member_by_login(&login).await?.ok_or_else(Error::not_found)
}

/// Whoever makes or unmakes an owner is one.
fn check_owner_rule(actor: &Actor, roles: &[Role]) -> Result<()> {
    if roles.contains(&Role::Owner) && actor.principal.role() != Some(Role::Owner) {
        return Err(Error::forbidden("only an owner makes and unmakes owners"));
    }
    Ok(())
}

/// Refuses to unmake the last person who owns the org.
async fn keep_an_owner(tx: &mut TenantTx, leaving: &Member) -> Result<()> {
    if leaving.role != Role::Owner {
        return Ok(());
    }
    let owners = tx.lock_owners().await?;
    if owners.contains(&leaving.user) && owners.len() == 1 {
        return Err(Error::conflict(
            "last_owner",
            "this is the last owner of the org; make another member an owner first",
        ));
    }
    Ok(())
}

fn taken(error: StoreError) -> Error {
    if error.is_constraint("member_login_key") {
        Error::conflict("login_taken", "a member has this login already; choose another")
    } else if error.is_constraint("member_pkey") {
        Error::conflict("member_exists", "the person with this e-mail address is a member already")
    } else {
        error.into()
    }
}

fn object(member: &Member) -> serde_json::Value {
    // The login only: addresses of people stay out of the audit.
    json!({ "member": member.login, "user": member.user })
}
