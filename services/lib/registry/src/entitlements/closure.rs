//! Closure: which versions a view shows although something they need is hidden, and which rules would show it too.
//!
//! Pure: it looks at a [`Universe`] and says which names it would have to know to say more. Yanked versions count as cargo
//! counts them: one does not help a new build while a better one exists, and nobody starts to depend on one.
//!
//! Versions times needs can be many more than either, so they are counted and only the first of them kept.

use super::universe::{Known, Krate, Need, Universe};
use semver::VersionReq;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wharf_domain::entitlement::Terms;
use wharf_domain::view::Rule;
use wharf_domain::{CanonicalName, CrateName, CratePattern, CrateVersion, View};

/// Most unmet needs listed; the number of all is stated.
pub const MISSING_MAX: usize = 1_000;

/// Why a need is not met within a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The view shows no version of the crate.
    CrateHidden,
    /// The view shows the crate, but no version that would do.
    VersionsHidden,
    /// No version that would do was ever published: no view can help.
    NotPublished,
}

/// A visible version that needs something the view does not show.
#[derive(Clone, Debug)]
pub struct Missing {
    /// The crate that needs.
    pub name: CrateName,
    /// The version that needs.
    pub number: CrateVersion,
    /// What it needs.
    pub need: Need,
    /// Why that is not there.
    pub lack: Lack,
}

/// What a view lacks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closure {
    /// The visible versions that need something hidden, at most [`MISSING_MAX`].
    pub missing: Vec<Missing>,
    /// How many such needs there are.
    pub missing_total: usize,
    /// Rules that show everything that is missing, and everything that needs in its turn; one for each requirement. When
    /// they would be more than terms can have, some of them.
    pub rules: Vec<Rule>,
    /// Patterns the read right must have besides, for these rules to show anything.
    pub read: Vec<CratePattern>,
    /// Names to look up before this is the whole truth.
    pub(crate) unknown: BTreeSet<CanonicalName>,
}

#[derive(Clone, Copy)]
enum Verdict {
    Met,
    Lacking(Lack),
    Unknown,
}

fn judge(universe: &Universe, view: &View, name: &CanonicalName, need: &Need) -> Verdict {
    let krate = match universe.get(name) {
        Known::Unknown => return Verdict::Unknown,
        Known::Absent => return Verdict::Lacking(Lack::NotPublished),
        Known::Present(krate) => krate,
    };
    let sight = view.sight(name);
    let (mut shown_fresh, mut hidden_fresh, mut shown_yanked, mut hidden_yanked) = (false, false, false, false);
    for release in krate.releases.iter().filter(|release| need.requirement.matches(release.number.semver())) {
        *match (release.seen(&sight), release.yanked) {
            (true, false) => &mut shown_fresh,
            (false, false) => &mut hidden_fresh,
            (true, true) => &mut shown_yanked,
            (false, true) => &mut hidden_yanked,
        } = true;
    }
    if shown_fresh || (shown_yanked && !hidden_fresh) {
        Verdict::Met
    } else if !hidden_fresh && !hidden_yanked {
        Verdict::Lacking(Lack::NotPublished)
    } else if krate.shown(&sight).next().is_some() {
        Verdict::Lacking(Lack::VersionsHidden)
    } else {
        Verdict::Lacking(Lack::CrateHidden)
    }
}

/// The needs of a view that are not met.
#[derive(Default)]
struct Unmet<'a> {
    /// The first of them, at most [`MISSING_MAX`].
    missing: Vec<Missing>,
    /// How many there are, for each version that has one.
    total: usize,
    /// What would help and is hidden, each once, in the order in which it is met with.
    hidden: Vec<(&'a CanonicalName, &'a VersionReq)>,
    /// Names that are needed but not known.
    unknown: BTreeSet<CanonicalName>,
}

fn unmet<'a>(universe: &'a Universe, view: &View) -> Unmet<'a> {
    let mut verdicts: HashMap<(&CanonicalName, &VersionReq), Verdict> = HashMap::new();
    let mut unmet = Unmet::default();
    for (canonical, krate) in universe.present() {
        let sight = view.sight(canonical);
        for release in krate.shown(&sight).filter(|release| !release.yanked) {
            for (needed, need) in release.needs.iter().map(|need| (&need.0, &need.1)) {
                let verdict = *verdicts.entry((needed, &need.requirement)).or_insert_with(|| {
                    let verdict = judge(universe, view, needed, need);
                    match verdict {
                        Verdict::Met | Verdict::Lacking(Lack::NotPublished) => {}
                        Verdict::Lacking(_) => unmet.hidden.push((needed, &need.requirement)),
                        Verdict::Unknown => drop(unmet.unknown.insert(needed.clone())),
                    }
                    verdict
                });
                if let Verdict::Lacking(lack) = verdict {
                    unmet.total += 1;
                    if unmet.missing.len() < MISSING_MAX {
                        unmet.missing.push(describe(krate, &release.number, need, lack));
                    }
                }
            }
        }
    }
    unmet
}

