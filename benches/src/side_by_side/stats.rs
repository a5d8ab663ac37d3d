//! From samples to figures.

use serde::Serialize;

use crate::measure::Usage;

/// What all runs of one phase come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Median wall time in seconds.
    pub(crate) seconds: f64,
    /// The shortest and the longest.
    pub(crate) range: (f64, f64),
    /// Median processor time in seconds.
    pub(crate) cpu_seconds: f64,
    /// The largest peak of resident memory, in bytes.
    pub(crate) rss: u64,
    /// Median of the bytes stored; 0 for a restore.
    pub(crate) stored: u64,
}

impl Summary {
    /// Sums up samples, of which there is at least one.
    pub(crate) fn of(samples: &[Usage]) -> Self {
        let wall: Vec<f64> = samples.iter().map(|sample| sample.wall.as_secs_f64()).collect();
        let cpu: Vec<f64> = samples.iter().map(|sample| sample.cpu.as_secs_f64()).collect();
        let stored: Vec<f64> = samples.iter().map(|sample| sample.stored as f64).collect();
        let range = wall.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &x| (low.min(x), high.max(x)));
        Self {
            seconds: median(wall),
            range,
            cpu_seconds: median(cpu),
            rss: samples.iter().map(|sample| sample.rss).max().unwrap_or_default(),
            stored: median(stored) as u64,
        }
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

/// How many times `peer` `ours` is: below 1 is better.
pub(crate) fn ratio(ours: f64, peer: f64) -> f64 {
    ours / peer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn one_slow_run_moves_the_range_and_the_peak_but_not_the_median() {
        let sample = |seconds, rss| Usage { wall: Duration::from_secs(seconds), rss, ..Usage::default() };
        let summary = Summary::of(&[sample(1, 10), sample(60, 99), sample(2, 20)]);
        assert_eq!((summary.seconds, summary.range, summary.rss), (2.0, (1.0, 60.0), 99));
    }

    #[test]
    fn a_ratio_below_one_is_faster_than_the_peer() {
        assert_eq!(ratio(1.0, 4.0), 0.25);
    }
}
