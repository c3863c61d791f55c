//! Randomness that can be played again, and how much of it: `WHARF_SEED=…` repeats one run, `WHARF_LONG=1` makes more.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;

/// A stream of numbers made from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

/// The seeds of this run: the one asked for, or some new ones. Each is printed, so that a failure can be repeated.
#[must_use]
pub fn seeds(test: &str, count: u64) -> Vec<u64> {
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

/// How many runs to make: `short` within `./deploy/test`, `long` in its long mode.
#[must_use]
pub fn runs(short: u64, long: u64) -> u64 {
    if std::env::var_os("WHARF_LONG").is_some_and(|value| value == "1") { long } else { short }
}

impl Chance {
    /// The stream of a seed; the same numbers each time.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "a stream without end is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// A number from `start` to `end`, both possible.
    pub fn within(&mut self, start: usize, end: usize) -> usize {
        start + self.below(end - start + 1)
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A word of lower-case letters.
    pub fn word(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap())).collect()
    }

    /// Mixes two lists, keeping the order within each.
    pub fn interleave<T>(&mut self, one: Vec<T>, other: Vec<T>) -> Vec<T> {
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