fn describe(krate: &Krate, number: &CrateVersion, need: &Need, lack: Lack) -> Missing {
    Missing { name: krate.name.clone(), number: number.clone(), need: need.clone(), lack }
}

/// The closure of the view these terms give.
pub(crate) fn close(universe: &Universe, terms: &Terms) -> Closure {
    let Unmet { missing, total, mut hidden, mut unknown } = unmet(universe, &terms.view());
    // One rule for each requirement, whoever states it: a few rules instead of one for each crate.
    let mut added: BTreeMap<String, (VersionReq, BTreeSet<CratePattern>)> = BTreeMap::new();
    let mut named: HashSet<&CanonicalName> = HashSet::new();
    let mut wider = terms.clone();
    loop {
        let mut grown = false;
        for (name, requirement) in hidden {
            let pattern = CratePattern::Name(name.clone());
            if named.insert(name) && !terms.rights.read.iter().any(|right| right.covers(&pattern)) {
                wider.rights.read.push(pattern.clone());
            }
            let (_, names) =
                added.entry(requirement.to_string()).or_insert_with(|| (requirement.clone(), BTreeSet::new()));
            grown |= names.insert(pattern);
        }
        if !grown {
            break;
        }
        wider.rules.truncate(terms.rules.len());
        wider.rules.extend(rules(&added));
        // Rules that cannot be saved are of no use, and going on would make them more still.
        if wider.check().is_err() {
            break;
        }
        let next = unmet(universe, &wider.view());
        unknown.extend(next.unknown);
        hidden = next.hidden;
    }
    let read = wider.rights.read.split_off(terms.rights.read.len());
    Closure { missing, missing_total: total, rules: rules(&added), read, unknown }
}

