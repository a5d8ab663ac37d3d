//! From samples to figures.

use serde::{Deserialize, Serialize};

use crate::measure::Usage;

/// What all runs of one contestant in one phase come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Median wall time in seconds.
    pub(crate) seconds: f64,
    /// Median processor time in seconds.
    pub(crate) cpu_seconds: f64,
    /// The largest peak of resident memory, in bytes.
    pub(crate) rss: u64,
    /// Median of the bytes stored; 0 for what stores nothing.
    pub(crate) stored: u64,
    /// Wall time of each run, in the order of the rounds.
    pub(crate) samples: Vec<f64>,
}

impl Summary {
    /// Sums up samples, of which there is at least one.
    pub(crate) fn of(samples: &[Usage]) -> Self {
        let wall: Vec<f64> = samples.iter().map(|sample| sample.wall.as_secs_f64()).collect();
        let cpu: Vec<f64> = samples.iter().map(|sample| sample.cpu.as_secs_f64()).collect();
        let stored: Vec<f64> = samples.iter().map(|sample| sample.stored as f64).collect();
        Self {
            seconds: median(wall.clone()),
            cpu_seconds: median(cpu),
            rss: samples.iter().map(|sample| sample.rss).max().unwrap_or_default(),
            stored: median(stored) as u64,
            samples: wall,
        }
    }

    /// The shortest and the longest run.
    pub(crate) fn range(&self) -> (f64, f64) {
        range(self.samples.iter().copied())
    }
}

/// The middle value, or the mean of the two in the middle; not a number when there is none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.as_slice() {
        [] => f64::NAN,
        values if values.len() % 2 == 1 => values[middle],
        values => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// A ratio in one run, with the least and the largest that any round had.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ratio {
    /// Median over median: below 1 is better.
    pub(crate) value: f64,
    /// Of the rounds, each of which ran the two one after the other.
    pub(crate) range: (f64, f64),
}

impl Ratio {
    /// How many times the time of `other` that of `ours` is.
    pub(crate) fn of_times(ours: &Summary, other: &Summary) -> Self {
        let rounds = ours.samples.iter().zip(&other.samples).map(|(ours, other)| ours / other);
        Self { value: ours.seconds / other.seconds, range: range(rounds) }
    }

    /// How many times `other` `ours` is, where rounds do not differ.
    pub(crate) fn of_figures(ours: f64, other: f64) -> Self {
        let value = ours / other;
        Self { value, range: (value, value) }
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(seconds: &[u64]) -> Summary {
        let usage = |seconds: &u64| Usage { wall: Duration::from_secs(*seconds), rss: *seconds, ..Usage::default() };
        Summary::of(&seconds.iter().map(usage).collect::<Vec<_>>())
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn one_slow_run_moves_the_range_and_the_peak_but_not_the_median() {
        let summary = samples(&[1, 60, 2]);
        assert_eq!((summary.seconds, summary.range(), summary.rss), (2.0, (1.0, 60.0), 60));
    }

    #[test]
    fn a_ratio_is_of_medians_and_its_range_of_the_rounds() {
        let ratio = Ratio::of_times(&samples(&[1, 2, 3]), &samples(&[2, 8, 4]));
        assert_eq!(ratio, Ratio { value: 0.5, range: (0.25, 0.75) });
        assert_eq!(Ratio::of_figures(1.0, 4.0), Ratio { value: 0.25, range: (0.25, 0.25) });
    }
}
