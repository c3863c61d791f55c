//! Someone who only reads what was there before: whatever dies, an answer with success is the right answer.

use crate::caller::{Caller, Outcome};
use crate::installation::KNOWN;
use wharf_testkit::CrateFixture;

pub(crate) struct ReaderStory {
    rounds: usize,
}

impl ReaderStory {
    pub(crate) fn new(rounds: usize) -> Self {
        Self { rounds }
    }

    pub(crate) async fn live(&self, owner: &Caller) {
        let known = CrateFixture::new(KNOWN, "1.0.0");
        let index = owner.sparse();
        for _ in 0..self.rounds {
            match owner.send("GET", &owner.index_url(KNOWN), None, None).await {
                Outcome::Done(answer) => {
                    let text = answer.text();
                    assert!(text.contains(&known.cksum(&index)) && text.lines().count() == 1, "{text}");
                }
                Outcome::Refused(status, text) => panic!("the index refuses a reader: {status} {text}"),
                Outcome::Nothing | Outcome::Unknown => {}
            }
            match owner.send("GET", &owner.download_url(KNOWN, "1.0.0"), None, None).await {
                Outcome::Done(decision) => match owner.send("GET", decision.header("location"), None, None).await {
                    Outcome::Done(file) => assert_eq!(file.body, known.archive(&index), "wrong bytes"),
                    Outcome::Refused(status, text) => panic!("the origin refuses a reader: {status} {text}"),
                    Outcome::Nothing | Outcome::Unknown => {}
                },
                Outcome::Refused(status, text) => panic!("a download is refused: {status} {text}"),
                Outcome::Nothing | Outcome::Unknown => {}
            }
            if let Outcome::Refused(status, text) = owner.send("GET", &owner.crates("?q=known"), None, None).await {
                panic!("a search is refused: {status} {text}");
            }
        }
    }
}
