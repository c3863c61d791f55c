//! Orgs, and who one is.

use crate::request::{Who, moment};
use crate::rights::Grant;
use crate::state::{Holder, Member, Model, Org, Token};
use crate::{Answer, FORBIDDEN, Refusal, VERBS, created, ok};
use serde_json::{Value, json};

/// Seconds in a day.
const DAY: i64 = 86_400;

impl Model {
    /// What the credential stands for. Tells its holder what the holder was given.
    pub(crate) fn whoami(&self, who: &Who) -> Answer {
        let principal = self.principal(who)?.ok_or(Refusal::Anonymous)?;
        let mut answer = json!({ "org": principal.org, "token_id": principal.token, "kind": principal.kind });
        match &principal.grant {
            Grant::Member { login, role, .. } => {
                answer["member"] = json!({ "login": login, "name": null, "role": role });
                answer["token"] = self.shown_token(&principal.token);
            }
            Grant::Entitled { registry, id, rights, .. } => {
                answer["entitlement"] = json!({ "id": id, "registry": registry, "rights": rights.json() });
            }
        }
        ok(answer)
    }

    /// One's own org; every other is absent.
    pub(crate) fn org(&self, who: &Who, org: &str) -> Answer {
        self.manager_of(who, org)?;
        ok(shown(org, &self.orgs[org]))
    }

    /// The founder becomes the owner, with a token that may do everything in the new org.
    pub(crate) fn found_org(&mut self, who: &Who, slug: &str, token: &str) -> Answer {
        let principal = self.principal(who)?.ok_or(Refusal::Anonymous)?;
        let Some(login) = principal.login().map(str::to_owned).filter(|_| principal.kind == "personal") else {
            return Err(FORBIDDEN);
        };
        let member = &self.orgs[&principal.org].members[&login];
        let account = member.account.clone().filter(|account| self.founders.contains(account)).ok_or(FORBIDDEN)?;
        if !principal.manages("token:write", None) {
            return Err(FORBIDDEN);
        }
        if let Some(earlier) = self.earlier(&principal)? {
            return Ok(earlier);
        }
        if self.orgs.contains_key(slug) {
            return Err(Refusal::Conflict("slug_taken"));
        }
        let mut org = Org::new(slug, self.now);
        let owner = Member { role: "owner", service: false, account: Some(account), created_at: self.now };
        let mut said = crate::members::shown(&login, &owner);
        // The founder knows it.
        said.as_object_mut().expect("a member is an object").remove("email");
        org.members.insert(login.clone(), owner);
        let life = self.now + 90 * DAY;
        let made = Token {
            org: slug.to_owned(),
            kind: "personal",
            name: "first owner token".to_owned(),
            holder: Holder::Member(login),
            // To see is to download.
            scopes: VERBS.iter().filter(|verb| **verb != "crate:download").map(|verb| format!("{verb}@*")).collect(),
            sources: self.tokens[&principal.token].sources.clone(),
            created_by: Some(principal.token.clone()),
            created_at: self.now,
            expires_at: Some(self.tokens[&principal.token].expires_at.map_or(life, |end| end.min(life))),
            revoked_at: None,
        };
        let body = shown(slug, &org);
        self.orgs.insert(slug.to_owned(), org);
        self.tokens.insert(token.to_owned(), made);
        self.record_in(slug, &principal, "org.create", json!({ "org": slug }));
        created(json!({ "org": body, "owner": said, "token": { "token": self.shown_token(token) } }))
    }
}

fn shown(slug: &str, org: &Org) -> Value {
    json!({ "slug": slug, "name": org.name, "created_at": moment(org.created_at) })
}
