//! Whether two kinds of requests differ in time: Welch's t statistic.
//!
//! As in Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (2017): the statistic is taken over all
//! samples and over those below several thresholds, since a difference may hide behind a few slow outliers.

use std::collections::BTreeMap;

/// How long one request took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Which name it asked about.
    pub(crate) name: usize,
    pub(crate) ns: f64,
}

/// Samples of the two kinds in one installation.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) hidden: Vec<Sample>,
    pub(crate) absent: Vec<Sample>,
}

/// What the samples of several installations say.
#[derive(Debug)]
pub(crate) struct Finding {
    /// What a request costs when nothing else gets in its way: means of the faster 90 of 100, in nanoseconds.
    pub(crate) hidden_ns: f64,
    pub(crate) absent_ns: f64,
    /// By how much the two differ in each installation, sorted. Where things happen to lie in memory makes one kind faster in
    /// this installation and the other in the next.
    apart_ns: Vec<f64>,
    /// t over all samples.
    pub(crate) whole: f64,
    /// t over the means of the names; the largest, all thresholds considered.
    ///
    /// A name is faster or slower than another one as long as the process lives, by where it lies in tables and caches: the
    /// samples of a name are not independent of each other. What betrays hidden names is that they differ from absent ones
    /// by more than these do among themselves.
    pub(crate) among_names: f64,
}

/// Shares of the samples that are kept, fastest first.
const KEPT: [f64; 5] = [1.0, 0.99, 0.95, 0.9, 0.75];
/// The share that tells what a request costs.
const UNDISTURBED: f64 = 0.9;

/// Judges samples that were taken in several installations, each for itself: one may be faster than another.
pub(crate) fn judge(installations: &[Samples]) -> Finding {
    let among_names = |share: f64| {
        welch(installations.iter().map(|samples| {
            let fast = samples.fastest(share);
            (by_name(&fast.hidden), by_name(&fast.absent))
        }))
    };
    let undisturbed: Vec<Samples> = installations.iter().map(|samples| samples.fastest(UNDISTURBED)).collect();
    let mut apart: Vec<f64> =
        undisturbed.iter().map(|samples| mean(&times(&samples.hidden)) - mean(&times(&samples.absent))).collect();
    apart.sort_by(f64::total_cmp);
    let all = |side: fn(&Samples) -> &Vec<Sample>| {
        mean(&undisturbed.iter().flat_map(|samples| times(side(samples))).collect::<Vec<_>>())
    };
    Finding {
        hidden_ns: all(|samples| &samples.hidden),
        absent_ns: all(|samples| &samples.absent),
        apart_ns: apart,
        whole: welch(installations.iter().map(|samples| (times(&samples.hidden), times(&samples.absent)))),
        among_names: KEPT.map(among_names).into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or_default(),
    }
}

impl Finding {
    /// The median of the installations.
    pub(crate) fn apart_ns(&self) -> f64 {
        let sorted = &self.apart_ns;
        f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
    }

    /// Whether the two kinds are so far apart, in the same direction, in all installations but one: then it is not chance
    /// (1 of 100 where the code makes a smaller difference).
    pub(crate) fn are_apart(&self, ns: f64) -> bool {
        let beyond = |is_beyond: &dyn Fn(f64) -> bool| self.apart_ns.iter().filter(|apart| is_beyond(**apart)).count();
        beyond(&|apart| apart >= ns).max(beyond(&|apart| apart <= -ns)) + 1 >= self.apart_ns.len()
    }
}

impl Samples {
    /// The fastest, of both kinds together.
    fn fastest(&self, share: f64) -> Self {
        let mut all: Vec<f64> = self.hidden.iter().chain(&self.absent).map(|sample| sample.ns).collect();
        all.sort_by(f64::total_cmp);
        let last = ((all.len() as f64 * share) as usize).clamp(1, all.len()) - 1;
        let threshold = all[last];
        let keep = |side: &[Sample]| side.iter().copied().filter(|sample| sample.ns <= threshold).collect();
        Self { hidden: keep(&self.hidden), absent: keep(&self.absent) }
    }
}

fn times(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.ns).collect()
}

/// The mean of each name.
fn by_name(samples: &[Sample]) -> Vec<f64> {
    let mut names: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        names.entry(sample.name).or_default().push(sample.ns);
    }
    names.values().map(|times| mean(times)).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Positive when hidden takes longer. What differs between the pairs does not count, only what differs within them.
fn welch(pairs: impl Iterator<Item = (Vec<f64>, Vec<f64>)>) -> f64 {
    let spread = |values: &[f64]| {
        let mean = mean(values);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        squares / (values.len() - 1) as f64 / values.len() as f64
    };
    let (mut apart, mut uncertain) = (0.0, 0.0);
    for (hidden, absent) in pairs {
        apart += mean(&hidden) - mean(&absent);
        uncertain += spread(&hidden) + spread(&absent);
    }
    apart / uncertain.sqrt()
}
