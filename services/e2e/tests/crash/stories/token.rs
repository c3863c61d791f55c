//! A token: issued once under a key, asked for again under the same key, and then revoked or replaced.

use super::{Flips, step};
use crate::caller::{Caller, Outcome};
use crate::judge::Judge;
use serde_json::{Value, json};

pub(crate) struct TokenStory {
    name: String,
    replace: bool,
    issued: Outcome,
    again: Option<Outcome>,
    /// Revoked, or replaced at once.
    ended: Flips,
    new: Option<Outcome>,
}

fn made(outcome: &Outcome) -> Option<(String, String)> {
    let Outcome::Done(answer) = outcome else { return None };
    let made = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Some((text(&made["token"]["id"]), text(&made["secret"])))
}

impl TokenStory {
    pub(crate) fn new(name: &str, replace: bool) -> Self {
        let name = name.to_owned();
        Self { name, replace, issued: Outcome::Nothing, again: None, ended: Flips::default(), new: None }
    }

    fn body(&self) -> Value {
        json!({ "name": self.name, "kind": "download" })
    }

    fn key(&self, of: &str) -> String {
        format!("{}-{of}", self.name)
    }

    pub(crate) async fn live(&mut self, owner: &Caller) {
        let (key, body) = (self.key("issue"), self.body());
        self.issued = step("a token", async || owner.manage("POST", "/tokens", Some(&key), &body).await).await;
        let Some((id, secret)) = made(&self.issued) else { return };
        if let Outcome::Refused(status, text) = owner.with(&secret).send("GET", &owner.config_url(), None, None).await {
            panic!("a new token is refused: {status} {text}");
        }
        let again = step("a token again", async || owner.manage("POST", "/tokens", Some(&key), &body).await).await;
        if let Some(again) = made(&again) {
            assert_eq!(again, (id.clone(), secret), "another answer under the same key");
        }
        let answered = again.is_done();
        self.again = Some(again);
        if !answered {
            return;
        }
        let outcome = if self.replace {
            let outcome = step("a rotation", async || self.rotate(owner, &id).await).await;
            self.new = Some(outcome.clone());
            outcome
        } else {
            step("a revocation", async || owner.send("DELETE", &owner.org(&format!("/tokens/{id}")), None, None).await)
                .await
        };
        self.ended.push(true, outcome);
    }

    async fn rotate(&self, owner: &Caller, id: &str) -> Outcome {
        let path = format!("/tokens/{id}/rotate");
        owner.manage("POST", &path, Some(&self.key("rotate")), &json!({ "overlap_s": 0 })).await
    }

    pub(crate) async fn judge(&self, judge: &mut Judge) {
        let owner = judge.owner.clone();
        let ended = judge.tokens_of(&self.name).await;
        let rotated = self.new.as_ref().is_some_and(Outcome::is_possible);
        match ended.as_slice() {
            [] => judge.agrees(&self.name, false, &self.issued),
            [first] => {
                judge.agrees(&self.name, true, &self.issued);
                assert!(self.new.as_ref().is_none_or(|new| !new.is_done()), "{}: a replacement is lost", self.name);
                assert!(!(self.replace && *first), "{}: ended without a replacement", self.name);
                assert!(self.ended.possible(false).contains(first), "{} has ended: {first}", self.name);
            }
            [first, second] => assert!(rotated && *first && !second, "{}: {ended:?}", self.name),
            more => panic!("{}: {more:?}", self.name),
        }
        let acts = judge.audited("token.%", &json!({ "name": self.name })).await;
        let revoked = ended.len() == 1 && ended[0];
        assert_eq!(acts, ended.len() + usize::from(revoked), "{}: entries about a token", self.name);

        // Under the same key the same token comes, whatever became of the first answer.
        let body = self.body().to_string().into_bytes();
        let key = self.key("issue");
        let again = owner.insist("POST", &owner.org("/tokens"), Some(&key), Some(body)).await;
        let (id, secret) = made(&again).unwrap_or_else(|| panic!("{} again: {again:?}", self.name));
        if let Some(first) = made(&self.issued) {
            assert_eq!(first, (id.clone(), secret.clone()), "another answer under the same key");
        }
        assert_eq!(judge.tokens_of(&self.name).await.len(), ended.len().max(1), "{}: a second one", self.name);
        judge.opens(&secret, ended.first() != Some(&true)).await;
        if self.ended.wanted().is_none() {
            return;
        }
        if self.replace {
            let body = json!({ "overlap_s": 0 }).to_string().into_bytes();
            let (url, key) = (owner.org(&format!("/tokens/{id}/rotate")), self.key("rotate"));
            let again = owner.insist("POST", &url, Some(&key), Some(body)).await;
            let (_, newer) = made(&again).unwrap_or_else(|| panic!("{} replaced again: {again:?}", self.name));
            if let Some((_, first)) = self.new.as_ref().and_then(made) {
                assert_eq!(first, newer, "another answer under the same key");
            }
            assert_eq!(judge.tokens_of(&self.name).await, [true, false]);
            judge.opens(&newer, true).await;
        } else {
            let again = owner.insist("DELETE", &owner.org(&format!("/tokens/{id}")), None, None).await;
            assert!(again.is_done(), "{} revoked again: {again:?}", self.name);
        }
        judge.opens(&secret, false).await;
    }

    pub(crate) fn outcomes(&self) -> Vec<&Outcome> {
        std::iter::once(&self.issued).chain(&self.again).chain(self.ended.outcomes()).collect()
    }
}
