//! A version of a crate of its own: published, read back, yanked and unyanked.

use super::{Flips, step};
use crate::caller::{Caller, Outcome};
use crate::judge::Judge;
use serde_json::json;
use wharf_testkit::CrateFixture;

pub(crate) struct VersionStory {
    pub(crate) krate: CrateFixture,
    flips_wanted: usize,
    published: Outcome,
    yanks: Flips,
}

const NUMBER: &str = "1.0.0";

/// Text that no compressor shortens, so that crate files have several pieces.
fn noise(name: &str, length: usize) -> String {
    let seed = name.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    wharf_testkit::chance::Chance::new(seed).word(length)
}

impl VersionStory {
    pub(crate) fn new(name: &str, flips_wanted: usize) -> Self {
        // Most files are small, some of several pieces: those cost the test more than the program.
        let is_large = name.bytes().map(usize::from).sum::<usize>() % 8 == 0;
        let length = if is_large { 300_000 } else { 400 };
        let krate = CrateFixture::new(name, NUMBER).salt(&noise(name, length));
        Self { krate, flips_wanted, published: Outcome::Nothing, yanks: Flips::default() }
    }

    pub(crate) async fn live(&mut self, owner: &Caller) {
        self.published = step("a publish", async || owner.publish(&self.krate).await).await;
        if !self.published.is_done() {
            return;
        }
        if let Outcome::Done(decision) =
            owner.send("GET", &owner.download_url(&self.krate.name, NUMBER), None, None).await
            && let Outcome::Done(file) = owner.send("GET", decision.header("location"), None, None).await
        {
            assert_eq!(file.body, self.krate.archive(&owner.sparse()), "wrong bytes of {}", self.krate.name);
        }
        for number in 0..self.flips_wanted {
            let to = number % 2 == 0;
            let outcome = step("a yank", async || yank(owner, &self.krate.name, to).await).await;
            let done = outcome.is_done();
            self.yanks.push(to, outcome);
            if !done {
                return;
            }
        }
    }

    pub(crate) async fn judge(&self, judge: &mut Judge) {
        let (name, owner) = (&self.krate.name, judge.owner.clone());
        let there = judge.version(&self.krate).await;
        judge.agrees(&format!("{name} {NUMBER}"), there.is_some(), &self.published);
        let acts = judge.audited("version.%yank", &json!({ "crate": name })).await;
        if let Some(yanked) = there {
            let possible = self.yanks.possible(false);
            assert!(possible.contains(&yanked), "{name} is yanked: {yanked}, may be: {possible:?}");
            let (least, most) = self.yanks.changes();
            assert!((least..=most).contains(&acts), "{name}: {acts} entries of {least} to {most} yanks");
            assert_eq!(acts % 2 == 1, yanked, "{name}: the entries about yanks tell another story");
        } else {
            assert_eq!(acts, 0);
        }

        // The same again succeeds and changes nothing; other bytes are refused for ever.
        let again = owner.insist("PUT", &owner.crates("/new"), None, Some(self.krate.body(&owner.sparse()))).await;
        assert!(again.is_done(), "{name} again: {again:?}");
        let other = self.krate.clone().salt("other bytes").body(&owner.sparse());
        let other = owner.insist("PUT", &owner.crates("/new"), None, Some(other)).await;
        assert!(matches!(other, Outcome::Refused(409, _)), "{name} with other bytes: {other:?}");
        if let Some(wanted) = self.yanks.wanted() {
            let again = owner.insist(verb(wanted), &owner.crates(&path(name, wanted)), None, None).await;
            assert!(again.is_done(), "{again:?}");
            assert_eq!(judge.version(&self.krate).await, Some(wanted));
        } else {
            assert!(judge.version(&self.krate).await.is_some());
        }
    }

    pub(crate) fn outcomes(&self) -> Vec<&Outcome> {
        std::iter::once(&self.published).chain(self.yanks.outcomes()).collect()
    }
}

fn verb(yanked: bool) -> &'static str {
    if yanked { "DELETE" } else { "PUT" }
}

fn path(name: &str, yanked: bool) -> String {
    format!("/{name}/{NUMBER}/{}", if yanked { "yank" } else { "unyank" })
}

async fn yank(owner: &Caller, name: &str, yanked: bool) -> Outcome {
    owner.send(verb(yanked), &owner.crates(&path(name, yanked)), None, None).await
}
