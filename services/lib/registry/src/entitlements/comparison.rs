//! What a view holds, and what it gains and loses against another. Pure, and fed crate by crate, so that the counts are
//! exact for a registry of any size while the lists stay short.

use wharf_domain::{CrateName, CrateVersion, Sight, View};
use wharf_store::view_contents::HeldCrate;

/// Most versions listed as added, and most as removed. The counts go on.
pub const LISTED_MAX: usize = 5_000;

/// A number of crates and of versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Crates of which at least one version is meant.
    pub crates: u64,
    /// Versions.
    pub versions: u64,
}

/// One side of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// How many in all.
    pub count: Count,
    /// The first of them: versions by crate, at most [`LISTED_MAX`] versions.
    pub listed: Vec<(CrateName, Vec<CrateVersion>)>,
    listed_versions: usize,
}

/// What a view holds, and how it differs from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What the view holds.
    pub holds: Count,
    /// What it holds and the other does not.
    pub added: Side,
    /// What the other holds and it does not.
    pub removed: Side,
}

impl Count {
    fn add(&mut self, versions: usize) {
        if versions > 0 {
            self.crates += 1;
            self.versions += u64::try_from(versions).unwrap_or(u64::MAX);
        }
    }
}

impl Side {
    fn add(&mut self, name: &CrateName, versions: Vec<&CrateVersion>) {
        self.count.add(versions.len());
        let room = LISTED_MAX - self.listed_versions;
        let listed: Vec<CrateVersion> = versions.into_iter().take(room).cloned().collect();
        if !listed.is_empty() {
            self.listed_versions += listed.len();
            self.listed.push((name.clone(), listed));
        }
    }
}

impl Comparison {
    /// Takes in one crate; `former` is the view compared with.
    pub(crate) fn see(&mut self, held: &HeldCrate, view: &View, former: &View) {
        let name = held.name.canonical();
        let (now, before) = (view.sight(&name), former.sight(&name));
        let (mut holds, mut added, mut removed) = (0, Vec::new(), Vec::new());
        for version in &held.versions {
            let seen = |sight: &Sight| sight.shows(version.number.semver(), version.published_at);
            let (is, was) = (seen(&now), seen(&before));
            holds += usize::from(is);
            match (is, was) {
                (true, false) => added.push(&version.number),
                (false, true) => removed.push(&version.number),
                _ => {}
            }
        }
        self.holds.add(holds);
        self.added.add(&held.name, added);
        self.removed.add(&held.name, removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use wharf_domain::view::Rule;
    use wharf_domain::{CrateId, CratePattern, Timestamp};
    use wharf_store::view_contents::HeldVersion;

    fn held(name: &str, numbers: &[&str]) -> HeldCrate {
        HeldCrate {
            id: CrateId(uuid::Uuid::from_u128(1)),
            name: CrateName::parse(name).unwrap(),
            versions: numbers
                .iter()
                .map(|number| HeldVersion {
                    id: wharf_domain::VersionId(uuid::Uuid::nil()),
                    number: CrateVersion::parse(number).unwrap(),
                    published_at: Timestamp::from_unix(10),
                    yanked: false,
                    line: None,
                })
                .collect(),
        }
    }

    fn view(allow: &str, versions: Option<&str>) -> View {
        View::new([Rule {
            allow: vec![CratePattern::parse(allow).unwrap()],
            versions: versions.map(|text| text.parse().unwrap()),
            ..Rule::default()
        }])
    }

    fn flat(side: &Side) -> BTreeSet<String> {
        side.listed
            .iter()
            .flat_map(|(name, numbers)| numbers.iter().map(move |number| format!("{name} {number}")))
            .collect()
    }

    #[test]
    fn says_what_is_added_and_removed() {
        let mut comparison = Comparison::default();
        for krate in [held("a", &["1.0.0", "2.0.0"]), held("A_b", &["1.0.0"]), held("c", &["1.0.0"])] {
            comparison.see(&krate, &view("a*", Some("^1")), &view("a", None));
        }
        assert_eq!(comparison.holds, Count { crates: 2, versions: 2 });
        assert_eq!(flat(&comparison.added), BTreeSet::from(["A_b 1.0.0".to_owned()]));
        assert_eq!(flat(&comparison.removed), BTreeSet::from(["a 2.0.0".to_owned()]));
        assert_eq!(comparison.removed.count, Count { crates: 1, versions: 1 });
    }

    #[test]
    fn lists_are_bounded_and_counts_are_not() {
        let numbers: Vec<String> = (0..LISTED_MAX).map(|minor| format!("1.{minor}.0")).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let mut comparison = Comparison::default();
        comparison.see(&held("a", &["1.0.0"]), &view("*", None), &View::default());
        comparison.see(&held("b", &numbers), &view("*", None), &View::default());
        comparison.see(&held("c", &["1.0.0"]), &view("*", None), &View::default());
        assert_eq!(comparison.added.count, Count { crates: 3, versions: LISTED_MAX as u64 + 2 });
        assert_eq!(comparison.added.listed.iter().map(|(_, numbers)| numbers.len()).sum::<usize>(), LISTED_MAX);
        assert_eq!(comparison.added.listed.len(), 2);
    }

    proptest! {
        #[test]
        fn what_was_and_what_is_added_less_what_is_removed_is_what_is(
            one in (prop::sample::select(vec!["*", "a*", "b"]), prop::option::of(prop::sample::select(vec!["^1", "^2"]))),
            other in (prop::sample::select(vec!["*", "a*", "b"]), prop::option::of(prop::sample::select(vec!["^1", "^2"]))),
        ) {
            let crates = [held("a", &["1.0.0", "2.0.0"]), held("ab", &["1.0.0"]), held("b", &["2.0.0", "3.0.0"])];
            let (new, old) = (view(one.0, one.1), view(other.0, other.1));
            let holdings = |view: &View| {
                let mut comparison = Comparison::default();
                crates.iter().for_each(|krate| comparison.see(krate, view, &View::default()));
                flat(&comparison.added)
            };
            let mut comparison = Comparison::default();
            crates.iter().for_each(|krate| comparison.see(krate, &new, &old));
            let (is, was) = (holdings(&new), holdings(&old));
            prop_assert_eq!(flat(&comparison.added), is.difference(&was).cloned().collect::<BTreeSet<_>>());
            prop_assert_eq!(flat(&comparison.removed), was.difference(&is).cloned().collect::<BTreeSet<_>>());
        }
    }
}
