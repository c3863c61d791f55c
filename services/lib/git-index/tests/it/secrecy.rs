//! Universes that differ in hidden things only answer with the same bytes.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use wharf_domain::view::Rule;
use wharf_git_index::{Base, Definition, Head, Index, Limits, Memory, Pack};
use wharf_git_wire::Framing;

use crate::fixture::{Event, Registry, define, load, patterns, rule, tell, was};

/// Whole crates, crates of which only versions below 2 are seen (numbers below 8), and crates that are hidden; in
/// directories that they share.
const WHOLE: [&str; 4] = ["abcd-whole", "a", "abc", "ba-whole"];
const PART: [&str; 3] = ["abcd-part", "abce-part", "b"];
const HIDDEN: [&str; 7] = ["abcd-other", "ABce-other", "ab", "abd", "c", "ba_other", "zz-top"];

fn view() -> Definition {
    define([rule(&WHOLE), Rule { versions: Some("<2".parse().unwrap()), ..rule(&PART) }])
}

/// Shows more; what it shows beyond the other is among the hidden.
fn larger_view() -> Definition {
    define([rule(&WHOLE), rule(&PART), Rule { except: patterns(&["zz*"]), ..rule(&["ab*", "zz*"]) }])
}

fn visible() -> impl Strategy<Value = Event> {
    prop_oneof![
        (select(&WHOLE[..]), 0..12_u64).prop_map(|(name, number)| Event::Publish(name, number)),
        (select(&PART[..]), 0..8_u64).prop_map(|(name, number)| Event::Publish(name, number)),
        (select(&WHOLE[..]), 0..12_u64).prop_map(|(name, number)| Event::Yank(name, number)),
        (select(&PART[..]), 0..8_u64).prop_map(|(name, number)| Event::Yank(name, number)),
        select(&WHOLE[..]).prop_map(Event::Delete),
    ]
}

fn hidden() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (select(&HIDDEN[..]), 0..12_u64).prop_map(|(name, number)| Event::Publish(name, number)),
        2 => (select(&PART[..]), 8..16_u64).prop_map(|(name, number)| Event::Publish(name, number)),
        1 => (select(&HIDDEN[..]), 0..12_u64).prop_map(|(name, number)| Event::Yank(name, number)),
        1 => (select(&PART[..]), 8..16_u64).prop_map(|(name, number)| Event::Yank(name, number)),
        1 => select(&HIDDEN[..]).prop_map(Event::Delete),
    ]
}

/// Hidden events, each with the visible one before which it happens, and whether somebody looks then.
type Noise = Vec<(usize, Event, bool)>;

fn noise() -> impl Strategy<Value = Noise> {
    proptest::collection::vec((0..20_usize, hidden(), any::<bool>()), 0..25)
}

fn bytes(pack: Pack) -> Vec<u8> {
    let mut out = Vec::new();
    let mut transfer = pack.begin(Framing::SideBand64k, &mut out);
    while transfer.fill(out.len() + 1000, &mut out).unwrap() {}
    out
}

const CONFIG: &[u8] = b"{\"dl\":\"https://dl.example/\"}";

/// What one universe answers: the commit and the full pack after each visible event, and the difference to each earlier
/// state.
fn answers(history: &[Event], noise: &Noise, parts_bytes: u64) -> Vec<Vec<u8>> {
    let memory = Memory::new(Limits { repositories_bytes: 1 << 30, parts_bytes });
    let mut registry = Registry::new();
    let index = load(&memory, noise.len() as u64, &registry);
    let mut states: Vec<(Registry, Arc<Head>)> = Vec::new();
    let mut answers = Vec::new();
    for (position, event) in history.iter().enumerate() {
        for (_, hidden, looks) in noise.iter().filter(|(before, ..)| *before == position) {
            hidden.happen(&mut registry);
            tell(&memory, &index, &registry, hidden.name());
            if *looks {
                index.head(&view(), CONFIG).unwrap();
                index.head(&larger_view(), CONFIG).unwrap().full().unwrap();
            }
        }
        event.happen(&mut registry);
        tell(&memory, &index, &registry, event.name());
        let head = index.head(&view(), CONFIG).unwrap();
        answers.push(head.commit().to_string().into_bytes());
        answers.push(bytes(head.full().unwrap()));
        for (old, old_head) in &states {
            answers.push(bytes(difference(&index, &registry, old, old_head, &head)));
        }
        states.push((registry.clone(), head));
    }
    answers
}

fn difference(index: &Index, now: &Registry, old: &Registry, old_head: &Head, head: &Arc<Head>) -> Pack {
    let was = was(view().view(), old, now);
    let base = Base { definition: &view(), config: old_head.config(), was: &was, covers: index.seq() };
    index.delta(head, &view(), &base).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hidden_events_change_no_byte(
        history in proptest::collection::vec(visible(), 1..12),
        one in noise(),
        other in noise(),
    ) {
        // The second universe has forgotten every part by the time it is asked again.
        prop_assert_eq!(answers(&history, &one, 1 << 20), answers(&history, &other, 0));
    }

    #[test]
    fn the_order_of_events_is_forgotten(
        (history, shuffled) in proptest::collection::vec(
            (select(&WHOLE[..]), 0..12_u64).prop_map(|(name, number)| Event::Publish(name, number)), 1..20)
            .prop_flat_map(|history| (Just(history.clone()), Just(history).prop_shuffle())),
        one in noise(),
        other in noise(),
    ) {
        let last = |history: &[Event], noise: &Noise| {
            let memory = Memory::new(Limits { repositories_bytes: 1 << 30, parts_bytes: 0 });
            let mut registry = Registry::new();
            let index = load(&memory, 0, &registry);
            for event in noise.iter().map(|(_, event, _)| event).chain(history) {
                event.happen(&mut registry);
                tell(&memory, &index, &registry, event.name());
            }
            // Hidden versions in a `PART` crate hide it as a whole when no other is published.
            let head = index.head(&view(), CONFIG).unwrap();
            (head.commit(), bytes(head.full().unwrap()))
        };
        prop_assert_eq!(last(&history, &one), last(&shuffled, &other));
    }
}

#[test]
fn sixty_hidden_publishes_beside_a_visible_one_leave_an_answer_as_small_as_it_is() {
    let noisy: Noise = (0..60).map(|i| (4, Event::Publish(HIDDEN[i % HIDDEN.len()], i as u64 % 12), false)).collect();
    // Each directory that a hidden crate could be in exists for the view as well.
    let shared = ["a", "abc", "ba-whole", "abcd-whole"].map(|name| Event::Publish(name, 4));
    let history = [&shared[..], &[Event::Publish("abcd-whole", 5)]].concat();
    let quiet = answers(&history, &Vec::new(), 0);
    assert_eq!(answers(&history, &noisy, 0), quiet);
    let [.., small] = &quiet[..] else { panic!("no difference") };
    assert_eq!(small[13..17], 5_u32.to_be_bytes(), "commit, root, two directories, file");
}
