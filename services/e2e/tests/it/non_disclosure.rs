//! Hidden means absent.
//!
//! Pairs of installations that are equal in what the observers may see, one with more that they may not; every question
//! of every observer gets the same bytes from both, also while hidden things happen. Within one installation a hidden name, version,
//! registry, org, member or id is asked about like one that never existed. What each view holds is said by the model, see
//! `model.rs`.

mod battery;
mod document;
mod side;
mod universe;

use battery::{Dress, NO_ID, Names, Probe, dress, probes};
use side::Side;
use std::collections::{BTreeMap, BTreeSet};
use universe::{Act, NEVER, Universe};
use wharf_testkit::CrateFixture;
use wharf_testkit::chance::{Chance, runs, seeds};

/// What can be searched for, names and parts of names aside.
const QUERIES: &[&str] = &[
    "",
    "?q=",
    "?q=partner&per_page=1",
    "?q=partner&per_page=1&page=2",
    "?q=partner&per_page=2&page=99",
    "?q=partner&per_page=0",
    "?q=narrow&per_page=100",
    "?q=dated",
    "?q=crate",
    "?q=for",
];

impl Universe {
    /// Every name and version there is in one of the pair, and some that are in none.
    fn names(&self) -> Names {
        let mut crates: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, versions) in self.visible.iter().chain(&self.hidden) {
            crates.entry(name.clone()).or_default().extend(versions.iter().cloned().chain([NEVER.to_owned()]));
        }
        for absent in self.absent.values() {
            crates.insert(absent.clone(), BTreeSet::from(["1.0.0".to_owned()]));
        }
        let mut queries: Vec<String> = QUERIES.iter().map(|query| (*query).to_owned()).collect();
        for name in crates.keys() {
            queries.push(format!("?q={name}"));
            let beginning = &name[..name.len().min(4)];
            queries.extend([format!("?q={beginning}"), format!("?q={beginning}&per_page=1")]);
        }
        // What hidden crates say of themselves.
        for step in self.chapters.iter().flatten().filter(|step| step.hidden) {
            if let universe::Act::Publish(krate) = &step.act {
                queries.push(format!("?q={}", krate.description.replace(' ', "+")));
            }
        }
        Names {
            crates: crates.into_iter().map(|(name, versions)| (name, versions.into_iter().collect())).collect(),
            queries,
            ..Names::of_nobody()
        }
    }
}

impl Names {
    /// No crate, a member and a team that some universes have, and no id.
    fn of_nobody() -> Self {
        let (login, team) = ("hidden-dev".to_owned(), "hidden-team".to_owned());
        Self { crates: Vec::new(), queries: Vec::new(), ids: vec![NO_ID.to_owned()], login, team }
    }
}

/// A few names, for registries where nothing of the universe is.
fn few() -> Names {
    let versions = || vec!["1.0.0".to_owned(), "9.0.0".to_owned(), "9.9.0".to_owned()];
    let crates = ["partner-one", "open-core", "nothing"].map(|name| (name.to_owned(), versions()));
    Names { crates: crates.to_vec(), queries: vec![String::new(), "?q=partner".to_owned()], ..Names::of_nobody() }
}

/// Whether an observer asks this. The partner and the vendor, whose views are cut finest, ask nearly everything; the others
/// some of it in each run, for time's sake.
fn asks(observer: &str, probe: &Probe, rng: &mut Chance) -> bool {
    let curious = matches!(observer, "partner" | "vendor");
    match (curious, probe.is_odd(), probe.is_management()) {
        (true, false, false) => true,
        (true, false, true) => rng.one_in(8),
        (true, true, _) => rng.one_in(24),
        (false, false, _) => rng.one_in(16),
        (false, true, _) => rng.one_in(96),
    }
}

