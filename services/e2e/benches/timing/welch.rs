//! Whether two kinds of requests differ in time: Welch's t statistic.
//!
//! As in Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (2017): the statistic is taken over all
//! samples and over those below several thresholds, since a difference may hide behind a few slow outliers.

/// Samples of the two kinds, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) hidden: Vec<f64>,
    pub(crate) absent: Vec<f64>,
}

/// What the samples say.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Means of the faster 90 of 100, in nanoseconds: what a request costs when nothing else gets in its way.
    pub(crate) hidden_ns: f64,
    pub(crate) absent_ns: f64,
    /// Over all samples.
    pub(crate) whole: f64,
    /// The largest, all thresholds considered.
    pub(crate) worst: f64,
}

/// Shares of the samples that are kept, fastest first.
const KEPT: [f64; 5] = [1.0, 0.99, 0.95, 0.9, 0.75];

impl Samples {
    pub(crate) fn judge(&self) -> Finding {
        let mut all: Vec<f64> = self.hidden.iter().chain(&self.absent).copied().collect();
        all.sort_by(f64::total_cmp);
        let below = |share: f64| {
            let last = ((all.len() as f64 * share) as usize).clamp(1, all.len()) - 1;
            let threshold = all[last];
            let keep = |side: &[f64]| side.iter().copied().filter(|value| *value <= threshold).collect::<Vec<_>>();
            (keep(&self.hidden), keep(&self.absent))
        };
        let statistic = |share: f64| {
            let (hidden, absent) = below(share);
            welch(&hidden, &absent)
        };
        let worst = KEPT.iter().map(|share| statistic(*share)).max_by(|a, b| a.abs().total_cmp(&b.abs()));
        let (hidden, absent) = below(0.9);
        Finding {
            hidden_ns: mean(&hidden),
            absent_ns: mean(&absent),
            whole: statistic(1.0),
            worst: worst.unwrap_or_default(),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Positive when hidden takes longer.
fn welch(hidden: &[f64], absent: &[f64]) -> f64 {
    let spread = |values: &[f64]| {
        let mean = mean(values);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        squares / (values.len() - 1) as f64 / values.len() as f64
    };
    (mean(hidden) - mean(absent)) / (spread(hidden) + spread(absent)).sqrt()
}
