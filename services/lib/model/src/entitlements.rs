//! Entitlements of a registry.

use crate::bodies::{Draft, Patch, Rights, Rule};
use crate::request::{Place, Who, moment};
use crate::rights::{Principal, shows};
use crate::state::{Entitlement, Holder, Krate, Model, Registry, Token, Version};
use crate::tokens::OVERLAP_MAX;
use crate::{Answer, FORBIDDEN, Refusal, created, gone, ok};
use serde_json::{Value, json};

/// Most tokens of one entitlement that hold together.
const LIVE_TOKENS_MAX: usize = 10;

/// Terms that cannot be granted: a rule that allows nothing.
pub(crate) fn check_terms(rules: &[Rule]) -> Result<(), Refusal> {
    if rules.iter().any(|rule| rule.allow.is_empty()) { Err(Refusal::Invalid("terms_invalid")) } else { Ok(()) }
}

fn check(draft: &Draft) -> Result<(), Refusal> {
    let invalid = Refusal::Invalid("entitlement_invalid");
    if draft.name.is_empty() || draft.name.trim() != draft.name {
        return Err(invalid);
    }
    check_terms(&draft.rules)?;
    let backwards = draft.not_before.zip(draft.expires_at).is_some_and(|(from, until)| until <= from);
    if backwards || draft.downloads == Some(0) { Err(invalid) } else { Ok(()) }
}

/// The versions of a crate that terms show, oldest first.
pub(crate) fn held<'a>(rights: &'a Rights, rules: &'a [Rule], krate: &'a Krate) -> Vec<&'a Version> {
    let mut held: Vec<&Version> =
        krate.versions.iter().filter(|version| shows(rights, rules, krate, version)).collect();
    held.sort_by_key(|version| (version.published_at, version.number.to_string()));
    held
}

impl Model {
    /// Someone who may `verb` the entitlements of a whole registry. Who sees the registry and may not is refused; for others it
    /// is absent.
    pub(crate) fn granter(&self, who: &Who, place: &Place, verb: &str) -> Result<(Principal, &Registry), Refusal> {
        let principal = self.manager_of(who, &place.org)?;
        let registry = self.find(place).ok_or(Refusal::Absent)?;
        if principal.manages(verb, Some(&place.registry)) {
            Ok((principal, registry))
        } else if principal.knows(&place.registry, registry) {
            Err(FORBIDDEN)
        } else {
            Err(Refusal::Absent)
        }
    }

    pub(crate) fn list_entitlements(&self, who: &Who, place: &Place) -> Answer {
        let (_, registry) = self.granter(who, place, "entitlement:read")?;
        let all = registry.entitlements.keys().map(|id| self.shown_entitlement(place, id));
        ok(json!({ "items": all.collect::<Vec<_>>() }))
    }

    pub(crate) fn entitlement(&self, who: &Who, place: &Place, id: &str) -> Answer {
        let (_, registry) = self.granter(who, place, "entitlement:read")?;
        registry.entitlements.get(id).ok_or(Refusal::Absent)?;
        ok(self.shown_entitlement(place, id))
    }

    pub(crate) fn grant(&mut self, who: &Who, place: &Place, id: &str, token: &str, draft: &Draft) -> Answer {
        let (principal, registry) = self.granter(who, place, "entitlement:write")?;
        if let Some(earlier) = self.earlier(&principal)? {
            return Ok(earlier);
        }
        check(draft)?;
        if draft.expires_at.is_some_and(|end| end <= self.now) {
            return Err(Refusal::Invalid("entitlement_invalid"));
        }
        self.check_holder(place, draft)?;
        if registry.entitlements.values().any(|other| other.draft.name == draft.name) {
            return Err(Refusal::Conflict("entitlement_exists"));
        }
        let now = self.now;
        let made = Entitlement { draft: draft.clone(), created_at: now, updated_at: now };
        self.registry_mut(place).entitlements.insert(id.to_owned(), made);
        self.hand_out(&principal, place, id, token);
        self.note(&principal, place, id, "grant");
        created(self.shown_entitlement(place, id))
    }

    /// A change is in force at the next request. One that changes nothing leaves no trace.
    pub(crate) fn change_entitlement(&mut self, who: &Who, place: &Place, id: &str, patch: &Patch) -> Answer {
        let (principal, registry) = self.granter(who, place, "entitlement:write")?;
        let before = &registry.entitlements.get(id).ok_or(Refusal::Absent)?.draft;
        let mut after = before.clone();
        let Patch { name, note, rules, yank, expires_at, sources, enabled } = patch.clone();
        name.into_iter().for_each(|name| after.name = name);
        note.into_iter().for_each(|note| after.note = note);
        rules.into_iter().for_each(|rules| after.rules = rules);
        yank.into_iter().for_each(|yank| after.rights.yank = yank);
        expires_at.into_iter().for_each(|end| after.expires_at = end);
        sources.into_iter().for_each(|sources| after.sources = sources);
        enabled.into_iter().for_each(|enabled| after.enabled = enabled);
        if after.json() == before.json() {
            return ok(self.shown_entitlement(place, id));
        }
        check(&after)?;
        let taken = |(other, entitlement): (&String, &Entitlement)| other != id && entitlement.draft.name == after.name;
        if registry.entitlements.iter().any(taken) {
            return Err(Refusal::Conflict("entitlement_exists"));
        }
        self.save(&principal, place, id, after, "change");
        ok(self.shown_entitlement(place, id))
    }

