//! Random universes: what happens in an installation, and which of it the observers may notice.
//!
//! Everything an observer may see happens in both of a pair; what is hidden from all observers happens in one.

use std::collections::BTreeMap;
use wharf_testkit::CrateFixture;
use wharf_testkit::chance::Chance;

/// Seconds from the start to the moment named by the partner's `published_before`.
const BOUND: u64 = 3_600;
pub(super) const BOUND_TEXT: &str = "2026-06-01T13:00:00Z";

/// Seconds an installation has lived before the first chapter.
pub(super) const HEAD_START: u64 = 2;

/// Something that happens, done by the owner of the org.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Publish(CrateFixture),
    Yank(String, String),
    Unyank(String, String),
    /// The clock moves by so many seconds; never hidden.
    Wait(u64),
    AddRegistry(String),
    AddOrg(String),
    Entitle(String, Vec<String>),
    AddMember(String),
    AddTeam(String),
    OwnByTeam(String, String),
    Search(String),
    Download(String, String),
    /// A token is issued, used, replaced and revoked.
    Token(String),
    /// An entitlement is granted, changed, used, rotated, switched off and on, and withdrawn.
    Life(String),
    /// Much is asked for that is refused.
    Refused(String),
}

/// One act, and whether the observers must not notice it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) act: Act,
    pub(super) hidden: bool,
}

/// Everything that happens, and the names it speaks of.
#[derive(Clone, Debug)]
pub(super) struct Universe {
    /// What comes before the bound, at it, and after it.
    pub(super) chapters: [Vec<Step>; 3],
    /// Versions by crate that some observer may see.
    pub(super) visible: BTreeMap<String, Vec<String>>,
    /// Versions by crate that no observer may see; the crate itself may be visible.
    pub(super) hidden: BTreeMap<String, Vec<String>>,
    /// Names of the length of hidden ones that never come to be.
    pub(super) absent: BTreeMap<String, String>,
}

/// Crates and versions while a universe is drawn.
struct Draft<'a> {
    rng: &'a mut Chance,
    words: Vec<String>,
    shown: [Vec<Step>; 3],
    unseen: [Vec<Step>; 3],
    visible: BTreeMap<String, Vec<String>>,
    hidden: BTreeMap<String, Vec<String>>,
}

impl Draft<'_> {
    fn release(&mut self, chapter: usize, name: &str, version: String, hidden: bool) {
        let words = [self.rng.pick(&self.words).clone(), self.rng.pick(&self.words).clone()];
        let mut krate = CrateFixture::new(name, &version).describe(&format!("{} for {}", words[0], words[1]));
        // A hidden crate may lean on a visible one: what depends on a crate is not told either.
        if hidden && self.rng.one_in(3) {
            krate = krate.dep("partner-one", "1");
        }
        let (steps, known) =
            if hidden { (&mut self.unseen, &mut self.hidden) } else { (&mut self.shown, &mut self.visible) };
        steps[chapter].push(Step { act: Act::Publish(krate), hidden });
        if self.rng.one_in(4) {
            let (name, version) = (name.to_owned(), version.clone());
            steps[chapter].push(Step { act: Act::Yank(name.clone(), version.clone()), hidden });
            if self.rng.one_in(2) {
                steps[chapter].push(Step { act: Act::Unyank(name, version), hidden });
            }
        }
        known.entry(name.to_owned()).or_default().push(version);
    }

    fn versions(&mut self, chapter: usize, name: &str, hidden: bool, numbers: &[&str]) {
        let count = self.rng.within(1, numbers.len());
        for number in numbers.iter().take(count) {
            self.release(chapter, name, (*number).to_owned(), hidden);
        }
    }

    fn unseen(&mut self, chapter: usize, act: Act) {
        self.unseen[chapter].push(Step { act, hidden: true });
    }
}

