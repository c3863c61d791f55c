//! Randomness that can be played again: `WHARF_SEED=…` repeats one run.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;

/// A stream of numbers made from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

/// The seeds of this run: the one asked for, or some new ones. Each is printed, so that a failure can be repeated.
pub(super) fn seeds(test: &str, count: u64) -> Vec<u64> {
    let fresh = || RandomState::new().build_hasher().finish();
    let seeds = match std::env::var("WHARF_SEED") {
        Ok(text) => vec![text.parse().expect("WHARF_SEED is a number")],
        Err(_) => (0..count).map(|_| fresh()).collect(),
    };
    for seed in &seeds {
        // Past the capture of output: the seed of a run that hangs or is killed is wanted, too.
        std::io::stderr().write_all(format!("{test}: WHARF_SEED={seed}\n").as_bytes()).unwrap();
    }
    seeds
}

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// A number from `start` to `end`, both possible.
    pub(super) fn within(&mut self, start: usize, end: usize) -> usize {
        start + self.below(end - start + 1)
    }

    /// True once in `count` times.
    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of these.
    pub(super) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A word of lower-case letters.
    pub(super) fn word(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap())).collect()
    }

    /// Mixes two lists, keeping the order within each.
    pub(super) fn interleave<T>(&mut self, one: Vec<T>, other: Vec<T>) -> Vec<T> {
        let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
        let mut mixed = Vec::new();
        loop {
            let from_one = match (one.peek(), other.peek()) {
                (None, None) => return mixed,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some(_), Some(_)) => self.one_in(2),
            };
            mixed.extend(if from_one { one.next() } else { other.next() });
        }
    }
}
