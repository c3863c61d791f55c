//! What is held is counted, bounded, and given back.

use std::sync::Arc;

use wharf_domain::view::Rule;
use wharf_git_index::{Limits, Memory, Usage};

use crate::fixture::{Event, NAMES, Registry, change, define, definitions, load, rule, tell};
use crate::model::{Repository, open};

const CONFIG: &str = "{\"dl\":\"https://dl.example/\"}";

fn registry(crates: usize) -> Registry {
    let mut registry = Registry::new();
    for i in 0..crates {
        let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
        let name = format!("{}{}{}{}-{i}", letter(i), letter(i / 26), letter(i / 7), letter(i / 91));
        let version = |number: u64| crate::fixture::Published {
            number: semver::Version::new(number, 0, 0),
            at: wharf_domain::Timestamp::from_unix(0),
            yanked: false,
        };
        registry.insert(name, (1..4).map(version).collect());
    }
    registry
}

#[test]
fn everything_is_given_back() {
    let memory = Memory::new(Limits { repositories_bytes: 1 << 30, parts_bytes: 1 << 30 });
    let mut registry = registry(300);
    let index = load(&memory, 0, &registry);
    let files = memory.usage();
    assert!(files.files_bytes > 300 * 200, "{files:?}");
    assert_eq!(index.held_bytes(), files.files_bytes);
    assert_eq!(files.repositories_bytes + files.parts_bytes + files.repositories, 0);
    let mut heads = Vec::new();
    for _ in 0..12 {
        for definition in definitions() {
            heads.push(index.head(&definition, CONFIG.as_bytes()).unwrap());
            heads.last().unwrap().full().unwrap().for_each(|entry| drop(entry.unwrap()));
        }
        let name = NAMES[heads.len() % NAMES.len()];
        Event::Publish(name, 4).happen(&mut registry);
        Event::Publish(name, 9).happen(&mut registry);
        tell(&memory, &index, &registry, name);
    }
    let usage = memory.usage();
    assert_eq!(usage.repositories, definitions().len() as u64);
    assert!(usage.parts_bytes > 0 && usage.repositories_bytes > 0);
    assert!(index.held_bytes() > files.files_bytes, "files grew");
    drop(index);
    assert_eq!(memory.usage().repositories, 0);
    assert!(memory.usage().repositories_bytes > 0, "the heads are still held");
    drop(heads);
    let usage = Usage { parts_bytes: 0, ..memory.usage() };
    assert_eq!(usage, Usage::default(), "but for rendered parts, which age out");
}

#[test]
fn a_small_view_is_small() {
    let memory = Memory::new(Limits { repositories_bytes: 1 << 30, parts_bytes: 0 });
    let registry = registry(6000);
    let names: Vec<_> = registry.keys().map(String::as_str).collect();
    let index = load(&memory, 0, &registry);
    let base = memory.usage().repositories_bytes;
    for view in 0..500 {
        let names: Vec<_> = (0..50).map(|i| names[(view * 7919 + i * 104_729) % names.len()]).collect();
        index.head(&define([rule(&names)]), CONFIG.as_bytes()).unwrap();
    }
    let usage = memory.usage();
    assert_eq!(usage.repositories, 500);
    let each = (usage.repositories_bytes - base) / 500;
    // 20,000 such views shall have less than 400 MB; the directories they share weigh more among 500 than among 20,000.
    assert!(each < 20_000, "{each} bytes each");
}

