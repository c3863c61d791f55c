//! Members and teams.

use crate::request::{Who, moment};
use crate::rights::Principal;
use crate::state::{Member, Model, Team, email};
use crate::{Answer, FORBIDDEN, Refusal, created, gone, ok};
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Model {
    pub(crate) fn members(&self, who: &Who, org: &str) -> Answer {
        self.manager_of(who, org)?.require("member:read")?;
        let members = self.orgs[org].members.iter().map(|(login, member)| shown(login, member));
        ok(json!({ "items": members.collect::<Vec<_>>() }))
    }

    /// The e-mail address of a person follows from the login, so whoever has the login has the address.
    pub(crate) fn add_member(
        &mut self,
        who: &Who,
        org: &str,
        login: &str,
        role: &'static str,
        service: bool,
    ) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("member:write")?;
        if let Some(earlier) = self.earlier(&principal)? {
            return Ok(earlier);
        }
        makes_no_owner(&principal, &[role])?;
        let account = (!service).then(|| email(org, login));
        let members = &self.orgs[org].members;
        if account.is_some() && members.values().any(|member| member.account == account) {
            return Err(Refusal::Conflict("member_exists"));
        }
        if members.contains_key(login) {
            return Err(Refusal::Conflict("login_taken"));
        }
        let member = Member { role, service, account, created_at: self.now };
        let body = shown(login, &member);
        self.orgs.get_mut(org).expect("the caller's org").members.insert(login.to_owned(), member);
        self.record(&principal, "member.add", json!({ "member": login }));
        created(body)
    }

    pub(crate) fn change_member(&mut self, who: &Who, org: &str, login: &str, role: &'static str) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("member:write")?;
        let before = self.orgs[org].members.get(login).ok_or(Refusal::Absent)?.role;
        if role != before {
            makes_no_owner(&principal, &[before, role])?;
            self.keeps_an_owner(org, login)?;
        }
        let member = self.orgs.get_mut(org).expect("the caller's org").members.get_mut(login).expect("found above");
        member.role = role;
        let body = shown(login, member);
        self.record(&principal, "member.update", json!({ "member": login }));
        ok(body)
    }

    /// A member leaves with its tokens, its places in teams, and what it owned.
    pub(crate) fn remove_member(&mut self, who: &Who, org: &str, login: &str) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("member:write")?;
        let role = self.orgs[org].members.get(login).ok_or(Refusal::Absent)?.role;
        makes_no_owner(&principal, &[role])?;
        self.keeps_an_owner(org, login)?;
        self.record(&principal, "member.remove", json!({ "member": login }));
        self.tokens.retain(|_, token| !token.is_of_member(org, login));
        self.orgs.get_mut(org).expect("the caller's org").members.remove(login);
        self.forget_owner(org, login)
    }

    /// The last person who owns the org stays.
    fn keeps_an_owner(&self, org: &str, leaving: &str) -> Result<(), Refusal> {
        let is_person = |member: &&Member| member.role == "owner" && !member.service;
        let members = &self.orgs[org].members;
        if is_person(&&members[leaving]) && members.values().filter(is_person).count() == 1 {
            return Err(Refusal::Conflict("last_owner"));
        }
        Ok(())
    }

    pub(crate) fn teams(&self, who: &Who, org: &str) -> Answer {
        self.manager_of(who, org)?.require("member:read")?;
        let teams = self.orgs[org].teams.iter().map(|(slug, team)| shown_team(slug, team));
        ok(json!({ "items": teams.collect::<Vec<_>>() }))
    }

    pub(crate) fn make_team(&mut self, who: &Who, org: &str, slug: &str) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("member:write")?;
        if let Some(earlier) = self.earlier(&principal)? {
            return Ok(earlier);
        }
        if self.orgs[org].teams.contains_key(slug) {
            return Err(Refusal::Conflict("slug_taken"));
        }
        let team = Team { members: BTreeSet::new(), created_at: self.now };
        let body = shown_team(slug, &team);
        self.orgs.get_mut(org).expect("the caller's org").teams.insert(slug.to_owned(), team);
        self.record(&principal, "team.create", json!({ "team": slug }));
        created(body)
    }

    /// Once is as good as twice.
    pub(crate) fn seat(&mut self, who: &Who, org: &str, slug: &str, login: &str, seated: bool) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("member:write")?;
        let found = self.orgs.get_mut(org).expect("the caller's org");
        let team = found.teams.get_mut(slug).ok_or(Refusal::Absent)?;
        if !found.members.contains_key(login) {
            return Err(Refusal::Absent);
        }
        let changed = if seated { team.members.insert(login.to_owned()) } else { team.members.remove(login) };
        if changed {
            let action = if seated { "team.add_member" } else { "team.remove_member" };
            self.record(&principal, action, json!({ "team": slug, "member": login }));
        }
        gone()
    }
}

/// Only owners make and unmake owners.
fn makes_no_owner(principal: &Principal, roles: &[&str]) -> Result<(), Refusal> {
    if roles.contains(&"owner") && principal.role() != Some("owner") { Err(FORBIDDEN) } else { Ok(()) }
}

pub(crate) fn shown(login: &str, member: &Member) -> Value {
    let mut shown = json!({
        "login": login,
        "name": null,
        "kind": if member.service { "service" } else { "person" },
        "role": member.role,
        "created_at": moment(member.created_at),
    });
    if let Some(account) = &member.account {
        shown["email"] = account.as_str().into();
    }
    shown
}

fn shown_team(slug: &str, team: &Team) -> Value {
    json!({ "slug": slug, "name": slug, "members": team.members, "created_at": moment(team.created_at) })
}
