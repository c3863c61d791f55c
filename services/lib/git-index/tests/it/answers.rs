//! Random histories: every head and every difference is what the naive model says, object by object and in order.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use wharf_git_index::{Base, Definition, DeltaError, Head, Index, Memory};

use crate::fixture::{Event, NAMES, Registry, change, define, definitions, load, memory, rule, tell, was};
use crate::model::{Repository, open};

const CONFIGS: [&str; 2] = ["{\"dl\":\"https://dl.example/\"}", "{\"dl\":\"https://dl.example/secret/\"}"];

/// What a client was once given.
struct Given {
    seq: u64,
    registry: Registry,
    definition: Definition,
    head: Arc<Head>,
    repository: Repository,
}

fn check(
    memory: &Memory,
    index: &Index,
    registry: &Registry,
    definition: &Definition,
    config: &str,
    before: &[Given],
) -> Given {
    let head = index.head(definition, config.as_bytes()).unwrap();
    let repository = Repository::of(registry, definition.view(), config);
    assert_eq!(head.commit(), repository.commit);
    assert_eq!(head.seq(), index.seq());
    assert_eq!(open(head.full().unwrap()), repository.objects);
    for old in before {
        let was = was(old.definition.view(), &old.registry, registry);
        let base = Base { definition: &old.definition, config: old.head.config(), was: &was, covers: index.seq() };
        let pack = index.delta(&head, definition, &base).unwrap();
        assert_eq!(open(pack), repository.without(&old.repository), "from {} to {}", old.seq, index.seq());
        if old.definition == *definition && old.head.config() == head.config() {
            let (names, none) = (registry.keys(), Vec::new());
            let then = |name: &str| old.registry.get(name).unwrap_or(&none);
            let changed = names.filter(|name| then(name.as_str()) != registry[name.as_str()].as_slice());
            let files: Vec<_> = changed.map(|name| change(memory, name, then(name))).collect();
            let earlier = index.earlier(&head, definition, config.as_bytes(), old.seq, files).unwrap();
            assert_eq!((earlier.commit(), earlier.seq()), (old.head.commit(), old.seq));
            assert_eq!(open(earlier.full().unwrap()), old.repository.objects);
        }
        // Whatever happened meanwhile, what was given out can be given out again.
        assert_eq!(open(old.head.full().unwrap()), old.repository.objects);
    }
    Given { seq: index.seq(), registry: registry.clone(), definition: definition.clone(), head, repository }
}

#[derive(Clone, Debug)]
enum Step {
    Happen(Event),
    Look(usize, usize),
}

