//! Hidden means absent, and listed means downloadable.
//!
//! Pairs of installations that are equal in what the observers may see, one with more that they may not; every question
//! of every observer gets the same bytes from both. Within one installation a hidden name, version, registry or org is
//! asked about like one that never existed. And a model made of plain maps says what every view holds.

mod battery;
mod model;
mod universe;

use battery::{Names, Probe, probes};
use model::{Model, Rule};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use universe::{NEVER, Side, Universe};
use wharf_testkit::chance::{Chance, seeds};

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
            queries.push(format!("?q={}", &name[..name.len().min(4)]));
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
        }
    }
}

/// A few names, for registries where nothing of the universe is.
fn few() -> Names {
    let versions = || vec!["1.0.0".to_owned(), "9.0.0".to_owned(), "9.9.0".to_owned()];
    let crates = ["partner-one", "open-core", "nothing"].map(|name| (name.to_owned(), versions()));
    Names { crates: crates.to_vec(), queries: vec![String::new(), "?q=partner".to_owned()] }
}

/// Whether an observer asks this. The partner and the vendor, whose views are cut finest, ask everything; the others
/// some of it in each run, for time's sake.
fn asks(observer: &str, probe: &Probe, rng: &mut Chance) -> bool {
    matches!(observer, "partner" | "vendor") || probe.is_management() || rng.one_in(4)
}

/// Asks both sides the same, in the same order, and compares; the statuses that were met.
async fn compare(one: &Side, other: &Side, probes: &[Probe], seed: u64) -> BTreeSet<u16> {
    let rng = &mut Chance::new(seed);
    let mut met = BTreeSet::new();
    for (observer, (name, _, _)) in one.observers.iter().enumerate() {
        for probe in probes {
            if !asks(name, probe, rng) {
                continue;
            }
            let (left, right) = tokio::join!(one.see(observer, probe, &[]), other.see(observer, probe, &[]));
            assert_eq!(left, right, "WHARF_SEED={seed}: {name} tells two universes apart by {}", probe.label());
            met.insert(left.status);
            if let Some((_, etag)) = left.headers.iter().find(|(name, _)| name == "etag") {
                let again = probe.again_with(etag);
                let (left, right) = tokio::join!(one.see(observer, &again, &[]), other.see(observer, &again, &[]));
                assert_eq!(left, right, "WHARF_SEED={seed}: {name} tells two universes apart by {}", again.label());
                met.insert(left.status);
            }
        }
    }
    met
}

#[tokio::test(flavor = "multi_thread")]
async fn universes_that_differ_in_what_is_hidden_look_alike() {
    for seed in seeds("universes", 2) {
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
        let met = compare(&bare, &full, &everything, seed).await;
        for status in [200, 302, 304, 400, 401, 403, 404, 409] {
            assert!(met.contains(&status), "WHARF_SEED={seed}: nobody got a {status}; the questions ask too little");
        }
        for place in [("acme", "open"), ("acme", "vault"), ("acme", "absent"), ("globex", "private"), ("globex", "x1")]
        {
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
            let left = side.see(observer, one, &it(hidden.1)).await;
            let right = side.see(observer, other, &it(absent.1)).await;
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
    Names { crates: vec![(name.to_owned(), versions)], queries }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_answers_like_what_never_was() {
    for seed in seeds("substitutes", 1) {
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
        for (place, hidden, nowhere, absent) in [
            (("acme", "vault"), "vault", ("acme", "vaxlt"), "vaxlt"),
            (("globex", "private"), "globex", ("glubex", "private"), "glubex"),
        ] {
            substitute(&side, (&probes(place, &few()), hidden), (&probes(nowhere, &few()), absent), seed).await;
        }
        side.stack.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_if_and_only_if_downloadable() {
    for seed in seeds("views", 1) {
        let rng = &mut Chance::new(seed);
        let universe = Universe::random(rng);
        let side = Side::new().await;
        for step in universe.chapters.iter().flatten() {
            side.act(&step.act).await;
        }
        let model = Model::of(&universe);
        for number in 0..8 {
            let rules: Vec<Rule> = (0..rng.within(1, 3)).map(|_| Rule::random(rng)).collect();
            let texts: Vec<_> = rules.iter().map(Rule::json).collect();
            let reader = side.acme.entitle("private", &format!("random-{number}"), &json!({ "rules": texts })).await;
            let view = model.view(&rules);
            let about = |what: &str| format!("WHARF_SEED={seed}: {what} under {texts:?}");
            for (name, versions) in model.crates.values() {
                let shown = view.get(name).cloned().unwrap_or_default();
                let file = reader.index(name).await;
                let listed: BTreeSet<String> = if file.status == 404 {
                    BTreeSet::new()
                } else {
                    let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["vers"].clone();
                    let text = file.expect(200).text();
                    text.lines().map(|text| line(text).as_str().unwrap().to_owned()).collect()
                };
                assert_eq!(listed, shown, "{}", about(&format!("the index file of {name}")));
                for version in versions.keys() {
                    let decision = reader.client().get(&reader.download_url(name, version)).await.status;
                    let expected = if shown.contains(version) { 302 } else { 404 };
                    assert_eq!(decision, expected, "{}", about(&format!("the download of {name} {version}")));
                }
                let owners = reader.client().get(&reader.crates_url(&format!("/{name}/owners"))).await.status;
                let expected = if shown.is_empty() { 404 } else { 200 };
                assert_eq!(owners, expected, "{}", about(&format!("the owners of {name}")));
            }
            let found = reader.search("").await;
            if view.is_empty() && found.status == 404 {
                // Whoever sees nothing of a registry is not told that there is one.
                continue;
            }
            let found = found.expect(200).json();
            assert_eq!(found["meta"]["total"], view.len(), "{}", about("the total of a search"));
            for hit in found["crates"].as_array().unwrap() {
                let (name, newest) = (hit["name"].as_str().unwrap(), hit["max_version"].as_str().unwrap());
                let shown = view.get(name).is_some_and(|versions| versions.contains(newest));
                assert!(shown, "{}", about(&format!("search shows {name} {newest}")));
            }
            let path =
                format!("/registries/private/entitlements/{}/view?limit=100", reader.entitlement.as_ref().unwrap());
            let listed = side.acme.manage("GET", &path, &json!(null)).await.expect(200).json();
            let listed: BTreeMap<String, BTreeSet<String>> = listed["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|krate| {
                    let versions = krate["versions"].as_array().unwrap();
                    let versions = versions.iter().map(|version| version["version"].as_str().unwrap().to_owned());
                    (krate["crate"].as_str().unwrap().to_owned(), versions.collect())
                })
                .collect();
            assert_eq!(listed, view, "{}", about("the listing for the admin"));
        }
        side.stack.stop().await;
    }
}
