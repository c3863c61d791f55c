//! Members' tokens: a token gives no more than it has.

use crate::request::{Who, moment};
use crate::rights::{Grant, Principal, Scope, runs_org, shown_scope};
use crate::sources::{cover, shown};
use crate::state::{Holder, Member, Model, Token};
use crate::{Answer, FORBIDDEN, Refusal, VERBS, created, gone, ok};
use serde_json::{Value, json};

const DAY: i64 = 86_400;
/// The longest a token lives.
const LIFE_MAX: i64 = 731 * DAY;
/// The longest a replaced token goes on.
pub(crate) const OVERLAP_MAX: i64 = 7 * DAY;

/// How long a token of a kind lives when nothing is said.
fn life(kind: &str) -> i64 {
    if matches!(kind, "personal" | "upload") { 90 * DAY } else { 180 * DAY }
}

/// What a kind may carry at all.
fn fits(kind: &str, verb: &str) -> bool {
    let reads = matches!(verb, "index:read" | "crate:download");
    let changes = matches!(verb, "crate:publish-new" | "crate:publish" | "crate:yank" | "owner:write");
    match kind {
        "upload" => reads || changes,
        "download" => reads,
        _ => true,
    }
}

/// What a kind is made for.
fn usual(kind: &str) -> Vec<String> {
    let verbs: &[&str] = match kind {
        "upload" => &["index:read", "crate:publish-new", "crate:publish", "crate:yank", "owner:write"],
        "download" => &["index:read"],
        _ => &[],
    };
    verbs.iter().map(|verb| format!("{verb}@*")).collect()
}

/// The scopes a new token would have, or what is wrong with those asked for.
fn wanted(kind: &str, scopes: Option<&[String]>) -> Result<Vec<String>, Refusal> {
    let mut all = Vec::new();
    for text in scopes.map_or_else(|| usual(kind), <[String]>::to_vec) {
        if !text.split_once('@').is_some_and(|(verb, _)| VERBS.contains(&verb)) {
            return Err(Refusal::Invalid("scope_invalid"));
        }
        let scope = shown_scope(&text);
        if !all.contains(&scope) {
            all.push(scope);
        }
    }
    if all.is_empty() {
        Err(Refusal::Invalid("scopes_missing"))
    } else if all.iter().any(|scope| !fits(kind, Scope::of(scope).verb)) {
        Err(Refusal::Invalid("scope_unfit"))
    } else {
        Ok(all)
    }
}

/// Demands that each scope lies within one of the caller's token. Roles are asked at use.
fn within(principal: &Principal, scopes: &[String]) -> Result<(), Refusal> {
    let Grant::Member { scopes: own, .. } = &principal.grant else { return Err(FORBIDDEN) };
    let held = |scope: &String| own.iter().any(|own| Scope::of(own).covers(&Scope::of(scope)));
    if scopes.iter().all(held) { Ok(()) } else { Err(FORBIDDEN) }
}