/// Asks both sides the same, in the same order, follows what the answers lead to, and compares; the statuses that were met.
async fn compare(one: &Side, other: &Side, probes: &[Probe], seed: u64) -> BTreeSet<u16> {
    let rng = &mut Chance::new(seed);
    let mut met = BTreeSet::new();
    for (observer, (name, _, _)) in one.observers.iter().enumerate() {
        for probe in probes {
            if !asks(name, probe, rng) {
                continue;
            }
            let probe = probe.dressed(&dress(rng));
            let mut asked = vec![(probe.clone(), probe)];
            while let Some((here, there)) = asked.pop() {
                let (left, right) = tokio::join!(one.look(observer, &here, &[]), other.look(observer, &there, &[]));
                assert_eq!(
                    left.seen,
                    right.seen,
                    "WHARF_SEED={seed}: {name} tells two universes apart by {}",
                    here.label()
                );
                met.insert(left.seen.status);
                assert_eq!(left.next.len(), right.next.len(), "WHARF_SEED={seed}: {name}: {}", here.label());
                asked.extend(left.next.into_iter().zip(right.next));
            }
        }
    }
    met
}

#[tokio::test(flavor = "multi_thread")]
async fn universes_that_differ_in_what_is_hidden_look_alike() {
    for seed in seeds("universes", runs(1, 40)) {
        let rng = &mut Chance::new(seed);
        let universe = Universe::random(rng);
        let (bare, full) = tokio::join!(Side::new(), Side::new());
        let everything = probes(("acme", "private"), &universe.names());
        // A publish that succeeds would be in the way of the universe's own.
        let harmless: Vec<&Probe> = everything.iter().filter(|probe| !probe.publishes()).collect();
        for chapter in &universe.chapters {
            for step in chapter {
                let both = async {
                    if !step.hidden {
                        bare.act(&step.act).await;
                    }
                };
                tokio::join!(both, full.act(&step.act));
                // Questions and hidden deeds take turns.
                let probe = (*rng.pick(&harmless)).clone();
                compare(&bare, &full, &[probe], seed).await;
            }
        }
        // Many hidden things at once, while the observers ask and visible things happen.
        let asking = async {
            for number in 0..4 {
                let release = Act::Publish(CrateFixture::new("partner-one", &format!("4.{number}.0")));
                tokio::join!(bare.act(&release), full.act(&release));
                let some: Vec<Probe> = (0..24).map(|_| (*rng.pick(&harmless)).clone()).collect();
                compare(&bare, &full, &some, seed + number).await;
            }
        };
        tokio::join!(asking, full.bustle(0), full.bustle(1), full.bustle(2));
        let met = compare(&bare, &full, &everything, seed).await;
        for status in [200, 206, 302, 304, 400, 401, 403, 404, 409] {
            assert!(met.contains(&status), "WHARF_SEED={seed}: nobody got a {status}; the questions ask too little");
        }
        for place in [
            ("acme", "open"),
            ("acme", "vault"),
            ("acme", "absent"),
            ("globex", "private"),
            ("globex", "x1"),
            ("initech", "private"),
        ] {
            compare(&bare, &full, &probes(place, &few()), seed).await;
        }
        bare.stack.stop().await;
        full.stack.stop().await;
    }
}

/// Asks one side about something hidden and about something that never was, and compares.
async fn substitute(side: &Side, hidden: (&[Probe], &str), absent: (&[Probe], &str), seed: u64) {
    assert_eq!(hidden.0.len(), absent.0.len());
    let rng = &mut Chance::new(seed);
    for (observer, (name, _, _)) in side.observers.iter().enumerate() {
        for (one, other) in hidden.0.iter().zip(absent.0).filter(|(one, other)| one.asks_other_than(other)) {
            if !asks(name, one, rng) {
                continue;
            }
            let worn = dress(rng);
            // A key belongs to one request; with another it would be refused.
            let apart = |name: &str| if name == "idempotency-key" { "x" } else { "" };
            let changed: Dress = worn.iter().map(|(name, value)| (*name, format!("{value}{}", apart(name)))).collect();
            let (one, other) = (&one.dressed(&worn), &other.dressed(&changed));
            let left = side.look(observer, one, &it(hidden.1)).await.seen;
            let right = side.look(observer, other, &it(absent.1)).await.seen;
            assert_eq!(left, right, "WHARF_SEED={seed}: {name} tells {} from {}", one.label(), other.label());
        }
    }
}

