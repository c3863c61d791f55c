//! Registries in memory: what was published, and the index that was told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::Version;
use wharf_domain::view::Rule;
use wharf_domain::{CrateName, CratePattern, RegistryId, Timestamp, View};
use wharf_git_index::{Change, Definition, File, Index, Limits, Line, Memory, Was, visible_oid};

/// One version as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) number: Version,
    pub(crate) at: Timestamp,
    pub(crate) yanked: bool,
}

/// The versions of each crate, by the name as its author writes it.
pub(crate) type Registry = BTreeMap<String, Vec<Published>>;

/// Something that happens to a crate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A version of this number appears.
    Publish(&'static str, u64),
    /// The version of this number, if there is one, is yanked or back again.
    Yank(&'static str, u64),
    /// All versions are gone.
    Delete(&'static str),
}

impl Event {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Publish(name, _) | Event::Yank(name, _) | Event::Delete(name) => name,
        }
    }

    pub(crate) fn happen(&self, registry: &mut Registry) {
        let versions = registry.entry(self.name().to_owned()).or_default();
        match self {
            Event::Publish(_, number) => {
                // The time is a function of the number, so that universes with other orders of events show the same.
                let at = Timestamp::from_unix(i64::try_from(*number).unwrap() * 100);
                let number = Version::new(*number / 4, *number % 4, 0);
                if versions.iter().all(|version| version.number != number) {
                    versions.push(Published { number, at, yanked: false });
                    versions.sort_by(|a, b| a.number.cmp(&b.number));
                }
            }
            Event::Yank(_, number) => {
                let number = Version::new(*number / 4, *number % 4, 0);
                versions.iter_mut().filter(|version| version.number == number).for_each(|v| v.yanked = !v.yanked);
            }
            Event::Delete(_) => versions.clear(),
        }
    }
}

/// The index line of a version.
pub(crate) fn line(name: &str, version: &Published) -> Vec<u8> {
    let Published { number, yanked, .. } = version;
    format!("{{\"name\":\"{name}\",\"vers\":\"{number}\",\"deps\":[],\"yanked\":{yanked}}}\n").into_bytes()
}

/// Calls back with the lines of a crate.
pub(crate) fn with_lines<R>(name: &str, versions: &[Published], work: impl FnOnce(&[Line<'_>]) -> R) -> R {
    let bytes: Vec<_> = versions.iter().map(|version| line(name, version)).collect();
    let lines: Vec<_> = versions
        .iter()
        .zip(&bytes)
        .map(|(version, bytes)| Line { number: &version.number, published_at: version.at, bytes })
        .collect();
    work(&lines)
}

/// The crates that differ, as a view showed them in the old state.
pub(crate) fn was(view: &View, old: &Registry, now: &Registry) -> Vec<Was> {
    let none = Vec::new();
    now.iter()
        .map(|(name, after)| (crate_name(name), old.get(name).unwrap_or(&none), after))
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, _)| Was {
            oid: with_lines(name.as_str(), before, |lines| visible_oid(view, &name, lines)),
            name,
        })
        .collect()
}

pub(crate) fn crate_name(text: &str) -> CrateName {
    CrateName::parse(text).unwrap()
}

/// The crate as the index is to have it.
pub(crate) fn change(memory: &Memory, name: &str, versions: &[Published]) -> Change {
    let file = with_lines(name, versions, |lines| File::new(memory, lines)).unwrap();
    Change { name: crate_name(name), file }
}

pub(crate) const REGISTRY: RegistryId = RegistryId(uuid::Uuid::from_u128(7));

pub(crate) fn memory() -> Arc<Memory> {
    Memory::new(Limits { repositories_bytes: 1 << 30, parts_bytes: 1 << 20 })
}

/// An index of what is published.
pub(crate) fn load(memory: &Arc<Memory>, seq: u64, registry: &Registry) -> Index {
    let crates: Vec<_> = registry.iter().map(|(name, versions)| change(memory, name, versions)).collect();
    Index::load(Arc::clone(memory), REGISTRY, seq, crates)
}

/// Tells the index of an event that happened.
pub(crate) fn tell(memory: &Memory, index: &Index, registry: &Registry, name: &str) {
    assert!(index.apply(index.seq() + 1, [change(memory, name, &registry[name])]));
}

pub(crate) fn patterns(texts: &[&str]) -> Vec<CratePattern> {
    texts.iter().map(|text| CratePattern::parse(text).unwrap()).collect()
}

pub(crate) fn rule(texts: &[&str]) -> Rule {
    Rule { allow: patterns(texts), ..Rule::default() }
}

pub(crate) fn define(rules: impl IntoIterator<Item = Rule>) -> Definition {
    Definition::new(View::new(rules), REGISTRY)
}

/// Names of every length that matters, in directories they share and do not share.
pub(crate) const NAMES: [&str; 18] = [
    "a",
    "B",
    "c",
    "ab",
    "A_",
    "abc",
    "Abd",
    "a-b",
    "abcd",
    "ABCD-e",
    "ab-cd",
    "ab_ce",
    "abcde",
    "ab--f",
    "abxy",
    "bacd",
    "Ba-cd",
    "cargo-thing",
];

/// Views of every kind of rule.
pub(crate) fn definitions() -> Vec<Definition> {
    vec![
        define([rule(&["*"])]),
        define([]),
        define([rule(&["ab*"])]),
        define([rule(&["ab-cd", "A_", "b", "abcd", "nothing-of-that-name"])]),
        define([Rule { except: patterns(&["abc*", "a"]), ..rule(&["*"]) }]),
        define([Rule { versions: Some("<2".parse().unwrap()), ..rule(&["*"]) }]),
        define([Rule { versions: Some("^1".parse().unwrap()), ..rule(&["a*"]) }, rule(&["abcd*", "ba*"])]),
        define([
            Rule { published_before: Some(Timestamp::from_unix(500)), ..rule(&["*"]) },
            Rule { versions: Some(">=2.1".parse().unwrap()), ..rule(&["ab*", "c"]) },
        ]),
    ]
}
