//! What each view shows, worked out from plain maps and nothing of the product.

use super::universe::{Act, Universe};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wharf_testkit::chance::Chance;

/// What is published: by canonical name the name, and by version the second it was published.
pub(super) struct Model {
    pub(super) crates: BTreeMap<String, (String, BTreeMap<String, u64>)>,
}

/// Which versions a rule admits.
#[derive(Clone, Debug)]
enum Requirement {
    Major(u64),
    Below(u64),
    Exactly(u64, u64, u64),
}

/// A rule of an entitlement.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    allow: Vec<String>,
    except: Vec<String>,
    versions: Option<Requirement>,
    before: Option<u64>,
}

/// The start of every installation's clock, as text.
fn moment(seconds: u64) -> String {
    let (hours, rest) = (12 + seconds / 3_600, seconds % 3_600);
    format!("2026-06-01T{hours:02}:{:02}:{:02}Z", rest / 60, rest % 60)
}

fn canonical(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (canonical(pattern), canonical(name));
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

impl Requirement {
    fn text(&self) -> String {
        match self {
            Self::Major(major) => format!("^{major}"),
            Self::Below(major) => format!("<{major}"),
            Self::Exactly(major, minor, patch) => format!("={major}.{minor}.{patch}"),
        }
    }

    /// None of these requirements names a pre-release, so none admits one; build metadata does not count.
    fn admits(&self, version: &str) -> bool {
        let version = version.split('+').next().unwrap();
        if version.contains('-') {
            return false;
        }
        let numbers: Vec<u64> = version.split('.').map(|number| number.parse().unwrap()).collect();
        match self {
            Self::Major(major) => numbers[0] == *major,
            Self::Below(major) => numbers[0] < *major,
            Self::Exactly(major, minor, patch) => numbers == [*major, *minor, *patch],
        }
    }
}

impl Rule {
    pub(super) fn random(rng: &mut Chance) -> Self {
        const PATTERNS: [&str; 11] = [
            "*",
            "partner-*",
            "PARTNER_*",
            "partner*",
            "narrow-*",
            "dated-*",
            "acme-secret-kit",
            "Secret-Sauce",
            "h*",
            "acme_*",
            "hidden-core",
        ];
        let patterns = |rng: &mut Chance, least: usize| -> Vec<String> {
            (0..rng.within(least, 3)).map(|_| (*rng.pick(&PATTERNS)).to_owned()).collect()
        };
        let allow = patterns(rng, 1);
        let except = if rng.one_in(2) { patterns(rng, 0) } else { Vec::new() };
        let versions = match rng.below(5) {
            0 => Some(Requirement::Major(u64::try_from(rng.below(4)).unwrap())),
            1 => Some(Requirement::Below(u64::try_from(rng.within(1, 4)).unwrap())),
            2 => Some(Requirement::Exactly(1, u64::try_from(rng.below(2)).unwrap(), 0)),
            _ => None,
        };
        let before = rng.one_in(3).then(|| *rng.pick(&[0, 1, 3_599, 3_600, 3_601, 3_602]));
        Self { allow, except, versions, before }
    }

    pub(super) fn json(&self) -> Value {
        let mut rule = json!({ "allow": self.allow, "except": self.except });
        if let Some(versions) = &self.versions {
            rule["versions"] = versions.text().into();
        }
        if let Some(before) = self.before {
            rule["published_before"] = moment(before).into();
        }
        rule
    }

    fn shows(&self, name: &str, version: &str, published: u64) -> bool {
        self.allow.iter().any(|pattern| matches(pattern, name))
            && !self.except.iter().any(|pattern| matches(pattern, name))
            && self.versions.as_ref().is_none_or(|requirement| requirement.admits(version))
            && self.before.is_none_or(|before| published < before)
    }
}

impl Model {
    pub(super) fn of(universe: &Universe) -> Self {
        let (mut now, mut crates) = (0, BTreeMap::new());
        for step in universe.chapters.iter().flatten() {
            match &step.act {
                Act::Wait(seconds) => now += seconds,
                Act::Publish(krate) => {
                    let (_, versions) =
                        crates.entry(canonical(&krate.name)).or_insert_with(|| (krate.name.clone(), BTreeMap::new()));
                    versions.insert(krate.version.clone(), now);
                }
                _ => {}
            }
        }
        Self { crates }
    }

    /// The versions of each crate that these rules show; crates of which they show none are not there.
    pub(super) fn view(&self, rules: &[Rule]) -> BTreeMap<String, BTreeSet<String>> {
        let mut view = BTreeMap::new();
        for (name, versions) in self.crates.values() {
            let shown: BTreeSet<String> = versions
                .iter()
                .filter(|(version, at)| rules.iter().any(|rule| rule.shows(name, version, **at)))
                .map(|(version, _)| version.clone())
                .collect();
            if !shown.is_empty() {
                view.insert(name.clone(), shown);
            }
        }
        view
    }
}