#[test]
fn limits_hold_and_nobody_can_tell() {
    let registry = registry(400);
    let names: Vec<_> = registry.keys().map(String::as_str).collect();
    let views: Vec<_> = (0..60)
        .map(|view| {
            let narrow = Rule { versions: Some("<3".parse().unwrap()), ..rule(&names[view * 4..view * 4 + 30]) };
            define([narrow, rule(&names[view..view + 3])])
        })
        .collect();
    let roomy = Memory::new(Limits { repositories_bytes: 1 << 30, parts_bytes: 1 << 30 });
    let tight = Memory::new(Limits { repositories_bytes: 100_000, parts_bytes: 5_000 });
    let (large, small) = (load(&roomy, 0, &registry), load(&tight, 0, &registry));
    for definition in views.iter().chain(&views) {
        let (one, other) = [&large, &small].map(|index| index.head(definition, CONFIG.as_bytes()).unwrap()).into();
        assert_eq!(one.commit(), other.commit());
        let entries = |head: &Arc<wharf_git_index::Head>| head.full().unwrap().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(entries(&one), entries(&other));
        let usage = tight.usage();
        assert!(usage.repositories_bytes <= 100_000 && usage.parts_bytes <= 5_000, "{usage:?}");
    }
    assert_eq!(roomy.usage().repositories, 60);
    assert!((2..60).contains(&tight.usage().repositories), "{:?}", tight.usage());
}

/// A view that a new version leaves as it is must not keep the former file in memory.
#[test]
fn parts_follow_the_newest_file() {
    let memory = Memory::new(Limits { repositories_bytes: 1 << 30, parts_bytes: 0 });
    let mut registry = Registry::new();
    for number in [1, 4] {
        Event::Publish("abcd", number).happen(&mut registry);
    }
    let index = load(&memory, 0, &registry);
    let old = define([Rule { versions: Some("<1".parse().unwrap()), ..rule(&["*"]) }]);
    let expected = Repository::of(&registry, old.view(), CONFIG);
    let head = index.head(&old, CONFIG.as_bytes()).unwrap();
    let twin = define([Rule { versions: Some("<0.9".parse().unwrap()), ..rule(&["*"]) }]);
    let twin_head = index.head(&twin, CONFIG.as_bytes()).unwrap();
    assert_eq!(head.commit(), twin_head.commit());
    let mut sizes = Vec::new();
    for number in 5..40 {
        Event::Publish("abcd", number).happen(&mut registry);
        tell(&memory, &index, &registry, "abcd");
        assert_eq!(index.head(&old, CONFIG.as_bytes()).unwrap().seq(), index.seq());
        assert_eq!(open(head.full().unwrap()), expected.objects);
        sizes.push(memory.usage());
    }
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    assert_eq!(last.repositories_bytes, first.repositories_bytes);
    let fresh = Memory::new(memory.limits());
    let anew = load(&fresh, 0, &registry);
    assert_eq!(last.files_bytes, fresh.usage().files_bytes, "the newest file and none before it");
    assert_eq!(index.held_bytes(), anew.held_bytes());
    assert_eq!(index.head(&twin, CONFIG.as_bytes()).unwrap().commit(), head.commit());
}

#[test]
fn threads_see_states_that_existed() {
    let memory = Memory::new(Limits { repositories_bytes: 200_000, parts_bytes: 10_000 });
    let mut registry = registry(60);
    let index = load(&memory, 0, &registry);
    let views = definitions();
    let mut states = vec![registry.clone()];
    let mut changes = Vec::new();
    for (number, name) in (4..16).zip(NAMES.iter().cycle()) {
        Event::Publish(name, number).happen(&mut registry);
        changes.push(change(&memory, name, &registry[*name]));
        states.push(registry.clone());
    }
    std::thread::scope(|scope| {
        for (offset, _) in views.iter().enumerate().take(4) {
            let (index, views, states) = (&index, &views, &states);
            scope.spawn(move || {
                for round in 0..40 {
                    let definition = &views[(offset + round) % views.len()];
                    let before = index.seq();
                    let head = index.head(definition, CONFIG.as_bytes()).unwrap();
                    let after = index.seq();
                    let packs: Vec<_> = (before..=after)
                        .map(|seq| Repository::of(&states[seq as usize], definition.view(), CONFIG))
                        .collect();
                    let objects = open(head.full().unwrap());
                    assert!(packs.iter().any(|pack| pack.commit == head.commit() && pack.objects == objects));
                }
            });
        }
        for (seq, change) in (1..).zip(changes) {
            assert!(index.apply(seq, [change]));
            std::thread::yield_now();
        }
    });
    assert!(memory.usage().repositories_bytes <= 200_000);
}
