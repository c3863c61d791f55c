//! An entitlement: granted under a key, switched off and on, its secret replaced, and withdrawn.

use super::{Flips, step};
use crate::caller::{Caller, Outcome};
use crate::installation::KNOWN;
use crate::judge::Judge;
use serde_json::{Value, json};

const BASE: &str = "/registries/private/entitlements";

pub(crate) struct EntitlementStory {
    name: String,
    switches_wanted: usize,
    to_its_end: bool,
    granted: Outcome,
    enabled: Flips,
    rotated: Option<Outcome>,
    withdrawn: Option<Outcome>,
}

fn made(outcome: &Outcome) -> Option<(String, String)> {
    let Outcome::Done(answer) = outcome else { return None };
    let made = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Some((text(&made["id"]), text(&made["secret"])))
}

impl EntitlementStory {
    pub(crate) fn new(name: &str, switches_wanted: usize, to_its_end: bool) -> Self {
        Self {
            name: name.to_owned(),
            switches_wanted,
            to_its_end,
            granted: Outcome::Nothing,
            enabled: Flips::default(),
            rotated: None,
            withdrawn: None,
        }
    }

    fn body(&self) -> Value {
        json!({ "name": self.name, "rules": [{ "allow": [KNOWN] }] })
    }

    fn key(&self, of: &str) -> String {
        format!("{}-{of}", self.name)
    }

    pub(crate) async fn live(&mut self, owner: &Caller) {
        let (key, body) = (self.key("grant"), self.body());
        self.granted = step("a grant", async || owner.manage("POST", BASE, Some(&key), &body).await).await;
        let Some((id, secret)) = made(&self.granted) else { return };
        if let Outcome::Refused(status, text) =
            owner.with(&secret).send("GET", &owner.index_url(KNOWN), None, None).await
        {
            panic!("a new entitlement is refused: {status} {text}");
        }
        for number in 0..self.switches_wanted {
            let on = number % 2 == 1;
            let path = format!("{BASE}/{id}/{}", switch(on));
            let outcome = step("a switch", async || owner.manage("POST", &path, None, &json!({})).await).await;
            let done = outcome.is_done();
            self.enabled.push(on, outcome);
            if !done {
                return;
            }
        }
        if !self.to_its_end {
            return;
        }
        let (path, key) = (format!("{BASE}/{id}/rotate"), self.key("rotate"));
        let body = json!({ "overlap_s": 0 });
        let rotated = step("a rotation", async || owner.manage("POST", &path, Some(&key), &body).await).await;
        let done = rotated.is_done();
        self.rotated = Some(rotated);
        if done {
            let url = owner.org(&format!("{BASE}/{id}"));
            // Withdrawn by a first attempt whose answer said that nothing was changed? Then the next would not find it.
            self.withdrawn = Some(step("a withdrawal", async || owner.send("DELETE", &url, None, None).await).await);
        }
    }

    pub(crate) async fn judge(&self, judge: &mut Judge) {
        let (name, owner) = (&self.name, judge.owner.clone());
        let there = judge.entitlement(name).await;
        let acts = judge.audited("entitlement.%", &json!({ "name": name })).await;
        if self.withdrawn.as_ref().is_some_and(Outcome::is_done) {
            assert!(there.is_none(), "{name} was withdrawn");
        }
        let Some(found) = there else {
            // Withdrawn, or never granted.
            let withdrawn = self.withdrawn.as_ref().is_some_and(Outcome::is_possible);
            if withdrawn {
                let (least, most) = self.enabled.changes();
                assert_eq!((acts, least), (least + 3, most), "{name}: entries about an entitlement");
                for secret in [made(&self.granted), self.rotated.as_ref().and_then(made)] {
                    judge.opens(&secret.unwrap().1, false).await;
                }
            } else {
                judge.agrees(name, false, &self.granted);
                assert_eq!(acts, 0);
                let again = self.again(&owner).await;
                judge.opens(&made(&again).unwrap().1, true).await;
            }
            return;
        };
        judge.agrees(name, true, &self.granted);
        let possible = self.enabled.possible(true);
        assert!(possible.contains(&found.enabled), "{name} is on: {}, may be: {possible:?}", found.enabled);
        let (least, most) = self.enabled.changes();
        let rotated = found.tokens == [true, false];
        assert!(rotated || found.tokens == [false], "{name}: its tokens have ended: {:?}", found.tokens);
        match &self.rotated {
            Some(Outcome::Done(_)) => assert!(rotated, "{name}: a rotation is lost"),
            Some(Outcome::Unknown) => {}
            _ => assert!(!rotated, "{name}: rotated by nobody"),
        }
        let switched = acts - 1 - usize::from(rotated);
        assert!((least..=most).contains(&switched), "{name}: {acts} entries about an entitlement");
        assert_eq!(switched % 2 == 0, found.enabled, "{name}: the entries tell another story");

        let again = self.again(&owner).await;
        let (id, secret) = made(&again).unwrap_or_else(|| panic!("{name} again: {again:?}"));
        assert_eq!(judge.entitlement(name).await.unwrap().tokens.len(), found.tokens.len(), "{name}: one more token");
        let other = owner.insist("POST", &owner.org(BASE), None, Some(self.body().to_string().into_bytes())).await;
        assert!(matches!(other, Outcome::Refused(409, _)), "{name} without the key: {other:?}");
        judge.opens(&secret, found.enabled && !rotated).await;
        if let Some(wanted) = self.enabled.wanted() {
            let url = owner.org(&format!("{BASE}/{id}/{}", switch(wanted)));
            let again = owner.insist("POST", &url, None, Some(b"{}".to_vec())).await;
            assert!(again.is_done(), "{name} switched again: {again:?}");
            judge.opens(&secret, wanted && !rotated).await;
        }
        let Some(first) = &self.rotated else { return };
        let (url, key) = (owner.org(&format!("{BASE}/{id}/rotate")), self.key("rotate"));
        let again =
            owner.insist("POST", &url, Some(&key), Some(json!({ "overlap_s": 0 }).to_string().into_bytes())).await;
        let (_, newer) = made(&again).unwrap_or_else(|| panic!("{name} rotated again: {again:?}"));
        if let Some((_, first)) = made(first) {
            assert_eq!(first, newer, "another answer under the same key");
        }
        assert_eq!(judge.entitlement(name).await.unwrap().tokens, [true, false]);
        judge.opens(&secret, false).await;
        let on = judge.entitlement(name).await.unwrap().enabled;
        judge.opens(&newer, on).await;
        if self.withdrawn.is_some() {
            let again = owner.insist("DELETE", &owner.org(&format!("{BASE}/{id}")), None, None).await;
            assert!(again.is_done(), "{name} withdrawn again: {again:?}");
            judge.opens(&newer, false).await;
        }
    }

    /// The grant once more under its key: the same answer, or the first one.
    async fn again(&self, owner: &Caller) -> Outcome {
        let body = self.body().to_string().into_bytes();
        let again = owner.insist("POST", &owner.org(BASE), Some(&self.key("grant")), Some(body)).await;
        if let Some(first) = made(&self.granted) {
            assert_eq!(Some(first), made(&again), "another answer under the same key");
        }
        again
    }

    pub(crate) fn outcomes(&self) -> Vec<&Outcome> {
        let first = std::iter::once(&self.granted).chain(self.enabled.outcomes());
        first.chain(&self.rotated).chain(&self.withdrawn).collect()
    }
}

fn switch(on: bool) -> &'static str {
    if on { "enable" } else { "disable" }
}