fn events() -> impl Strategy<Value = Event> {
    let name = || select(&NAMES[..]);
    prop_oneof![
        6 => (name(), 0..16_u64).prop_map(|(name, number)| Event::Publish(name, number)),
        3 => (name(), 0..16_u64).prop_map(|(name, number)| Event::Yank(name, number)),
        2 => name().prop_map(Event::Delete),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => events().prop_map(Step::Happen),
        3 => (0..definitions().len(), 0..CONFIGS.len()).prop_map(|(view, config)| Step::Look(view, config)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn heads_and_differences_are_those_of_the_model(
        first in proptest::collection::vec(events(), 0..30),
        steps in proptest::collection::vec(steps(), 1..40),
    ) {
        let (memory, definitions) = (memory(), definitions());
        let mut registry = Registry::new();
        first.iter().for_each(|event| event.happen(&mut registry));
        let index = load(&memory, 10, &registry);
        let mut given = Vec::new();
        for step in steps {
            match step {
                Step::Happen(event) => {
                    event.happen(&mut registry);
                    tell(&memory, &index, &registry, event.name());
                }
                Step::Look(view, config) => {
                    let now = check(&memory, &index, &registry, &definitions[view], CONFIGS[config], &given);
                    given.push(now);
                }
            }
        }
    }
}

#[test]
fn an_empty_view_has_three_objects() {
    let memory = memory();
    let mut registry = Registry::new();
    Event::Publish("abcd", 4).happen(&mut registry);
    let index = load(&memory, 1, &registry);
    let given = check(&memory, &index, &registry, &define([]), CONFIGS[0], &[]);
    assert_eq!(given.head.full().unwrap().objects(), 3);
    let other = check(&memory, &index, &registry, &define([]), CONFIGS[1], &[given]);
    assert_eq!(other.repository.objects.len(), 3);
}

#[test]
fn going_back_gives_the_first_commit_again() {
    let (memory, all) = (memory(), define([rule(&["*"])]));
    let mut registry = Registry::new();
    for (name, number) in [("abcd", 4), ("abce", 4), ("b", 1)] {
        Event::Publish(name, number).happen(&mut registry);
    }
    let index = load(&memory, 1, &registry);
    let first = check(&memory, &index, &registry, &all, CONFIGS[0], &[]);
    let mut given = vec![first];
    for _ in 0..2 {
        let yank = Event::Yank("abcd", 4);
        yank.happen(&mut registry);
        tell(&memory, &index, &registry, yank.name());
        let now = check(&memory, &index, &registry, &all, CONFIGS[0], &given);
        given.push(now);
    }
    assert_ne!(given[0].head.commit(), given[1].head.commit());
    assert_eq!(given[0].head.commit(), given[2].head.commit());
    let recall = |head: &Head| index.recall(head.view(), head.config(), head.commit()).unwrap();
    assert_eq!(recall(&given[0].head).seq(), 3, "the newest of equal ones");
    assert_eq!(recall(&given[1].head).seq(), 2);
}

#[test]
fn directories_appear_and_vanish_with_their_files() {
    let (memory, all) = (memory(), define([rule(&["*"])]));
    let mut registry = Registry::new();
    let index = load(&memory, 1, &registry);
    let mut given = vec![check(&memory, &index, &registry, &all, CONFIGS[0], &[])];
    let names = ["a", "B", "ab", "Abc", "abcd", "ABCE"];
    let history = names.map(|name| Event::Publish(name, 4)).into_iter().chain(names.map(Event::Delete));
    let mut sizes = Vec::new();
    for event in history {
        event.happen(&mut registry);
        tell(&memory, &index, &registry, event.name());
        let now = check(&memory, &index, &registry, &all, CONFIGS[0], &given);
        sizes.push(now.repository.objects.len());
        given.push(now);
    }
    assert_eq!(sizes, [5, 6, 8, 11, 14, 16, 15, 13, 11, 8, 6, 3]);
    assert_eq!(given.first().unwrap().head.commit(), given.last().unwrap().head.commit());
}

#[test]
fn changes_that_were_not_read_are_not_guessed() {
    let (memory, all) = (memory(), define([rule(&["*"])]));
    let mut registry = Registry::new();
    let index = load(&memory, 1, &registry);
    let old = check(&memory, &index, &registry, &all, CONFIGS[0], &[]);
    Event::Publish("abcd", 4).happen(&mut registry);
    tell(&memory, &index, &registry, "abcd");
    let head = index.head(&all, CONFIGS[0].as_bytes()).unwrap();
    let base = Base { definition: &all, config: old.head.config(), was: &[], covers: 1 };
    assert_eq!(index.delta(&head, &all, &base).err(), Some(DeltaError::Behind));
    // The new rules show what the index knows from after the head: it cannot tell what the old ones showed.
    let redefined = Base { definition: &define([]), covers: 1, ..base };
    assert_eq!(index.delta(&old.head, &all, &redefined).err(), Some(DeltaError::Behind));
}

#[test]
fn a_batch_is_taken_once() {
    let memory = memory();
    let mut registry = Registry::new();
    let index = load(&memory, 5, &registry);
    Event::Publish("abcd", 4).happen(&mut registry);
    let batch = change(&memory, "abcd", &registry["abcd"]);
    assert!(!index.apply(5, [batch.clone()]), "already there");
    assert!(index.apply(6, [batch.clone()]));
    assert!(!index.apply(6, [batch]));
    assert_eq!((index.seq(), index.registry()), (6, crate::fixture::REGISTRY));
}

/// A commit of another view, of another config or of long ago is not found, whoever guesses its id.
#[test]
fn only_the_last_commits_of_the_same_repository_are_recalled() {
    let (memory, all, some) = (memory(), define([rule(&["*"])]), define([rule(&["ab*"])]));
    let mut registry = Registry::new();
    let index = load(&memory, 0, &registry);
    let mut heads = Vec::new();
    for number in 0..12 {
        Event::Publish("abcd", number).happen(&mut registry);
        tell(&memory, &index, &registry, "abcd");
        heads.push(index.head(&all, CONFIGS[0].as_bytes()).unwrap());
    }
    let other = index.head(&some, CONFIGS[1].as_bytes()).unwrap();
    let kept: Vec<_> =
        heads.iter().map(|head| index.recall(all.id(), head.config(), head.commit()).is_some()).collect();
    assert_eq!(kept, (0..12).map(|number| number >= 4).collect::<Vec<_>>());
    let last = heads.last().unwrap();
    assert!(index.recall(some.id(), last.config(), last.commit()).is_none());
    assert!(index.recall(all.id(), other.config(), last.commit()).is_none());
    assert!(index.recall(all.id(), last.config(), other.commit()).is_none());
    // An index that is loaded later begins anew.
    let later = load(&memory, 12, &registry);
    assert!(later.recall(all.id(), last.config(), last.commit()).is_none());
    assert_eq!(later.head(&all, CONFIGS[0].as_bytes()).unwrap().commit(), last.commit());
}

#[test]
fn a_crate_in_another_spelling_moves() {
    let (memory, some) = (memory(), define([rule(&["ab-cd*"])]));
    let mut registry = Registry::new();
    Event::Publish("ab-cd", 4).happen(&mut registry);
    let index = load(&memory, 0, &registry);
    let old = check(&memory, &index, &registry, &some, CONFIGS[0], &[]);
    Event::Delete("ab-cd").happen(&mut registry);
    Event::Publish("Ab_Cd", 4).happen(&mut registry);
    let changes = ["ab-cd", "Ab_Cd"].map(|name| change(&memory, name, &registry[name]));
    assert!(index.apply(1, changes));
    let now = check(&memory, &index, &registry, &some, CONFIGS[0], &[old]);
    assert!(now.repository.files.contains_key("ab/_c/ab_cd"));
}
