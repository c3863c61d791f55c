//! Previews: what terms would show, gain, lose and lack, and why something is shown or not.

use crate::bodies::{Rights, Rule, Subject, requirement};
use crate::entitlements::{check_terms, held};
use crate::request::{Place, Who};
use crate::rights::{any_matches, canonical, rule_shows, rule_speaks_of, shows};
use crate::state::{Krate, Model, Registry, Version};
use crate::{Answer, Refusal, ok};
use serde_json::{Value, json};

/// What is added to one side of a comparison.
#[derive(Default)]
struct Side {
    listed: Vec<Value>,
    versions: usize,
}

impl Side {
    fn take(&mut self, krate: &Krate, versions: &[&Version]) {
        if !versions.is_empty() {
            let numbers: Vec<String> = versions.iter().map(|version| version.number.to_string()).collect();
            self.listed.push(json!({ "crate": krate.name, "versions": numbers }));
            self.versions += versions.len();
        }
    }

    fn count(&self) -> Value {
        json!({ "crates": self.listed.len(), "versions": self.versions })
    }
}

impl Model {
    pub(crate) fn preview(
        &self,
        who: &Who,
        place: &Place,
        subject: &Subject,
        explain: Option<&(String, Option<String>)>,
    ) -> Answer {
        let (_, registry) = self.granter(who, place, "entitlement:write")?;
        let nothing = (Rights::to_read(), Vec::new());
        let (now, former) = match subject {
            Subject::Terms(rights, rules) => ((rights.clone(), rules.clone()), nothing),
            Subject::Entitlement(id, terms) => {
                let draft = &registry.entitlements.get(id).ok_or(Refusal::Absent)?.draft;
                let former = (draft.rights.clone(), draft.rules.clone());
                (terms.clone().unwrap_or_else(|| former.clone()), former)
            }
        };
        check_terms(&now.1)?;
        let (mut crates, mut versions) = (0, 0);
        let (mut added, mut removed) = (Side::default(), Side::default());
        for krate in registry.crates.values() {
            let is = held(&now.0, &now.1, krate);
            let was = held(&former.0, &former.1, krate);
            crates += usize::from(!is.is_empty());
            versions += is.len();
            added.take(krate, &without(&is, &was));
            removed.take(krate, &without(&was, &is));
        }
        let closure = lacking(registry, &now.0, &now.1);
        ok(json!({
            "crates": crates,
            "versions": versions,
            "added": added.listed,
            "removed": removed.listed,
            "totals": { "added": added.count(), "removed": removed.count(), "closure": closure.len() },
            "closure": closure,
            "suggestion_fits": true,
            "complete": true,
            "why": explain.map(|(name, number)| why(registry, &now.0, &now.1, name, number.as_deref())),
        }))
    }

    /// What the view of these terms lacks although a wider one could show it.
    #[must_use]
    pub fn hidden_needs(&self, place: &Place, rights: &Rights, rules: &[Rule]) -> Vec<Value> {
        let Some(registry) = self.find(place) else { return Vec::new() };
        lacking(registry, rights, rules).into_iter().filter(|one| one["reason"] != "not_published").collect()
    }
}

/// The versions of a crate that are among these and not among those.
fn without<'a>(these: &[&'a Version], those: &[&Version]) -> Vec<&'a Version> {
    these.iter().copied().filter(|one| those.iter().all(|other| other.number != one.number)).collect()
}

/// The versions a view shows although it does not show what they need. Yanked ones count as cargo counts them: nobody begins to
/// depend on one, and one will do only while nothing better exists.
fn lacking(registry: &Registry, rights: &Rights, rules: &[Rule]) -> Vec<Value> {
    let mut all = Vec::new();
    for krate in registry.crates.values() {
        for version in held(rights, rules, krate).into_iter().filter(|version| !version.yanked) {
            for (name, req) in &version.deps {
                let Some(reason) = lack(registry, rights, rules, name, req) else { continue };
                all.push(json!({
                    "crate": krate.name,
                    "version": version.number.to_string(),
                    "needs": { "crate": name, "req": requirement(req).to_string(), "optional": false },
                    "reason": reason,
                }));
            }
        }
    }
    all
}

fn lack(registry: &Registry, rights: &Rights, rules: &[Rule], name: &str, req: &str) -> Option<&'static str> {
    let Some(needed) = registry.crates.get(&canonical(name)) else { return Some("not_published") };
    let wanted = requirement(req);
    let fitting: Vec<&Version> = needed.versions.iter().filter(|version| wanted.matches(&version.number)).collect();
    let is_shown = |version: &Version| shows(rights, rules, needed, version);
    let has = |shown: bool, yanked: bool| {
        fitting.iter().any(|version| is_shown(version) == shown && version.yanked == yanked)
    };
    if has(true, false) || (has(true, true) && !has(false, false)) {
        None
    } else if !has(false, false) && !has(false, true) {
        Some("not_published")
    } else if held(rights, rules, needed).is_empty() {
        Some("crate_hidden")
    } else {
        Some("versions_hidden")
    }
}

/// What each rule does about a crate, or a version of it. What does not exist is explained by its name.
fn why(registry: &Registry, rights: &Rights, rules: &[Rule], name: &str, number: Option<&str>) -> Value {
    let krate = registry.crates.get(&canonical(name));
    let meant: Vec<(&Krate, &Version)> = krate
        .into_iter()
        .flat_map(|krate| krate.versions.iter().map(move |version| (krate, version)))
        .filter(|(_, version)| number.is_none_or(|number| version.number.to_string() == number))
        .collect();
    let effect = |rule: &Rule| {
        let shown = if meant.is_empty() {
            rule_speaks_of(rights, rule, name)
        } else {
            meant.iter().any(|(krate, version)| rule_shows(rights, rule, krate, version))
        };
        if shown {
            "shows"
        } else if !any_matches(&rule.allow, name) {
            "other_crates"
        } else if any_matches(&rule.except, name) {
            "excepts"
        } else if !any_matches(&rights.read, name) {
            "no_read_right"
        } else {
            "other_versions"
        }
    };
    let effects = rules.iter().enumerate().map(|(at, rule)| json!({ "rule": at + 1, "effect": effect(rule) }));
    json!({
        "crate": name,
        "version": number,
        "exists": !meant.is_empty(),
        "visible": meant.iter().any(|(krate, version)| shows(rights, rules, krate, version)),
        "rules": effects.collect::<Vec<_>>(),
        "publish_right": any_matches(&rights.publish, name),
    })
}
