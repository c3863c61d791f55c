//! A version for which several clients have different bytes. One of them wins, and all are told so.

use crate::caller::{Caller, Outcome};
use crate::judge::Judge;
use std::sync::Mutex;
use wharf_testkit::CrateFixture;

pub(crate) struct RaceStory {
    name: String,
    attempts: Mutex<Vec<(CrateFixture, Outcome)>>,
}

impl RaceStory {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), attempts: Mutex::default() }
    }

    pub(crate) async fn live(&self, owner: &Caller, salt: usize) {
        let krate = CrateFixture::new(&self.name, "1.0.0").salt(&format!("bytes of client {salt}"));
        let outcome = owner.publish(&krate).await;
        if let Outcome::Refused(status, text) = &outcome {
            assert_eq!(*status, 409, "{text}");
        }
        self.attempts.lock().unwrap().push((krate, outcome));
    }

    pub(crate) async fn judge(&self, judge: &mut Judge) {
        let attempts = self.attempts.lock().unwrap().clone();
        let owner = judge.owner.clone();
        let index = owner.sparse();
        let mut won = None;
        for (krate, _) in &attempts {
            if judge.cksum(&self.name, "1.0.0").await == Some(krate.cksum(&index)) {
                won = Some(krate.cksum(&index));
                assert!(judge.version(krate).await.is_some());
            }
        }
        assert_eq!(judge.cksum(&self.name, "1.0.0").await, won, "{} has bytes that nobody published", self.name);
        for (krate, outcome) in &attempts {
            let is_winner = won == Some(krate.cksum(&index));
            match outcome {
                Outcome::Done(_) => assert!(is_winner, "{}: an acknowledged publish is lost", self.name),
                Outcome::Refused(..) => assert!(won.is_some() && !is_winner, "{}: refused for nothing", self.name),
                // Another client may have published the same bytes.
                Outcome::Nothing | Outcome::Unknown => {}
            }
        }
        if attempts.iter().all(|(_, outcome)| matches!(outcome, Outcome::Nothing)) {
            assert_eq!(won, None, "{}: published, and every client was told that nothing was changed", self.name);
        }
        for (krate, _) in &attempts {
            let again = owner.insist("PUT", &owner.crates("/new"), None, Some(krate.body(&index))).await;
            let stored = judge.cksum(&self.name, "1.0.0").await;
            assert_eq!(again.is_done(), stored == Some(krate.cksum(&index)), "{} again: {again:?}", self.name);
        }
    }
}
