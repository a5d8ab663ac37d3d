//! What all clients did together, and what the server says.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::client::Tally;
use sci_benches::server::{Failure, Server};

/// Times of one kind of operation, in milliseconds.
#[derive(Debug, Serialize)]
struct Times {
    count: usize,
    median: f64,
    p99: f64,
    max: f64,
}

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    seconds: f64,
    resolves: Times,
    restores: Times,
    saves: Times,
    restored_bytes: u64,
    /// Requests by status.
    statuses: BTreeMap<String, u64>,
    /// The server's peak resident memory in bytes.
    peak_memory: u64,
    /// What went wrong for a client, and how often.
    pub(crate) errors: BTreeMap<String, u64>,
}

impl Report {
    /// Sums up.
    pub(crate) fn new(took: Duration, tallies: Vec<Tally>, server: &Server) -> Result<Self, Failure> {
        let mut all = Tally::default();
        for tally in tallies {
            all.resolves.extend(tally.resolves);
            all.restores.extend(tally.restores);
            all.saves.extend(tally.saves);
            all.bytes += tally.bytes;
            for (error, times) in tally.errors {
                *all.errors.entry(error).or_default() += times;
            }
        }
        Ok(Self {
            seconds: took.as_secs_f64(),
            resolves: times(all.resolves),
            restores: times(all.restores),
            saves: times(all.saves),
            restored_bytes: all.bytes,
            statuses: statuses(&server.metrics()?),
            peak_memory: server.peak_memory()?,
            errors: all.errors,
        })
    }
}

fn times(mut all: Vec<Duration>) -> Times {
    all.sort_unstable();
    let at = |share: usize| {
        let place = (all.len() * share / 100).min(all.len().saturating_sub(1));
        all.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    Times { count: all.len(), median: at(50), p99: at(99), max: at(100) }
}

/// How many requests ended with each status, by the server's counters.
fn statuses(metrics: &str) -> BTreeMap<String, u64> {
    let mut statuses = BTreeMap::new();
    for line in metrics.lines().filter(|line| line.starts_with("sci_requests_total{")) {
        let status = line.split("status=\"").nth(1).and_then(|rest| rest.split('"').next());
        let count = line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
        if let (Some(status), Some(count)) = (status, count) {
            *statuses.entry(status.to_owned()).or_default() += count;
        }
    }
    statuses
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| operation | number | per second | median ms | p99 ms | max ms |")?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|")?;
        for (name, times) in [("resolve", &self.resolves), ("restore", &self.restores), ("save", &self.saves)] {
            let Times { count, median, p99, max } = times;
            let rate = *count as f64 / self.seconds;
            writeln!(f, "| {name} | {count} | {rate:.1} | {median:.0} | {p99:.0} | {max:.0} |")?;
        }
        writeln!(f, "\nServer: peak memory {} MiB, requests by status {:?}.", self.peak_memory >> 20, self.statuses)?;
        writeln!(f, "Restored: {} MB. Errors: {:?}.", self.restored_bytes / 1_000_000, self.errors)
    }
}
