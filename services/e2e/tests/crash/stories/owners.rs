//! A crate whose second owner comes and goes.

use super::{Flips, VersionStory, step};
use crate::caller::{Caller, Outcome};
use crate::installation::FRIEND;
use crate::judge::Judge;
use serde_json::{Value, json};

pub(crate) struct OwnersStory {
    version: VersionStory,
    flips_wanted: usize,
    friend: Flips,
}

impl OwnersStory {
    pub(crate) fn new(name: &str, flips_wanted: usize) -> Self {
        Self { version: VersionStory::new(name, 0), flips_wanted, friend: Flips::default() }
    }

    pub(crate) async fn live(&mut self, owner: &Caller) {
        self.version.live(owner).await;
        if !self.version.outcomes()[0].is_done() {
            return;
        }
        for number in 0..self.flips_wanted {
            let owns = number % 2 == 0;
            let outcome =
                step("a change of owners", async || owner.send(verb(owns), &self.url(owner), None, Some(body())).await)
                    .await;
            let done = outcome.is_done();
            self.friend.push(owns, outcome);
            if !done {
                return;
            }
        }
    }

    fn url(&self, owner: &Caller) -> String {
        owner.crates(&format!("/{}/owners", self.version.krate.name))
    }

    async fn owns(&self, owner: &Caller) -> bool {
        let (status, answer) = owner.read(&self.url(owner)).await;
        assert_eq!(status, 200, "{}", answer.text());
        let users = answer.json()["users"].as_array().unwrap().clone();
        let mut logins: Vec<&str> = users.iter().map(|user: &Value| user["login"].as_str().unwrap()).collect();
        logins.retain(|login| *login != "owner");
        assert!(logins.is_empty() || logins == [FRIEND], "{logins:?}");
        !logins.is_empty()
    }

    pub(crate) async fn judge(&self, judge: &mut Judge) {
        self.version.judge(judge).await;
        let (name, owner) = (&self.version.krate.name, judge.owner.clone());
        let owns = self.owns(&owner).await;
        let possible = self.friend.possible(false);
        assert!(possible.contains(&owns), "{name} has two owners: {owns}, may be: {possible:?}");
        let acts = judge.audited("owner.%", &json!({ "crate": name })).await;
        let (least, most) = self.friend.changes();
        assert!((least..=most).contains(&acts), "{name}: {acts} entries of {least} to {most} changes of owners");
        assert_eq!(acts % 2 == 1, owns, "{name}: the entries about owners tell another story");
        if let Some(wanted) = self.friend.wanted() {
            let again = owner.insist(verb(wanted), &self.url(&owner), None, Some(body())).await;
            match again {
                Outcome::Done(_) => {}
                // Taking ownership from one who has none is refused, and rightly.
                Outcome::Refused(400, _) if !wanted && !owns => {}
                other => panic!("owners of {name} again: {other:?}"),
            }
            assert_eq!(self.owns(&owner).await, wanted);
        }
    }

    pub(crate) fn outcomes(&self) -> Vec<&Outcome> {
        self.version.outcomes().into_iter().chain(self.friend.outcomes()).collect()
    }
}

fn verb(owns: bool) -> &'static str {
    if owns { "PUT" } else { "DELETE" }
}

fn body() -> Vec<u8> {
    json!({ "users": [FRIEND] }).to_string().into_bytes()
}