impl Universe {
    /// Draws a universe.
    pub(super) fn random(rng: &mut Chance) -> Self {
        let words: Vec<String> = (0..5).map(|_| rng.word(6)).collect();
        let empty = || [Vec::new(), Vec::new(), Vec::new()];
        let mut draft =
            Draft { rng, words, shown: empty(), unseen: empty(), visible: BTreeMap::new(), hidden: BTreeMap::new() };

        // Seen whole: by the partner, by the narrow token, and by whoever may publish them.
        draft.versions(0, "partner-one", false, &["1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"]);
        draft.shown[0].push(Step { act: Act::OwnByTeam("partner-one".to_owned(), "crew".to_owned()), hidden: false });
        draft.versions(1, "Partner_Two", false, &["0.1.0", "0.2.0+build.7", "0.2.1"]);
        if draft.rng.one_in(2) {
            draft.versions(2, "partner-three", false, &["3.0.0", "3.0.1"]);
        }
        // Seen in part: by requirement, by time, and but for an exception.
        draft.versions(0, "narrow-one", false, &["1.0.0", "1.2.0"]);
        draft.versions(1, "narrow-one", true, &["0.9.0", "2.0.0", "1.3.0-rc.1", "3.1.4"]);
        draft.versions(0, "dated-one", false, &["1.0.0", "5.0.0"]);
        draft.versions(1, "dated-one", true, &["5.1.0", "1.0.1"]);
        draft.versions(2, "dated-one", true, &["6.0.0"]);
        draft.versions(0, "acme-kit", false, &["1.0.0"]);
        // Matched by a pattern, and yet without a version that is seen.
        draft.versions(0, "narrow-gone", true, &["2.0.0", "2.0.1"]);
        draft.versions(2, "dated-late", true, &["1.0.0"]);
        draft.versions(0, "acme-secret-kit", true, &["1.0.0", "1.0.1"]);
        // Not matched at all, however near.
        for name in ["partner", "partnerx-one", "narrow", "hidden-core", "Secret_Sauce", "h"] {
            if name == "hidden-core" || !draft.rng.one_in(3) {
                let chapter = draft.rng.below(3);
                draft.versions(chapter, name, true, &["1.0.0", "1.1.0", "2.0.0"]);
            }
        }

        draft.unseen(0, Act::AddRegistry("vault".to_owned()));
        draft.unseen(0, Act::AddOrg("globex".to_owned()));
        for (number, chapter) in (0..draft.rng.within(2, 5)).map(|number| (number, number % 3)) {
            let patterns = vec![draft.rng.pick(&["*", "partner-*", "hidden-*", "h*"]).to_string()];
            draft.unseen(chapter, Act::Entitle(format!("hidden-{number}"), patterns));
        }
        draft.unseen(0, Act::AddMember("hidden-dev".to_owned()));
        draft.unseen(1, Act::AddTeam("hidden-team".to_owned()));
        draft.unseen(2, Act::OwnByTeam("acme-secret-kit".to_owned(), "hidden-team".to_owned()));
        for chapter in 0..3 {
            draft.unseen(chapter, Act::Token(format!("hidden-token-{chapter}")));
            draft.unseen(chapter, Act::Life(format!("hidden-life-{chapter}")));
            draft.unseen(chapter, Act::Refused("hidden-core".to_owned()));
        }
        for _ in 0..6 {
            let chapter = draft.rng.below(3);
            let query = draft.rng.pick(&["", "hidden", "partner", "narrow"]).to_string();
            draft.unseen(chapter, Act::Search(query));
            // Of what the first chapter has published.
            draft.unseen(1 + chapter % 2, Act::Download("narrow-one".to_owned(), "1.0.0".to_owned()));
        }

        let Draft { rng, shown, unseen, visible, hidden, .. } = draft;
        let mut absent = BTreeMap::new();
        for name in hidden.keys().filter(|name| !visible.contains_key(*name)) {
            absent.insert(name.clone(), twin(rng, name));
        }
        let mut chapters = Vec::new();
        for (chapter, (shown, unseen)) in shown.into_iter().zip(unseen).enumerate() {
            let wait = [Vec::new(), vec![BOUND - HEAD_START], vec![1]][chapter].clone();
            let waits = wait.into_iter().map(|seconds| Step { act: Act::Wait(seconds), hidden: false });
            chapters.push(waits.chain(rng.interleave(shown, unseen)).collect());
        }
        Self { chapters: chapters.try_into().unwrap(), visible, hidden, absent }
    }
}

/// What stands for versions and names that nobody has: never published by anyone.
pub(super) const NEVER: &str = "9.9.9";

/// A name of the same form as another, which matches the same patterns and never comes to be.
fn twin(rng: &mut Chance, name: &str) -> String {
    let kept = ["acme-secret-", "narrow-", "dated-"].into_iter().find(|prefix| name.starts_with(prefix)).unwrap_or("");
    let rest = name[kept.len()..].chars();
    // Letters of which no name and no text here has three in a row.
    let letters = ["q", "x", "z", "w"];
    kept.chars()
        .chain(rest.map(|letter| match letter {
            '-' | '_' => letter,
            upper if upper.is_ascii_uppercase() => rng.pick(&letters).to_ascii_uppercase().chars().next().unwrap(),
            _ => rng.pick(&letters).chars().next().unwrap(),
        }))
        .collect()
}
