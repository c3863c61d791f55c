//! The audit: an entry for every change, told to those who may read it.

use crate::request::{Who, moment};
use crate::rights::Principal;
use crate::state::{Entry, Model, Org};
use crate::{Answer, ok};
use serde_json::{Value, json};

impl Model {
    /// Notes what someone has changed in its org.
    pub(crate) fn record(&mut self, principal: &Principal, action: &str, object: Value) {
        self.record_in(&principal.org.clone(), principal, action, object);
    }

    pub(crate) fn record_in(&mut self, org: &str, principal: &Principal, action: &str, object: Value) {
        let members = &self.orgs[&principal.org].members;
        let actor = principal.login().and_then(|login| Some(members.get(login)?.actor(login)));
        let token = Some(principal.token.clone());
        let source = Some(principal.from.to_canonical());
        let entry = Entry { at: self.now, actor, token, source, action: action.to_owned(), object };
        self.orgs.get_mut(org).expect("an org that was found").audit.push(entry);
    }

    /// Newest first; only actions that begin so.
    pub(crate) fn audit(&self, who: &Who, org: &str, action: &str) -> Answer {
        self.manager_of(who, org)?.require("audit:read")?;
        let org = &self.orgs[org];
        let entries = org.audit.iter().rev().filter(|entry| entry.action.starts_with(action));
        ok(json!({ "items": entries.map(|entry| shown(org, entry)).collect::<Vec<_>>() }))
    }
}

fn shown(org: &Org, entry: &Entry) -> Value {
    let login = entry.actor.as_ref().and_then(|actor| {
        org.members.iter().find(|(login, member)| member.actor(login) == *actor).map(|(login, _)| login)
    });
    json!({
        "at": moment(entry.at), "actor": login, "token": entry.token, "source": entry.source, "action": entry.action, "object": entry.object,
    })
}
