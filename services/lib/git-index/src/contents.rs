//! The files of a registry and the order in which they last changed.
//!
//! Of each crate only the latest change is remembered, so the memory of changes is never pruned and a view of any age can
//! catch up: nothing that is done to hidden crates decides whether it may.

use crate::file::File;
use crate::gauge::{Gauge, Held};
use crate::index::Change;
use crate::name::Name;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::sync::Arc;
use wharf_domain::CratePattern;
use wharf_domain::view::View;

/// A number of a change, and the crate's place among those that changed together.
type Moment = (u64, u32);

#[derive(Debug)]
struct Entry {
    file: Option<Arc<File>>,
    /// Nothing for crates that did not change since the registry was loaded.
    changed: Option<Moment>,
    held: Held,
}

impl Entry {
    fn held_bytes(&self) -> u64 {
        self.held.bytes() + self.file.as_ref().map_or(0, |file| file.held_bytes())
    }
}

/// A crate and its file.
pub(crate) type Found = (Arc<Name>, Arc<File>);

#[derive(Debug)]
pub(crate) struct Contents {
    seq: u64,
    crates: BTreeMap<Arc<Name>, Entry>,
    recent: BTreeMap<Moment, Arc<Name>>,
    gauge: Arc<Gauge>,
    /// Of all entries together.
    held_bytes: u64,
}

impl Contents {
    pub(crate) fn load(seq: u64, crates: impl IntoIterator<Item = Change>, gauge: Arc<Gauge>) -> Contents {
        let crates = crates.into_iter().map(|Change { name, file }| {
            let name = Name::new(&name);
            let held = hold(&name, &gauge);
            (Arc::new(name), Entry { file, changed: None, held })
        });
        let crates: BTreeMap<_, _> = crates.collect();
        let held_bytes = crates.values().map(Entry::held_bytes).sum();
        Contents { seq, crates, recent: BTreeMap::new(), gauge, held_bytes }
    }

    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Bytes of the files as they are now, and of the names.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Takes in a batch, unless it is in already. Files that are no different keep their place and their memory.
    pub(crate) fn apply(&mut self, seq: u64, changes: impl IntoIterator<Item = Change>) -> bool {
        if seq <= self.seq {
            return false;
        }
        self.seq = seq;
        for (position, Change { name, file }) in (0..).zip(changes) {
            let moment = (seq, position);
            let name = Arc::new(Name::new(&name));
            match self.crates.entry(Arc::clone(&name)) {
                Occupied(mut held) => {
                    let is_same = match (&held.get().file, &file) {
                        (None, None) => true,
                        (Some(old), Some(new)) => old.is_same(new),
                        _ => false,
                    };
                    if is_same {
                        continue;
                    }
                    self.recent.insert(moment, Arc::clone(held.key()));
                    let entry = held.get_mut();
                    self.held_bytes -= entry.held_bytes();
                    entry.file = file;
                    self.held_bytes += entry.held_bytes();
                    if let Some(former) = entry.changed.replace(moment) {
                        self.recent.remove(&former);
                    }
                }
                Vacant(free) => {
                    let held = hold(&name, &self.gauge);
                    let entry = free.insert(Entry { file, changed: Some(moment), held });
                    self.held_bytes += entry.held_bytes();
                    self.recent.insert(moment, name);
                }
            }
        }
        true
    }

    /// Every crate that changed after `seq`, with the file it has now.
    pub(crate) fn changed_after(&self, seq: u64) -> Vec<(Arc<Name>, Option<Arc<File>>)> {
        self.recent
            .range((seq + 1, 0)..)
            .map(|(_, name)| (Arc::clone(name), self.crates.get(name).and_then(|entry| entry.file.clone())))
            .collect()
    }

    /// Every crate one of the views may show, and perhaps some more, by path and each once. Patterns only narrow what is
    /// looked at: whether a crate is seen is decided by [`View::sight`] alone.
    pub(crate) fn candidates(&self, views: &[&View]) -> Vec<Found> {
        let mut found = Vec::new();
        let patterns = || views.iter().flat_map(|view| view.rules()).flat_map(|rule| &rule.allow);
        if patterns().any(|pattern| *pattern == CratePattern::all()) {
            found.extend(self.crates.iter().filter_map(Contents::found));
        } else {
            for pattern in patterns() {
                let (CratePattern::Name(begin) | CratePattern::Prefix(begin)) = pattern;
                let range = self.crates.range(Arc::new(Name::first_with(begin))..);
                let matching = range.take_while(|(name, _)| pattern.matches(name.canonical()));
                found.extend(matching.filter_map(Contents::found));
            }
        }
        found.sort_unstable_by(|(a, _), (b, _)| a.by_path(b));
        found.dedup_by(|(a, _), (b, _)| a == b);
        found
    }

    fn found((name, entry): (&Arc<Name>, &Entry)) -> Option<Found> {
        entry.file.as_ref().map(|file| (Arc::clone(name), Arc::clone(file)))
    }
}

/// Counts a name with its share of the two maps.
fn hold(name: &Name, gauge: &Arc<Gauge>) -> Held {
    gauge.hold(name.allocated() + (size_of::<(Arc<Name>, Entry)>() + size_of::<(Moment, Arc<Name>)>()) * 4 / 3)
}