/// A name, to be read as any other. One or two letters stand in every text; no answer repeats such a name.
fn it(name: &str) -> Vec<(String, &'static str)> {
    if name.len() < 3 { Vec::new() } else { vec![(name.to_owned(), "[it]")] }
}

fn named(name: &str, versions: &[&str]) -> Names {
    let versions = versions.iter().map(|version| (*version).to_owned()).collect();
    let queries = vec![format!("?q={name}"), format!("?q={name}&per_page=1"), format!("?q={name}+crate")];
    Names { crates: vec![(name.to_owned(), versions)], queries, ..Names::of_nobody() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_answers_like_what_never_was() {
    for seed in seeds("substitutes", runs(1, 40)) {
        let universe = Universe::random(&mut Chance::new(seed));
        let side = Side::new().await;
        for step in universe.chapters.iter().flatten() {
            side.act(&step.act).await;
        }
        let here = ("acme", "private");
        for (hidden, absent) in &universe.absent {
            let mut versions: Vec<&str> = universe.hidden[hidden].iter().map(String::as_str).collect();
            versions.push(NEVER);
            let (mut names, mut others) = (named(hidden, &versions), named(absent, &versions));
            let found = |text: &str| universe.visible.keys().any(|name| name.to_lowercase().contains(text));
            if found(hidden) || found(absent) {
                // Such a word finds crates that are seen.
                names.queries.clear();
                others.queries.clear();
            }
            let (one, other) = (probes(here, &names), probes(here, &others));
            substitute(&side, (&one, hidden), (&other, absent), seed).await;
        }
        // A version that an observer does not see of a crate that it does.
        for (name, versions) in &universe.hidden {
            for hidden in versions.iter().filter(|_| universe.visible.contains_key(name)) {
                let absent = hidden.replacen(|digit: char| digit.is_ascii_digit(), "8", 1);
                assert!(!versions.contains(&absent), "{absent}");
                let (one, other) = (probes(here, &named(name, &[hidden])), probes(here, &named(name, &[&absent])));
                substitute(&side, (&one, hidden), (&other, &absent), seed).await;
            }
        }
        // People and teams, in addresses and as owners of a crate that is seen.
        let of = |login: &str, team: &str| {
            let crates = vec![("partner-one".to_owned(), vec!["1.0.0".to_owned()])];
            probes(here, &Names { crates, login: login.to_owned(), team: team.to_owned(), ..Names::of_nobody() })
        };
        let nobody = of("hidden-dev", "hidden-team");
        substitute(&side, (&nobody, "hidden-dev"), (&of("hidxen-dev", "hidden-team"), "hidxen-dev"), seed).await;
        substitute(&side, (&nobody, "hidden-team"), (&of("hidden-dev", "hidxen-team"), "hidxen-team"), seed).await;
        let ids = side.hidden_ids.lock().unwrap().clone();
        assert!(ids.len() >= 6, "too little is hidden: {ids:?}");
        for id in ids {
            let of = |id: &str| probes(here, &Names { ids: vec![id.to_owned()], ..Names::of_nobody() });
            substitute(&side, (&of(&id), &id), (&of(NO_ID), NO_ID), seed).await;
        }
        for (place, hidden, nowhere, absent) in [
            (("acme", "vault"), "vault", ("acme", "vaxlt"), "vaxlt"),
            (("globex", "private"), "globex", ("glubex", "private"), "glubex"),
        ] {
            substitute(&side, (&probes(place, &few()), hidden), (&probes(nowhere, &few()), absent), seed).await;
        }
        side.stack.stop().await;
    }
}