    pub(crate) fn switch_entitlement(&mut self, who: &Who, place: &Place, id: &str, on: bool) -> Answer {
        let (principal, registry) = self.granter(who, place, "entitlement:write")?;
        let before = registry.entitlements.get(id).ok_or(Refusal::Absent)?.draft.clone();
        if before.enabled != on {
            let action = if on { "enable" } else { "disable" };
            self.save(&principal, place, id, Draft { enabled: on, ..before }, action);
        }
        ok(self.shown_entitlement(place, id))
    }

    /// The entitlement and its tokens are gone.
    pub(crate) fn withdraw(&mut self, who: &Who, place: &Place, id: &str) -> Answer {
        let (principal, registry) = self.granter(who, place, "entitlement:write")?;
        registry.entitlements.get(id).ok_or(Refusal::Absent)?;
        self.note(&principal, place, id, "withdraw");
        let holder = Holder::Entitlement { registry: place.registry.clone(), id: id.to_owned() };
        self.tokens.retain(|_, token| token.org != place.org || token.holder != holder);
        self.registry_mut(place).entitlements.remove(id);
        gone()
    }

    /// A new token; the old ones hold for the overlap, or not at all when it is zero.
    pub(crate) fn rotate_entitlement(
        &mut self,
        who: &Who,
        place: &Place,
        id: &str,
        token: &str,
        overlap: i64,
    ) -> Answer {
        let (principal, registry) = self.granter(who, place, "entitlement:write")?;
        if overlap > OVERLAP_MAX {
            return Err(Refusal::Invalid("overlap_too_long"));
        }
        if let Some(earlier) = self.earlier(&principal)? {
            return Ok(earlier);
        }
        registry.entitlements.get(id).ok_or(Refusal::Absent)?;
        let old = self.live_tokens(place, id);
        if overlap > 0 && old.len() >= LIVE_TOKENS_MAX {
            return Err(Refusal::Conflict("too_many_tokens"));
        }
        let (now, until) = (self.now, self.now + overlap);
        for handle in old {
            let token = self.tokens.get_mut(&handle).expect("found above");
            if overlap == 0 {
                token.revoked_at = Some(now);
            } else {
                token.expires_at = Some(token.expires_at.map_or(until, |end| end.min(until)));
            }
        }
        self.hand_out(&principal, place, id, token);
        self.note(&principal, place, id, "rotate");
        created(self.shown_entitlement(place, id))
    }

    /// What an entitlement shows now, whether or not it is in force.
    pub(crate) fn view(&self, who: &Who, place: &Place, id: &str) -> Answer {
        let (_, registry) = self.granter(who, place, "entitlement:read")?;
        let draft = &registry.entitlements.get(id).ok_or(Refusal::Absent)?.draft;
        let mut items = Vec::new();
        for krate in registry.crates.values() {
            let versions = held(&draft.rights, &draft.rules, krate);
            if versions.is_empty() {
                continue;
            }
            let shown = versions.iter().map(|version| {
                json!({
                    "version": version.number.to_string(),
                    "published_at": moment(version.published_at),
                    "yanked": version.yanked,
                })
            });
            items.push(json!({
                "crate": krate.name, "total": versions.len(), "versions": shown.collect::<Vec<_>>(),
            }));
        }
        ok(json!({ "items": items }))
    }

    fn check_holder(&self, place: &Place, draft: &Draft) -> Result<(), Refusal> {
        match &draft.holder {
            Some(login) if !self.orgs[&place.org].members.contains_key(login) => {
                Err(Refusal::Invalid("holder_unknown"))
            }
            _ => Ok(()),
        }
    }

    fn save(&mut self, principal: &Principal, place: &Place, id: &str, draft: Draft, action: &str) {
        let now = self.now;
        let entitlement = self.registry_mut(place).entitlements.get_mut(id).expect("found before");
        (entitlement.draft, entitlement.updated_at) = (draft, now);
        self.note(principal, place, id, action);
    }

    fn hand_out(&mut self, principal: &Principal, place: &Place, id: &str, handle: &str) {
        let token = Token {
            org: place.org.clone(),
            kind: "entitlement",
            name: String::new(),
            holder: Holder::Entitlement { registry: place.registry.clone(), id: id.to_owned() },
            scopes: Vec::new(),
            sources: Vec::new(),
            created_by: Some(principal.token.clone()),
            created_at: self.now,
            expires_at: None,
            revoked_at: None,
        };
        self.tokens.insert(handle.to_owned(), token);
    }

    fn note(&mut self, principal: &Principal, place: &Place, id: &str, action: &str) {
        let name = &self.registry_mut(place).entitlements[id].draft.name;
        let object = json!({ "registry": place.registry, "entitlement": id, "name": name });
        self.record(principal, &format!("entitlement.{action}"), object);
    }

    fn live_tokens(&self, place: &Place, id: &str) -> Vec<String> {
        let holder = Holder::Entitlement { registry: place.registry.clone(), id: id.to_owned() };
        let live = |token: &Token| token.org == place.org && token.holder == holder && !token.has_ended(self.now);
        self.tokens.iter().filter(|(_, token)| live(token)).map(|(handle, _)| handle.clone()).collect()
    }

    fn shown_entitlement(&self, place: &Place, id: &str) -> Value {
        let Entitlement { draft, created_at, updated_at } =
            &self.find(place).expect("a registry that was found").entitlements[id];
        let mut shown = draft.json();
        shown["id"] = id.into();
        shown["created_at"] = moment(*created_at).into();
        shown["updated_at"] = moment(*updated_at).into();
        let tokens = self.live_tokens(place, id);
        let tokens = tokens.iter().map(|handle| {
            let token = &self.tokens[handle];
            json!({
                "id": handle, "created_at": moment(token.created_at), "expires_at": token.expires_at.map(moment),
            })
        });
        shown["tokens"] = tokens.collect();
        shown
    }
}