impl Model {
    /// Issues a token to the caller, to a service account, or, as an invitation, to a member who never had one.
    #[expect(clippy::too_many_arguments, reason = "what a token is asked for with")]
    pub(crate) fn issue(
        &mut self,
        who: &Who,
        org: &str,
        handle: &str,
        kind: &'static str,
        member: Option<&str>,
        scopes: Option<&[String]>,
        sources: Option<&[String]>,
        life_wanted: Option<i64>,
    ) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("token:write")?;
        if let Some(earlier) = self.earlier(&principal)? {
            return Ok(earlier);
        }
        let login = self.holder(&principal, member)?;
        let service = self.orgs[org].members[&login].service;
        if (kind == "personal" && service) || (kind == "service" && !service) {
            return Err(Refusal::Invalid("kind_invalid"));
        }
        let scopes = wanted(kind, scopes)?;
        within(&principal, &scopes)?;
        let parent = &self.tokens[&principal.token];
        let sources = sources.unwrap_or(&parent.sources).to_vec();
        if !cover(&parent.sources, &sources) {
            return Err(FORBIDDEN);
        }
        let parent_end = parent.expires_at;
        let end = match life_wanted {
            None => parent_end.unwrap_or(i64::MAX).min(self.now + life(kind)),
            Some(life) if !(1..=LIFE_MAX).contains(&life) => return Err(Refusal::Invalid("expires_at_invalid")),
            Some(life) if parent_end.is_some_and(|own| self.now + life > own) => return Err(FORBIDDEN),
            Some(life) => self.now + life,
        };
        let token = Token {
            org: org.to_owned(),
            kind,
            name: handle.to_owned(),
            holder: Holder::Member(login),
            scopes,
            sources,
            created_by: Some(principal.token.clone()),
            created_at: self.now,
            expires_at: Some(end),
            revoked_at: None,
        };
        self.tokens.insert(handle.to_owned(), token);
        self.record(&principal, "token.issue", self.named(handle));
        created(json!({ "token": self.shown_token(handle) }))
    }

    /// Whose the new token will be. Who else is in the org is not said.
    fn holder(&self, principal: &Principal, member: Option<&str>) -> Result<String, Refusal> {
        let own = principal.login().ok_or(Refusal::Absent)?;
        let login = member.unwrap_or(own);
        let unknown = Refusal::Invalid("member_unknown");
        let found = self.orgs[&principal.org].members.get(login).ok_or(unknown.clone())?;
        let had_one = self.tokens.values().any(|token| token.is_of_member(&principal.org, login));
        let invited = !found.service && runs(principal, found) && principal.manages("member:write", None) && !had_one;
        let held = login == own || (found.service && runs(principal, found));
        if invited || held { Ok(login.to_owned()) } else { Err(unknown) }
    }

    /// All members' tokens for those who run the org, one's own for everyone else.
    pub(crate) fn list_tokens(&self, who: &Who, org: &str) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("token:write")?;
        let shown = self.tokens.iter().filter(|(_, token)| shows(&principal, token));
        ok(json!({ "items": shown.map(|(handle, _)| self.shown_token(handle)).collect::<Vec<_>>() }))
    }

    pub(crate) fn token(&self, who: &Who, org: &str, handle: &str) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("token:write")?;
        self.shown_to(&principal, handle)?;
        ok(self.shown_token(handle))
    }

    /// Once is as good as twice.
    pub(crate) fn revoke(&mut self, who: &Who, org: &str, handle: &str) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("token:write")?;
        if self.shown_to(&principal, handle)?.revoked_at.is_none() {
            let now = self.now;
            self.tokens.get_mut(handle).expect("found above").revoked_at = Some(now);
            self.record(&principal, "token.revoke", self.named(handle));
        }
        gone()
    }

    /// A new token with the rights and the end of the old one, which goes on for the overlap.
    pub(crate) fn rotate(&mut self, who: &Who, org: &str, handle: &str, new: &str, overlap: i64) -> Answer {
        let principal = self.manager_of(who, org)?;
        principal.require("token:write")?;
        if let Some(earlier) = self.earlier(&principal)? {
            return Ok(earlier);
        }
        if overlap > OVERLAP_MAX {
            return Err(Refusal::Invalid("overlap_invalid"));
        }
        let old = self.shown_to(&principal, handle)?.clone();
        if old.has_ended(self.now) {
            return Err(Refusal::Conflict("token_ended"));
        }
        let Holder::Member(login) = &old.holder else { return Err(Refusal::Absent) };
        let member = &self.orgs[org].members[login];
        // The secret acts as its member, so nobody gets another person's.
        if principal.login() != Some(login) && !(member.service && runs(&principal, member)) {
            return Err(FORBIDDEN);
        }
        within(&principal, &old.scopes)?;
        let own = &self.tokens[&principal.token];
        let outlives = old.expires_at.unwrap_or(i64::MAX) > own.expires_at.unwrap_or(i64::MAX);
        if outlives || !cover(&own.sources, &old.sources) {
            return Err(FORBIDDEN);
        }
        let until = self.now + overlap;
        self.tokens.get_mut(handle).expect("found above").expires_at =
            Some(old.expires_at.map_or(until, |end| end.min(until)));
        let made = Token { created_by: Some(principal.token.clone()), created_at: self.now, ..old };
        self.tokens.insert(new.to_owned(), made);
        self.record(&principal, "token.rotate", self.named(new));
        created(json!({ "token": self.shown_token(new) }))
    }

    fn shown_to(&self, principal: &Principal, handle: &str) -> Result<&Token, Refusal> {
        self.tokens.get(handle).filter(|token| shows(principal, token)).ok_or(Refusal::Absent)
    }

    /// How the audit speaks of a token.
    fn named(&self, handle: &str) -> Value {
        let token = &self.tokens[handle];
        let Holder::Member(login) = &token.holder else { return Value::Null };
        json!({ "token": handle, "name": token.name, "member": login })
    }

    pub(crate) fn shown_token(&self, handle: &str) -> Value {
        let token = &self.tokens[handle];
        let Holder::Member(login) = &token.holder else { return Value::Null };
        json!({
            "id": handle,
            "kind": token.kind,
            "name": token.name,
            "member": login,
            "scopes": token.scopes,
            "sources": shown(&token.sources),
            "created_by_token": token.created_by,
            "created_at": moment(token.created_at),
            "expires_at": token.expires_at.map(moment),
            "revoked_at": token.revoked_at.map(moment),
        })
    }
}

/// Whether the caller runs the org, and this member with it.
fn runs(principal: &Principal, member: &Member) -> bool {
    if member.role == "owner" { principal.role() == Some("owner") } else { principal.role().is_some_and(runs_org) }
}

fn shows(principal: &Principal, token: &Token) -> bool {
    let Holder::Member(login) = &token.holder else { return false };
    token.org == principal.org && (principal.runs_org() || principal.login() == Some(login))
}