fn rules(added: &BTreeMap<String, (VersionReq, BTreeSet<CratePattern>)>) -> Vec<Rule> {
    added
        .values()
        .map(|(requirement, names)| Rule {
            allow: names.iter().cloned().collect(),
            versions: Some(requirement.clone()),
            ..Rule::default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::universe::{Needed, Release};
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use wharf_domain::entitlement::{RULES_MAX, Rights};
    use wharf_domain::{Sight, Timestamp};

    type Sample<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

    fn need(name: &str, requirement: &str) -> Needed {
        let name = CrateName::parse(name).unwrap();
        Arc::new((name.canonical(), Need { name, requirement: requirement.parse().unwrap(), optional: false }))
    }

    fn universe(samples: &[Sample<'_>], yanked: &[(&str, &str)]) -> Universe {
        let mut crates: BTreeMap<&str, Krate> = BTreeMap::new();
        for (name, number, needs) in samples {
            let krate = crates
                .entry(name)
                .or_insert_with(|| Krate { name: CrateName::parse(name).unwrap(), releases: Vec::new() });
            krate.releases.push(Release {
                number: CrateVersion::parse(number).unwrap(),
                published_at: Timestamp::from_unix(10),
                yanked: yanked.contains(&(name, number)),
                needs: needs.iter().map(|(name, requirement)| need(name, requirement)).collect(),
            });
        }
        let mut universe = Universe::default();
        crates.into_values().for_each(|krate| universe.insert(krate));
        universe
    }

    fn terms(allow: &[&str], versions: Option<&str>) -> Terms {
        let allow = allow.iter().map(|text| CratePattern::parse(text).unwrap()).collect();
        let versions = versions.map(|text| text.parse().unwrap());
        Terms { rules: vec![Rule { allow, versions, ..Rule::default() }], ..Terms::default() }
    }

    fn texts(closure: &Closure) -> Vec<String> {
        closure
            .missing
            .iter()
            .map(|one| format!("{} {} {} {} {:?}", one.name, one.number, one.need.name, one.need.requirement, one.lack))
            .collect()
    }

    #[test]
    fn names_what_is_hidden_and_suggests_the_whole_chain() {
        let universe = universe(
            &[
                ("partner-sdk", "1.0.0", &[("core", "^1"), ("partner-io", "^2"), ("gone", "^1")]),
                ("partner-io", "1.0.0", &[]),
                ("core", "1.0.0", &[]),
                ("core", "1.1.0", &[("base", "^0.3")]),
                ("base", "0.3.0", &[]),
                ("secret", "1.0.0", &[("elsewhere", "^9")]),
            ],
            &[],
        );
        let mut universe = universe;
        universe.insert_absent(CrateName::parse("gone").unwrap().canonical());
        let closure = close(&universe, &terms(&["partner-*"], None));
        assert_eq!(
            texts(&closure),
            [
                "partner-sdk 1.0.0 core ^1 CrateHidden",
                "partner-sdk 1.0.0 partner-io ^2 NotPublished",
                "partner-sdk 1.0.0 gone ^1 NotPublished",
            ]
        );
        let suggested: Vec<String> =
            closure.rules.iter().map(|rule| format!("{:?} {}", rule.allow, rule.versions.as_ref().unwrap())).collect();
        assert_eq!(suggested, ["[base] ^0.3", "[core] ^1"]);
        assert!(closure.read.is_empty() && closure.unknown.is_empty());
    }

    #[test]
    fn a_version_rule_that_hides_the_needed_version_is_told_apart() {
        let universe = universe(&[("a", "1.0.0", &[("b", "^2")]), ("b", "1.0.0", &[]), ("b", "2.0.0", &[])], &[]);
        let closure = close(&universe, &terms(&["*"], Some("^1")));
        assert_eq!(texts(&closure), ["a 1.0.0 b ^2 VersionsHidden"]);
    }

    #[test]
    fn a_narrow_read_right_is_widened_with_the_rules() {
        let universe = universe(&[("a", "1.0.0", &[("b", "^1")]), ("b", "1.0.0", &[])], &[]);
        let mut narrow = terms(&["*"], None);
        narrow.rights = Rights { read: vec![CratePattern::parse("a").unwrap()], ..Rights::default() };
        let closure = close(&universe, &narrow);
        assert_eq!(texts(&closure), ["a 1.0.0 b ^1 CrateHidden"]);
        assert_eq!(closure.read, [CratePattern::parse("b").unwrap()]);
        narrow.rules.extend(closure.rules);
        narrow.rights.read.extend(closure.read);
        assert!(close(&universe, &narrow).missing.is_empty());
    }

    #[test]
    fn a_yanked_version_is_no_help_while_a_hidden_one_would_be() {
        let samples: &[Sample<'_>] =
            &[("a", "1.0.0", &[("b", "^1")]), ("b", "1.0.0", &[]), ("b", "1.5.0", &[]), ("c", "1.0.0", &[("d", "*")])];
        let old = terms(&["a", "b"], Some("<1.5"));
        assert!(close(&universe(samples, &[]), &old).missing.is_empty());
        let closure = close(&universe(samples, &[("b", "1.0.0")]), &old);
        assert_eq!(texts(&closure), ["a 1.0.0 b ^1 VersionsHidden"]);
        let both = close(&universe(samples, &[("b", "1.0.0"), ("b", "1.5.0")]), &old);
        assert!(both.missing.is_empty(), "nothing better exists anywhere");
        let dependent = close(&universe(samples, &[("c", "1.0.0")]), &terms(&["c"], None));
        assert!(dependent.missing.is_empty() && dependent.unknown.is_empty(), "no new build takes a yanked version");
    }

    #[test]
    fn says_which_names_it_must_know() {
        let closure = close(&universe(&[("a", "1.0.0", &[("b", "^1")])], &[]), &terms(&["a"], None));
        assert!(closure.missing.is_empty());
        assert_eq!(closure.unknown.iter().map(CanonicalName::as_str).collect::<Vec<_>>(), ["b"]);
    }

    /// `users` versions of one crate, each of which needs the same `hidden` crates.
    fn crowded(users: usize, hidden: usize) -> Universe {
        let needed: Vec<String> = (0..hidden).map(|n| format!("h{n:03}")).collect();
        let needs: Vec<(&str, &str)> = needed.iter().map(|name| (name.as_str(), "^1")).collect();
        let numbers: Vec<String> = (0..users).map(|n| format!("1.{n}.0")).collect();
        let users = numbers.iter().map(|number| ("user", number.as_str(), needs.as_slice()));
        let hidden = needed.iter().map(|name| (name.as_str(), "1.0.0", [].as_slice()));
        universe(&users.chain(hidden).collect::<Vec<Sample<'_>>>(), &[])
    }

    #[test]
    fn versions_times_needs_are_counted_and_not_kept() {
        let universe = crowded(500, 20);
        let user = terms(&["user"], None);
        let found = unmet(&universe, &user.view());
        assert_eq!((found.missing.len(), found.total, found.hidden.len()), (MISSING_MAX, 500 * 20, 20));
        // The first of them, in the order in which all of them were listed before.
        let texts = texts(&close(&universe, &user));
        assert_eq!(texts[0], "user 1.0.0 h000 ^1 CrateHidden");
        assert_eq!(texts[MISSING_MAX - 1], "user 1.49.0 h019 ^1 CrateHidden");
        // What is suggested is about all of them.
        let closure = close(&crowded(MISSING_MAX, 2), &user);
        assert_eq!((closure.missing.len(), closure.missing_total), (MISSING_MAX, 2 * MISSING_MAX));
        assert_eq!(closure.rules.len(), 1);
        assert_eq!(closure.rules[0].allow.len(), 2);
    }

    #[test]
    fn what_cannot_be_saved_is_not_followed_further() {
        let requirements: Vec<String> = (0..=RULES_MAX).map(|n| format!(">=0.{n}.0")).collect();
        let needs: Vec<(&str, &str)> = requirements.iter().map(|text| ("wide", text.as_str())).collect();
        let followed = |needs: &[(&str, &str)]| {
            let samples = [("a", "1.0.0", needs), ("wide", "1.0.0", &[("deep", "^1")]), ("deep", "1.0.0", &[])];
            close(&universe(&samples, &[]), &terms(&["a"], None))
        };
        let most = followed(&needs[..RULES_MAX - 2]);
        assert_eq!(most.rules.len(), RULES_MAX - 1, "with the one for what is needed in turn");
        let closure = followed(&needs);
        assert_eq!(closure.rules.len(), RULES_MAX + 1);
        assert!(closure.rules.iter().all(|rule| rule.allow != [CratePattern::parse("deep").unwrap()]));
        assert_eq!(closure.missing_total, RULES_MAX + 1);
    }

    fn random_universe() -> impl Strategy<Value = Universe> {
        let name = prop::sample::select(vec!["a", "a-b", "b", "b-c", "c"]);
        let number = prop::sample::select(vec!["1.0.0", "1.1.0", "2.0.0", "2.0.0-rc.1"]);
        let requirement = prop::sample::select(vec!["*", "^1", "^2", "=1.1.0", "^2.0.0-rc.1", "^3"]);
        let needs = prop::collection::vec((name.clone(), requirement), 0..3);
        prop::collection::btree_map((name, number), needs, 0..12).prop_map(|versions| {
            let samples: Vec<Sample<'_>> =
                versions.iter().map(|((name, number), needs)| (*name, *number, needs.as_slice())).collect();
            let mut universe = universe(&samples, &[]);
            for name in ["a", "a-b", "b", "b-c", "c"] {
                universe.insert_absent(CrateName::parse(name).unwrap().canonical());
            }
            universe
        })
    }

    fn random_terms() -> impl Strategy<Value = Terms> {
        let pattern = prop::sample::select(vec!["*", "a*", "b", "b-*", "c"]);
        let versions = prop::option::of(prop::sample::select(vec!["^1", "=1.0.0", ">=1.1"]));
        let rule = (prop::collection::vec(pattern.clone(), 1..3), versions);
        (prop::collection::vec(rule, 0..3), prop::collection::vec(pattern, 1..3)).prop_map(|(rules, read)| {
            let parse = |list: &[&str]| list.iter().map(|text| CratePattern::parse(text).unwrap()).collect();
            Terms {
                rights: Rights { read: parse(&read), ..Rights::default() },
                rules: rules
                    .iter()
                    .map(|(allow, versions)| Rule {
                        allow: parse(allow),
                        versions: versions.map(|text| text.parse().unwrap()),
                        ..Rule::default()
                    })
                    .collect(),
            }
        })
    }

    /// Every need of every visible version has a visible version that matches; said the long way.
    fn is_closed(universe: &Universe, view: &View) -> bool {
        let seen: Vec<(&CanonicalName, &Release)> = universe
            .present()
            .flat_map(|(name, krate)| krate.releases.iter().map(move |release| (name, release)))
            .filter(|(name, release)| match view.sight(name) {
                Sight::Hidden => false,
                Sight::Whole => true,
                Sight::Part(filter) => filter.admits(release.number.semver(), release.published_at),
            })
            .collect();
        seen.iter().flat_map(|(_, release)| &release.needs).all(|need| {
            let (needed, need) = (&need.0, &need.1);
            seen.iter().any(|(name, release)| *name == needed && need.requirement.matches(release.number.semver()))
        })
    }

    proptest! {
        #[test]
        fn empty_if_and_only_if_every_need_is_met(universe in random_universe(), terms in random_terms()) {
            let closure = close(&universe, &terms);
            prop_assert!(closure.unknown.is_empty());
            prop_assert_eq!(closure.missing.is_empty(), is_closed(&universe, &terms.view()));
        }

        #[test]
        fn what_it_suggests_leaves_only_what_was_never_published(
            universe in random_universe(), terms in random_terms(),
        ) {
            let closure = close(&universe, &terms);
            let mut wider = terms.clone();
            wider.rules.extend(closure.rules);
            wider.rights.read.extend(closure.read);
            let after = close(&universe, &wider);
            prop_assert!(after.missing.iter().all(|one| one.lack == Lack::NotPublished), "{:?}", texts(&after));
        }
    }
}
