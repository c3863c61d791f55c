//! What the clients of a run do. A story goes step by step, remembers what it was answered, and stops where it does not
//! know what became of a step; afterwards it says what must be there.

mod entitlement;
mod owners;
mod race;
mod reader;
mod token;
mod version;

pub(crate) use entitlement::EntitlementStory;
pub(crate) use owners::OwnersStory;
pub(crate) use race::RaceStory;
pub(crate) use reader::ReaderStory;
pub(crate) use token::TokenStory;
pub(crate) use version::VersionStory;

use crate::caller::{Caller, Outcome};
use crate::judge::Judge;
use std::collections::BTreeSet;
use std::sync::Arc;
use wharf_testkit::chance::Chance;
use wharf_testkit::until;

/// How often a client tries again when it is told that nothing was changed.
const TRIES: usize = 3;

/// One of the stories.
pub(crate) enum Story {
    Version(VersionStory),
    Owners(OwnersStory),
    Token(TokenStory),
    Entitlement(EntitlementStory),
    Race(Arc<RaceStory>, usize),
    Reader(ReaderStory),
}

impl Story {
    /// A story by chance; `name` is its own.
    pub(crate) fn random(chance: &mut Chance, name: &str, race: &Arc<RaceStory>) -> Self {
        match chance.below(7) {
            0 | 1 => Self::Version(VersionStory::new(name, chance.within(0, 4))),
            2 => Self::Owners(OwnersStory::new(name, chance.within(1, 3))),
            3 => Self::Token(TokenStory::new(name, chance.one_in(2))),
            4 => Self::Entitlement(EntitlementStory::new(name, chance.within(0, 2), chance.one_in(2))),
            5 => Self::Race(Arc::clone(race), chance.below(4)),
            _ => Self::Reader(ReaderStory::new(chance.within(1, 4))),
        }
    }

    /// Every story once, to its end: everything a client can do is done.
    pub(crate) fn tour(name: &str, race: &Arc<RaceStory>) -> Vec<Self> {
        let named = |part: &str| format!("{name}-{part}");
        vec![
            Self::Version(VersionStory::new(&named("v"), 2)),
            Self::Owners(OwnersStory::new(&named("o"), 2)),
            Self::Token(TokenStory::new(&named("t"), false)),
            Self::Token(TokenStory::new(&named("u"), true)),
            Self::Entitlement(EntitlementStory::new(&named("e"), 2, true)),
            Self::Race(Arc::clone(race), 0),
            Self::Reader(ReaderStory::new(1)),
        ]
    }

    pub(crate) async fn live(&mut self, owner: &Caller) {
        match self {
            Self::Version(story) => story.live(owner).await,
            Self::Owners(story) => story.live(owner).await,
            Self::Token(story) => story.live(owner).await,
            Self::Entitlement(story) => story.live(owner).await,
            Self::Race(story, salt) => story.live(owner, *salt).await,
            Self::Reader(story) => story.live(owner).await,
        }
    }

    /// Compares what is there with what was answered, and repeats what may have to be repeated.
    pub(crate) async fn judge(&self, judge: &mut Judge) {
        match self {
            Self::Version(story) => story.judge(judge).await,
            Self::Owners(story) => story.judge(judge).await,
            Self::Token(story) => story.judge(judge).await,
            Self::Entitlement(story) => story.judge(judge).await,
            // Shared by several; judged once, by the run.
            Self::Race(..) | Self::Reader(_) => {}
        }
    }

    /// How many steps were answered as done, and of how many nothing is known.
    pub(crate) fn tally(&self) -> (usize, usize) {
        let outcomes: Vec<&Outcome> = match self {
            Self::Version(story) => story.outcomes(),
            Self::Owners(story) => story.outcomes(),
            Self::Token(story) => story.outcomes(),
            Self::Entitlement(story) => story.outcomes(),
            Self::Race(..) | Self::Reader(_) => Vec::new(),
        };
        let unknown = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Unknown)).count();
        (outcomes.iter().filter(|outcome| outcome.is_done()).count(), unknown)
    }
}

/// A step, tried again while nothing is changed by it. No step of a story may be refused.
///
/// What was acknowledged may be unknown for a moment to a process that could not follow the feed when it was committed:
/// that passes by itself, as it does for readers.
async fn step(what: &str, mut attempt: impl AsyncFnMut() -> Outcome) -> Outcome {
    let mut outcome = Outcome::Nothing;
    let mut tries = 0;
    until(&format!("{what} is not refused"), async || {
        outcome = attempt().await;
        tries += 1;
        match &outcome {
            Outcome::Nothing => tries >= TRIES,
            Outcome::Refused(404, _) => false,
            Outcome::Refused(status, text) => panic!("{what} was refused: {status} {text}"),
            Outcome::Done(_) | Outcome::Unknown => true,
        }
    })
    .await;
    outcome
}

/// A switch that is set step by step: what it may be now.
#[derive(Default)]
pub(crate) struct Flips(Vec<(bool, Outcome)>);

impl Flips {
    fn push(&mut self, to: bool, outcome: Outcome) {
        self.0.push((to, outcome));
    }

    /// What it may be, from `start`.
    fn possible(&self, start: bool) -> BTreeSet<bool> {
        let mut possible = BTreeSet::from([start]);
        for (to, outcome) in &self.0 {
            match outcome {
                Outcome::Done(_) => possible = BTreeSet::from([*to]),
                Outcome::Unknown => {
                    possible.insert(*to);
                }
                Outcome::Nothing | Outcome::Refused(..) => {}
            }
        }
        possible
    }

    /// The fewest and the most changes there may have been.
    fn changes(&self) -> (usize, usize) {
        let done = self.0.iter().filter(|(_, outcome)| outcome.is_done()).count();
        (done, self.0.iter().filter(|(_, outcome)| outcome.is_possible()).count())
    }

    /// What was wanted last.
    fn wanted(&self) -> Option<bool> {
        self.0.last().map(|(to, _)| *to)
    }

    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.0.iter().map(|(_, outcome)| outcome)
    }
}
